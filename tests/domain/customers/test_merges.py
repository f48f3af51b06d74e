"""What becomes of the fields of two customers that are merged."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.core.refusals import Invalid, LimitReached
from domain.customers.merges import Details, merged, unmerged

ADA = Details("ada@x.test", None, "en", "Tea.", ("vip",))
TWIN = Details("al@x.test", "0100", "de", "Window.", ("band", "vip"))

SOME = st.sampled_from([None, "one", "two"])
DETAILS = st.builds(
    Details, SOME, SOME, SOME, SOME, st.lists(st.sampled_from("abc"), unique=True).map(sorted)
)


def test_what_is_kept_wins_and_what_is_missing_is_filled() -> None:
    assert merged(ADA, TWIN) == Details(
        "ada@x.test", "0100", "en", "Tea.\n\nWindow.", ["band", "vip"]
    )


def test_too_many_tags_are_refused() -> None:
    many = replace(TWIN, tags=[f"tag {number}" for number in range(20)])

    with pytest.raises(LimitReached):
        merged(ADA, many)


def test_notes_that_are_too_long_together_are_refused() -> None:
    long = replace(ADA, notes="a" * 1_999)

    with pytest.raises(Invalid):
        merged(long, replace(TWIN, notes="b"))


@given(DETAILS, DETAILS)
def test_a_merge_is_undone_exactly(kept: Details, other: Details) -> None:
    together = merged(kept, other)

    assert unmerged(together, before=kept, after=together) == kept


@given(DETAILS, DETAILS, st.sampled_from(["new", None]))
def test_what_was_changed_since_stays(kept: Details, other: Details, phone: str | None) -> None:
    together = merged(kept, other)
    changed = replace(together, phone=phone)

    undone = unmerged(changed, before=kept, after=together)

    assert undone.phone == (kept.phone if phone == together.phone else phone)
