"""Text as people type it: what of it can be seen."""

import unicodedata
from typing import Final

# Letters and marks that show nothing, though their categories say otherwise: joiners of letters,
# variation selectors, fillers of Hangul, Khmer's inherent vowels and an empty Braille pattern.
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | frozenset(
    chr(code) for code in (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
)
_BLANK_CATEGORIES: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})


def is_invisible(letter: str) -> bool:
    """Whether a character shows nothing: spaces, controls, format characters and fillers."""
    return letter in _BLANK or unicodedata.category(letter) in _BLANK_CATEGORIES


def tidy_name(text: str) -> str:
    """A name without surrounding space; empty where nothing of it can be seen."""
    trimmed = text.strip()
    return "" if all(map(is_invisible, trimmed)) else trimmed
