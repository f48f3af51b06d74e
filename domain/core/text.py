"""Normalises text that people type, for display, sorting and search."""

import unicodedata
from functools import cache
from typing import Final, NewType

from pyuca import Collator

SearchText = NewType("SearchText", str)
"""The longest search term: every character costs the database time."""

TokenText = NewType("TokenText", str)
"""The longest text from another program, such as a captcha's response."""

PhraseText = NewType("PhraseText", str)
"""The longest request in natural language."""

LongText = NewType("LongText", str)
"""The longest text that people write, such as a template or a query."""

MarkdownText = NewType("MarkdownText", str)
"""The text of an article."""

MAX_TEXT_LENGTH: Final = 2_000
MAX_LONG_LENGTH: Final = 5_000
MAX_MARKDOWN_LENGTH: Final = 20_000
MAX_TOKEN_LENGTH: Final = 10_000
MAX_SEARCH_LENGTH: Final = 100
MAX_PHRASE_LENGTH: Final = 500

# Letters and marks that are invisible in spite of their category: joiners, variation selectors,
# Hangul fillers, Khmer's inherent vowels and the empty Braille pattern.
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | frozenset(
    chr(code) for code in (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
)
_BLANK_CATEGORIES: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
# Letters with a stroke or the like, which Unicode doesn't decompose.
_PLAIN: Final = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ŧ": "t", "\u0131": "i"}
    | {"æ": "ae", "œ": "oe", "þ": "th"}
)
# Canonical combining classes from here on are accents and points; lower ones are parts of letters,
# such as the voicing marks of kana.
_FIRST_ACCENT: Final = 10
_LONGEST_KEY: Final = 800
# The weights of most letters: no accent, no capital.
_USUAL: Final = {1: 0x20, 2: 0x02}


def is_invisible(letter: str) -> bool:
    """Returns whether a character is invisible: spaces, controls, format characters, fillers."""
    return letter in _BLANK or unicodedata.category(letter) in _BLANK_CATEGORIES


def tidy_name(text: str) -> str:
    """Returns a name without surrounding space; empty if nothing of it is visible."""
    trimmed = text.strip()
    return "" if all(map(is_invisible, trimmed)) else trimmed


def sort_key(name: str) -> str:
    """Returns a key that sorts byte by byte in the order of Unicode's root collation.

    Letters first, then accents, then case (UTS #10). The key has the digits of the weights, with
    levels separated by full stops; trailing parts that don't affect the order are omitted.
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
    """Returns a text for search, without case, accents, invisible characters and extra spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_PLAIN)
    letters = unicodedata.normalize("NFKD", " ".join(folded.split()))
    plain = [each for each in letters if each == " " or not _is_beside_the_point(each)]
    return unicodedata.normalize("NFC", "".join(plain))


def _is_beside_the_point(letter: str) -> bool:
    return unicodedata.combining(letter) >= _FIRST_ACCENT or is_invisible(letter)


@cache
def _collator() -> Collator:
    # Reads a table of 2 MB, which takes 0.2 s and 11 MB: once, when the first name is stored.
    return Collator()
