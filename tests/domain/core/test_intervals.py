"""Intervals behave as the sets of minutes that they are."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.core.intervals import (
    Interval,
    first_overlap,
    merge,
)
from tests.domain.strategies import at_minute, intervals, minutes_in


@given(intervals(), intervals())
def test_intervals_overlap_when_they_share_a_minute(one: Interval, other: Interval) -> None:
    assert one.overlaps(other) == bool(minutes_in(one) & minutes_in(other))


@given(intervals(), intervals())
def test_an_interval_contains_another_when_all_its_minutes_are_inside(
    one: Interval, other: Interval
) -> None:
    assert one.contains(other) == (minutes_in(other) <= minutes_in(one))


@given(st.lists(intervals()))
def test_merging_keeps_the_time_and_leaves_gaps_between(given_: list[Interval]) -> None:
    merged = merge(given_)

    assert minutes_in(*merged) == minutes_in(*given_)
    assert all(one.end < other.start for one, other in pairwise(merged))


@given(st.lists(intervals()), intervals())
def test_the_first_overlap_is_the_first_that_shares_time(
    given_: list[Interval], wanted: Interval
) -> None:
    merged = merge(given_)

    sharing = [interval for interval in merged if minutes_in(interval) & minutes_in(wanted)]

    assert first_overlap(merged, wanted) == (sharing[0] if sharing else None)


def test_touching_is_not_overlapping() -> None:
    morning = Interval(at_minute(0), at_minute(60))
    noon = Interval(at_minute(60), at_minute(120))

    assert not morning.overlaps(noon)


def test_padding_grows_both_ends() -> None:
    interval = Interval(at_minute(60), at_minute(120))

    padded = interval.padded(before_minutes=10, after_minutes=15)

    assert padded == Interval(at_minute(50), at_minute(135))
    assert padded.minutes == 85


@pytest.mark.parametrize("length", [timedelta(0), timedelta(minutes=-1)])
def test_an_interval_cannot_end_before_it_starts(length: timedelta) -> None:
    with pytest.raises(ValueError, match="ends after it starts"):
        Interval(at_minute(0), at_minute(0) + length)


@pytest.mark.parametrize(
    "start",
    [
        datetime(2027, 1, 4, 18),  # noqa: DTZ001
        datetime(2027, 1, 4, 18, tzinfo=ZoneInfo("Europe/Berlin")),
    ],
    ids=["naive", "in a zone"],
)
def test_an_interval_is_in_utc(start: datetime) -> None:
    with pytest.raises(ValueError, match="in UTC"):
        Interval(start, datetime(2027, 1, 5, tzinfo=UTC))
