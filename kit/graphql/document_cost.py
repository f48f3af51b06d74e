"""What a document costs that isn't known yet, in points: worked out before anything parses it."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, Self

# What makes parsing and validation take long: they read every character in Python, visit every
# token some thirty times, and compare each two fields of one name. At these prices a point stands
# for about a millisecond at most, whatever the document (tests/attacks/test_admission.py).
BYTES: Final = 1_024
TOKENS: Final = 10
PAIRS: Final = 30
FIELDS: Final = 1
"""So many of each cost a point; a field, where a statement has to be made for it."""

STRANGERS_TIMES: Final = 4
"""How many times as much callers pay who aren't logged in: nobody knows them."""

# Once a name is there more often, the document is refused before its pairs are compared.
_MOST_OF_A_NAME: Final = 100

# Ignored characters, then one token. A string without an end takes the rest: there parsing ends.
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
    """What a document's text alone tells: its length, and at most one token more than allowed."""

    size: int
    tokens: int
    pairs: int

    @classmethod
    def of(cls, text: str, *, most_tokens: int) -> Self:
        """Count, without regard to whether the text is a document at all."""
        found = list(islice(_tokens(text), most_tokens + 1))
        counts = [
            min(count, _MOST_OF_A_NAME)
            for token, count in Counter(found).items()
            if token[0].isalpha() or token[0] == "_"
        ]
        pairs = sum(count * (count - 1) // 2 for count in counts)
        return cls(len(text), len(found), pairs)

    def points(self, *, is_stranger: bool) -> int:
        """What it costs to have it parsed and validated."""
        points = 1 + self.size // BYTES + self.tokens // TOKENS + self.pairs // PAIRS
        return points * STRANGERS_TIMES if is_stranger else points


def _tokens(text: str) -> Iterator[str]:
    end = 0
    # Each where the last one ended: to search for where one begins would be quadratic.
    while match := _TOKEN.match(text, end):
        end = match.end()
        yield match[1]
