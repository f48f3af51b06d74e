"""Computes the cost in points of parsing and validating a document that isn't cached."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, Self

# Parsing and validation read every character in Python, visit every token some thirty times, and
# compare each pair of fields of one name. At these prices a point stands for at most about a
# millisecond, whatever the document (tests/attacks/test_admission.py).
BYTES: Final = 1_024
TOKENS: Final = 10
PAIRS: Final = 30
FIELDS: Final = 1
"""How many of each cost a point; fields are counted if a statement has to be compiled."""

ANONYMOUS_FACTOR: Final = 4
"""How many times as much callers pay who aren't logged in."""

# A document with more fields of a name is refused before validation compares its pairs.
_MAX_OF_A_NAME: Final = 100

# Ignored characters, then one token. An unterminated string takes the rest: parsing ends there.
_TOKEN: Final = re.compile(
    r"[ \t\r\n,\ufeff]*+(?:#[^\r\n]*+[ \t\r\n,\ufeff]*+)*+("
    r"[_A-Za-z][_0-9A-Za-z]*+"
    r"|\"\"\"(?:[^\"\\]|\\\"\"\"|\\|\"(?!\"\"))*+(?:\"\"\")?"
    r"|\"(?:[^\"\\\r\n]|\\[^\r\n])*+\"?"
    r"|\.\.\.|-?[0-9][0-9A-Za-z.+-]*+|.)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Text:
    """Measures a document's text, up to one token more than allowed."""

    size: int
    tokens: int
    pairs: int

    @classmethod
    def of(cls, text: str, *, max_tokens: int) -> Self:
        """Counts the tokens of any text, whether or not it is a valid document."""
        found = list(islice(_tokens(text), max_tokens + 1))
        counts = [
            min(count, _MAX_OF_A_NAME)
            for token, count in Counter(found).items()
            if token[0].isalpha() or token[0] == "_"
        ]
        pairs = sum(count * (count - 1) // 2 for count in counts)
        return cls(len(text), len(found), pairs)

    def points(self, *, is_anonymous: bool) -> int:
        """Returns the points that parsing and validating the text costs."""
        points = 1 + self.size // BYTES + self.tokens // TOKENS + self.pairs // PAIRS
        return points * ANONYMOUS_FACTOR if is_anonymous else points


def _tokens(text: str) -> Iterator[str]:
    end = 0
    # Matched at the end of the last one: searching for the next start would be quadratic.
    while match := _TOKEN.match(text, end):
        end = match.end()
        yield match[1]
