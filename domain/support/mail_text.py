"""The answer in a mail: its text without quotes and signatures, and the text of HTML.

It is a simple cutter: what it doesn't recognise stays, so that nothing that was written is lost.
"""

import re
from html import unescape
from typing import Final

_BREAKS: Final = frozenset(
    {"p", "div", "br", "tr", "li", "ul", "ol", "table", "h1", "h2", "h3", "h4", "hr"}
)
_HIDDEN: Final = frozenset({"script", "style", "head", "title"})
_QUOTES: Final = frozenset({"blockquote"})
_TAG: Final = re.compile(r"(/?)([A-Za-z][A-Za-z0-9]*)")
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
    """Returns the visible text of HTML, without what it quotes.

    It looks at each character a few times only: Python's own parser takes minutes for some texts.
    """
    first, *rest = _without_comments(source).split("<")
    parts, skipped = [_flowing(first)], ""
    depth = 0
    for piece in rest:
        tag, closed, text = piece.partition(">")
        match = _TAG.match(tag)
        if not closed or match is None:
            if not skipped and not (closed and tag.startswith(("!", "?"))):
                parts.append(_flowing(f"<{piece}"))
            continue
        is_end, name = bool(match[1]), match[2].lower()
        if skipped:
            depth += 0 if name != skipped else -1 if is_end else 1
            if depth:
                continue
            skipped = ""
        elif not is_end and _is_skipped(name, tag):
            skipped, depth = name, 1
            continue
        parts += ["\n" if name in _BREAKS else "", _flowing(text)]
    lines = (" ".join(line.split()) for line in unescape("".join(parts)).split("\n"))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def _without_comments(source: str) -> str:
    kept, end = [], 0
    while (start := source.find("<!--", end)) >= 0:
        kept.append(source[end:start])
        end = source.find("-->", start)
        if end < 0:
            return "".join(kept)
        end += len("-->")
    return "".join([*kept, source[end:]])


def _flowing(text: str) -> str:
    """Returns a text of HTML, in which a line break is a space."""
    return text.replace("\n", " ")


def _is_skipped(name: str, tag: str) -> bool:
    is_quote = name not in _VOID and "gmail_quote" in tag
    return name in _HIDDEN or name in _QUOTES or is_quote


def _is_end(text: str, match: re.Match[str]) -> bool:
    """Returns whether only the quote follows; one who answers between its lines writes below."""
    rest = [line for line in text[match.end() :].split("\n") if line.strip()]
    quoted = [line for line in rest if line.lstrip().startswith(">")]
    return not quoted or len(quoted) == len(rest) or not _is_between(rest)


def _is_between(rest: list[str]) -> bool:
    """Returns whether something stands between or below quoted lines."""
    first = next(n for n, line in enumerate(rest) if line.lstrip().startswith(">"))
    return any(not line.lstrip().startswith(">") for line in rest[first:])
