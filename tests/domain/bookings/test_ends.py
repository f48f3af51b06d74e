"""Extensions and early ends: when they are possible, and which times they lead to."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bookings.availability import overridden, reasons_against
from domain.bookings.ends import early_end, minutes_more
from domain.core.intervals import Interval
from domain.core.refusals import Code, Invalid
from tests.domain.bookings.test_availability import BLUE_ROOM, WISH, booked

START = datetime(2027, 1, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = Interval.of_minutes(START, 60)


@pytest.mark.parametrize(
    ("after_its_start", "minutes"),
    [
        (timedelta(0), 1),
        (timedelta(seconds=1), 1),
        (MINUTE, 1),
        (20 * MINUTE, 20),
        (20 * MINUTE + timedelta(microseconds=1), 21),
        (60 * MINUTE - timedelta(seconds=1), 60),
        (90 * MINUTE, 60),
    ],
)
def test_a_booking_that_is_ended_early_ends_at_the_next_whole_minute(
    after_its_start: timedelta, minutes: int
) -> None:
    assert early_end(HOUR, now=START + after_its_start) == START + minutes * MINUTE


def test_an_extension_is_given_by_its_end_or_its_minutes() -> None:
    assert minutes_more(HOUR, until=HOUR.end + 30 * MINUTE, minutes=None) == 30
    assert minutes_more(HOUR, until=None, minutes=30) == 30
    with pytest.raises(Invalid, match="whole minute"):
        minutes_more(HOUR, until=HOUR.end + MINUTE / 2, minutes=None)


@given(
    now=st.integers(-200 * 24 * 60, 24 * 60),
    minutes=st.integers(1, 400),
    neighbour=st.integers(-3, 10),
    override=st.booleans(),
)
def test_what_a_booking_has_already_refuses_no_extension_of_it(
    now: int, minutes: int, neighbour: int, override: bool
) -> None:
    # Off the grid, and at any time before or after the start.
    start = START + 7 * MINUTE
    wish = replace(WISH, now=start + now * MINUTE, duration_minutes=minutes, override=override)
    other = booked(Interval.of_minutes(start + neighbour * 60 * MINUTE, 60))
    room = replace(BLUE_ROOM, busy=(other,))
    kept = wish.keeping_start(start)

    reasons = {each.code for each in reasons_against(room, start, kept)}

    assert reasons.isdisjoint({Code.MIN_NOTICE, Code.MAX_ADVANCE, Code.OFF_GRID})
    assert overridden(start, kept) == ()
    others = {each.code for each in reasons_against(room, start, wish)}
    assert reasons == others - {Code.MIN_NOTICE, Code.MAX_ADVANCE, Code.OFF_GRID}
