"""Takes out of a streamed text what would make a reader's browser load something by itself.

Clients show answers as text, or as Markdown. An image that a model was made to write would send
what is in its address to whoever is named there, without a click.
"""

import re
from typing import Final

_IMAGE: Final = re.compile(r"!+(?=\[)")
_TAG: Final = re.compile(r"<(?=[A-Za-z/!?])")
_QUOTE: Final = "\u2039"
_BEGINNING: Final = re.compile(r"<?!*\Z")


class PlainText:
    """Makes images of Markdown links, and tags of HTML text: ``![a](b)`` is ``[a](b)``."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, delta: str) -> str:
        """Returns what can be shown of a text; signs that may begin something are held."""
        text = self._held + delta
        rest = _BEGINNING.split(text, maxsplit=1)[0]
        self._held = text[len(rest) :]
        return _TAG.sub(_QUOTE, _IMAGE.sub("", rest))

    def end(self) -> str:
        """Returns what was held."""
        held, self._held = self._held, ""
        return held
