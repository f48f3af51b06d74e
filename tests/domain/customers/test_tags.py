"""Tags in the one form in which they are stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.core.refusals import LimitReached
from domain.customers.tags import tag_name, with_tags


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("VIP", "vip"),
        ("  Late   payer ", "late payer"),
        ("Cafe\u0301", "caf\u00e9"),
        ("STRASSE", "strasse"),
        ("\u200b", ""),
        ("", ""),
    ],
    ids=["case", "spaces", "normal form", "letters", "invisible", "empty"],
)
def test_a_tag_has_one_form(text: str, name: str) -> None:
    assert tag_name(text) == name


@given(st.text(max_size=60))
def test_a_stored_tag_is_its_own_form(text: str) -> None:
    once = tag_name(text)

    assert tag_name(once) == once


def test_tags_are_united_and_sorted() -> None:
    assert with_tags(["vip"], [tag_name("Band"), tag_name("VIP")], path=()) == ["band", "vip"]


def test_there_are_at_most_twenty() -> None:
    twenty = [f"tag {number}" for number in range(20)]

    assert len(with_tags(twenty, [tag_name("tag 7")], path=())) == 20
    with pytest.raises(LimitReached):
        with_tags(twenty, [tag_name("another")], path=())
