"""Colors, and what can be read on them."""

import pytest

from domain.core.colors import is_color, readable_on


@pytest.mark.parametrize(
    ("color", "text"),
    [("#3b3a8f", "#ffffff"), ("#FFD54A", "#000000"), ("#777777", "#000000")],
    ids=["dark", "light", "even"],
)
def test_text_on_a_color_is_black_or_white(color: str, text: str) -> None:
    assert readable_on(color) == text


@pytest.mark.parametrize("text", ["", "#fff", "red", "#12345g", "#1234567", "#123456\n"])
def test_other_texts_are_no_colors(text: str) -> None:
    assert not is_color(text)
