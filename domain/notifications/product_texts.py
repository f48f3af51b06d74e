"""The product's own texts, which are sent where a venue has no template of its own.

They are in `texts/`, a file for each language. Entries of the inbox use the texts of push messages.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from domain.notifications.kinds import Channel, NotificationKind
from domain.notifications.templates import Template

_FOLDER: Final = Path(__file__).with_name("texts")


def product_template(kind: NotificationKind, channel: Channel, language: str) -> Template:
    """Returns the product's text of a kind, for a channel and in one of the languages."""
    stored = Channel.PUSH if channel is Channel.IN_APP else channel
    text = _texts(language)[kind.value][stored.value]
    return Template(text.get("subject"), text["body"].strip())


def labels(language: str) -> Mapping[str, str]:
    """Returns the words around a mail's text, such as those of its table and its button."""
    found: Mapping[str, str] = _texts(language)["labels"]
    return found


@cache
def _texts(language: str) -> Mapping[str, Any]:
    return tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
