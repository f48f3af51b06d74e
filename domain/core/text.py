"""Text as people type it: what of it can be seen, and how it is sorted and found again."""

import unicodedata
from functools import cache
from typing import Final, NewType

from pyuca import Collator

SearchText = NewType("SearchText", str)
"""What is looked for in names: every letter of it costs the database time."""

TokenText = NewType("TokenText", str)
"""What another program made, such as a captcha: longer than people type."""

MAX_TEXT_LENGTH: Final = 2_000
MAX_TOKEN_LENGTH: Final = 10_000
MAX_SEARCH_LENGTH: Final = 100

# Letters and marks that show nothing, though their categories say otherwise: joiners of letters,
# variation selectors, fillers of Hangul, Khmer's inherent vowels and an empty Braille pattern.
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | frozenset(
    chr(code) for code in (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
)
_BLANK_CATEGORIES: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
# Letters with something through or beside them, which have no form without it in Unicode.
_PLAIN: Final = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ŧ": "t", "\u0131": "i"}
    | {"æ": "ae", "œ": "oe", "þ": "th"}
)
# Canonical combining classes from here on are accents and points; below are parts of letters, such
# as the voicing marks of kana.
_FIRST_ACCENT: Final = 10
_LONGEST_KEY: Final = 800
# The weights of most letters: no accent, no capital.
_USUAL: Final = {1: 0x20, 2: 0x02}


def is_invisible(letter: str) -> bool:
    """Whether a character shows nothing: spaces, controls, format characters and fillers."""
    return letter in _BLANK or unicodedata.category(letter) in _BLANK_CATEGORIES


def tidy_name(text: str) -> str:
    """A name without surrounding space; empty where nothing of it can be seen."""
    trimmed = text.strip()
    return "" if all(map(is_invisible, trimmed)) else trimmed


def sort_key(name: str) -> str:
    """What sorts byte by byte as people expect of the names: by the root of Unicode's collation.

    Letters first, then accents, then case (UTS #10). The digits of the weights, levels parted by
    full stops; what only makes it longer at its end is left out.
    """
    levels: list[list[int]] = [[]]
    for weight in _collator().sort_key(name):
        if weight:
            levels[-1].append(weight)
        else:
            levels.append([])
    for level, usual in _USUAL.items():
        while levels[level][-1:] == [usual]:
            levels[level].pop()
    printed = ("".join([f"{weight:04x}" for weight in level]) for level in levels[:3])
    return ".".join(printed)[:_LONGEST_KEY]


def search_form(text: str) -> str:
    """A text as it is found: without case, accents and what can't be seen, its spaces single."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_PLAIN)
    letters = unicodedata.normalize("NFKD", " ".join(folded.split()))
    plain = [each for each in letters if each == " " or not _is_beside_the_point(each)]
    return unicodedata.normalize("NFC", "".join(plain))


def _is_beside_the_point(letter: str) -> bool:
    return unicodedata.combining(letter) >= _FIRST_ACCENT or is_invisible(letter)


@cache
def _collator() -> Collator:
    # It reads a table of 2 MB, which takes 0.2 s and 11 MB: once, where the first name is stored.
    return Collator()
