"""Colors, as '#RRGGBB'."""

import re
from typing import Final

_COLOR: Final = re.compile(r"#[0-9a-fA-F]{6}")
_EVEN_LUMINANCE: Final = 0.1791
"""With this one black and white have the same contrast, since (L + 0.05)² = 0.05 * 1.05."""


def is_color(text: str) -> bool:
    return _COLOR.fullmatch(text) is not None


def readable_on(color: str) -> str:
    """Returns black or white, whichever has more contrast with a color (WCAG 2.2)."""
    red, green, blue = (_linear(int(color[n : n + 2], 16) / 255) for n in (1, 3, 5))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#ffffff" if luminance < _EVEN_LUMINANCE else "#000000"


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
