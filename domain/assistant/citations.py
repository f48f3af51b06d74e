"""Citations: what the claims of an answer rest on.

A model marks them in its text, as ``[[slot:…]]``, by ids that results of tools have given it. The
markers are taken out while the text is streamed; those with other ids are dropped.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from domain.assistant.plain_text import PlainText
from domain.assistant.redaction import redacted

LONGEST_MARKER: Final = 160
_OPEN: Final = "[["
_CLOSE: Final = "]]"
# A full stop before a digit, a small letter or a bracket ends no sentence: "Kim C. (4)", "Dez. 20".
_SENTENCE: Final = re.compile(
    r"[^\n.!?]*(?:(?:[.!?]+(?!\s|$)|\.(?=[^\S\n]+[\da-z\u00df-\u00ff(]))[^\n.!?]*)*"
    r"(?:[.!?]+|\n+|$)\s*"
)
# Times, amounts of money and dates, in the ways of English, German, Spanish and French.
_CLAIM: Final = re.compile(
    r"\b\d{1,2}[:.]\d{2}\b|\b\d{1,2}\s?(?:h|hrs?|Uhr|[ap]\.?m\.?)\b|[$€£]\s?\d|\b\d+(?:[.,]\d+)?\s?"
    r"(?:[$€£]|(?:EUR|USD|GBP|CHF|euros?|dollars?|dólares|Dollar)\b)|\b\d{4}-\d{2}-\d{2}\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Source:
    """Something that a result of a tool has shown, by the id under which it can be cited.

    ``node`` is the type and the uuid of the object, if it is one that clients can fetch.
    """

    id: str
    label: str
    node: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Citation:
    """A citation: the text before ``at``, an offset in characters, rests on the source."""

    source: Source
    at: int

    @property
    def id(self) -> str:
        return self.source.id

    @property
    def kind(self) -> str:
        return self.source.id.partition(":")[0]

    @property
    def label(self) -> str:
        return self.source.label


@dataclass(frozen=True, slots=True)
class Part:
    """A sentence of an answer, with what it rests on.

    ``is_guess``: it names a time or an amount, and nothing that it rests on.
    """

    text: str
    citations: Sequence[Citation]
    is_guess: bool


class AnswerText:
    """The text of an answer while it is written, without its markers.

    ``known`` are the sources that may be cited, by id; results of tools add to them.
    """

    def __init__(self, known: dict[str, Source]) -> None:
        self.known = known
        self.length = 0
        self._pieces: list[str | Source] = []
        self._held = ""
        self._plain = PlainText()

    def feed(self, delta: str) -> str:
        """Adds a part of what a model writes; returns what of it is text for the reader.

        What may be the beginning of a marker is held back until that is clear.
        """
        shown = ""
        rest = self._held + delta
        while True:
            text, opened, rest = rest.partition(_OPEN)
            if not opened:
                kept = 1 if text.endswith(_OPEN[0]) else 0
                self._held = text[len(text) - kept :]
                return shown + self._add(text[: len(text) - kept])
            shown += self._add(text)
            marked, closed, after = rest.partition(_CLOSE)
            if closed and len(marked) <= LONGEST_MARKER:
                self._cite(marked)
                rest = after
            elif not closed and len(rest) <= LONGEST_MARKER:
                self._held = _OPEN + rest
                return shown
            else:
                shown += self._add(_OPEN)

    def end(self) -> str:
        """Returns what was held back and turned out to be text."""
        held, self._held = self._held, ""
        return self._add(held) + self._keep(self._plain.end())

    def finished(self, *, redacts: bool) -> tuple[str, list[Citation]]:
        """Returns the whole text and its citations; ``redacts``: without contact data."""
        text = ""
        citations: list[Citation] = []
        for is_text, pieces in groupby(self._pieces, key=lambda each: isinstance(each, str)):
            if is_text:
                plain = "".join(map(str, pieces))
                text += redacted(plain) if redacts else plain
            else:
                citations += [
                    Citation(each, len(text))
                    for each in dict.fromkeys(pieces)
                    if isinstance(each, Source)
                ]
        return text, citations

    def _add(self, text: str) -> str:
        return self._keep(self._plain.feed(text))

    def _keep(self, text: str) -> str:
        if text:
            self._pieces.append(text)
            self.length += len(text)
        return text

    def _cite(self, marked: str) -> None:
        # One pair of brackets may hold several ids.
        for id in re.split(r"[,;\s]+", marked.strip()):
            if (source := self.known.get(id)) is not None:
                self._pieces.append(source)


def with_markers(text: str, citations: Iterable[Citation]) -> str:
    """Returns a text as the model wrote it, but for markers that were dropped."""
    for each in sorted(citations, key=lambda each: each.at, reverse=True):
        text = f"{text[: each.at]}[[{each.source.id}]]{text[each.at :]}"
    return text


def parts_of(text: str, citations: Sequence[Citation]) -> Iterator[Part]:
    """Yields the sentences of an answer, each with the citations in it; together they are the text.

    A citation at the end of a sentence belongs to it, also after its full stop.
    """
    start = 0
    for found in _SENTENCE.finditer(text):
        if not found[0]:
            continue
        end = found.end()
        is_last = end == len(text)
        inside = [
            each
            for each in citations
            if start < each.at < end or (each.at == end and is_last) or (start == each.at == 0)
        ]
        start = end
        is_guess = not inside and _CLAIM.search(found[0]) is not None
        yield Part(found[0], inside, is_guess)


def as_json(citation: Citation) -> Mapping[str, Any]:
    """Returns a citation as it is stored."""
    source = citation.source
    return {"id": source.id, "label": source.label, "node": source.node, "at": citation.at}


def from_json(stored: Collection[Mapping[str, Any]]) -> list[Citation]:
    """Returns citations that were stored."""
    return [
        Citation(
            Source(each["id"], each["label"], tuple(each["node"]) if each["node"] else None),
            each["at"],
        )
        for each in stored
    ]
