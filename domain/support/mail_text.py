"""The answer in a mail: its text without quotes and signatures, and the text of HTML.

It is a simple cutter: what it doesn't recognise stays, so that nothing that was written is lost.
"""

import re
from html.parser import HTMLParser
from typing import Final

_BREAKS: Final = frozenset(
    {"p", "div", "br", "tr", "li", "ul", "ol", "table", "h1", "h2", "h3", "h4", "hr"}
)
_HIDDEN: Final = frozenset({"script", "style", "head", "title"})
_QUOTES: Final = frozenset({"blockquote"})
_VOID: Final = frozenset({"br", "hr", "img", "meta", "link", "input", "wbr"})

# "On Friday, Ann wrote:" in four languages; some programs break the line before the last word.
_WROTE: Final = re.compile(
    r"""
    ^[ \t]*(?:
        On\b[^\n]{1,200}(?:\n[^\n]{0,100})?\bwrote\s?:
      | (?:Am|Den)\b[^\n]{1,200}(?:\n[^\n]{0,100})?\bschrieb\b[^\n]{0,200}:
      | Le\b[^\n]{1,200}(?:\n[^\n]{0,100})?\ba\s+écrit\s?:
      | El\b[^\n]{1,200}(?:\n[^\n]{0,100})?\bescribió\s?:
    )[ \t]*$
    """,
    re.MULTILINE | re.VERBOSE,
)
_SEPARATOR: Final = re.compile(
    r"^[ \t]*(?:-{3,}[ ]*(?:Original Message|Ursprüngliche Nachricht|Message d'origine"
    r"|Mensaje original)[ ]*-{3,}|_{20,})[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)
_HEADERS: Final = re.compile(
    r"^[ \t]*\*?(?:From|Von|De)\s?:\*?[^\n]+\n[ \t]*\*?(?:Sent|Gesendet|Envoyé|Enviado|Date|Datum"
    r"|Fecha)\s?:\*?[^\n]+$",
    re.MULTILINE,
)
_SIGNATURE: Final = re.compile(r"^-- ?$", re.MULTILINE)
_BLANK_LINES: Final = re.compile(r"\n{3,}")


def answer_in(text: str) -> str:
    """Returns what somebody has written above or between what they quote.

    If nothing else is left, as of one who has answered inside of the quote's header, it is "".
    """
    for pattern in (_WROTE, _SEPARATOR, _HEADERS):
        match = pattern.search(text)
        if match is not None and _is_end(text, match):
            text = text[: match.start()]
    signature = _SIGNATURE.search(text)
    if signature is not None:
        text = text[: signature.start()]
    lines = [line.rstrip() for line in text.split("\n") if not line.lstrip().startswith(">")]
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def text_of_html(source: str) -> str:
    """Returns the visible text of HTML, without what it quotes."""
    reader = _Reader()
    reader.feed(source)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.parts).split("\n"))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def _is_end(text: str, match: re.Match[str]) -> bool:
    """Returns whether only the quote follows; one who answers between its lines writes below."""
    rest = [line for line in text[match.end() :].split("\n") if line.strip()]
    quoted = [line for line in rest if line.lstrip().startswith(">")]
    return not quoted or len(quoted) == len(rest) or not _is_between(rest)


def _is_between(rest: list[str]) -> bool:
    """Returns whether something stands between or below quoted lines."""
    first = next(n for n, line in enumerate(rest) if line.lstrip().startswith(">"))
    return any(not line.lstrip().startswith(">") for line in rest[first:])


class _Reader(HTMLParser):
    """Collects the text of HTML, as far as it is shown and not quoted."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._skipped: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._skipped:
            if tag == self._skipped[-1]:
                self._skipped.append(tag)
            return
        classes = (dict(attrs).get("class") or "").split()
        if tag in _HIDDEN | _QUOTES or (tag not in _VOID and "gmail_quote" in classes):
            self._skipped.append(tag)
        elif tag in _BREAKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if self._skipped:
            if tag == self._skipped[-1]:
                self._skipped.pop()
        elif tag in _BREAKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            # In HTML a line break is a space.
            self.parts.append(data.replace("\n", " "))
