"""What can't be seen is no name."""

import pytest

from domain.text import tidy_name


@pytest.mark.parametrize("text", ["", "  ", "\u200b", "\u00ad\u2060", "\u3164", "\u2800 \u034f"])
def test_what_cannot_be_seen_is_no_name(text: str) -> None:
    assert tidy_name(text) == ""


@pytest.mark.parametrize("text", ["Ann", "\u0646\u0627\u0645\u200c\u0647\u0627", "❤\ufe0f"])
def test_a_name_keeps_what_joins_its_letters(text: str) -> None:
    assert tidy_name(f" {text}\n") == text
