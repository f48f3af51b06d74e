"""The limits on bookings of unverified people, as pure rules."""

from datetime import timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bookings.strangers import confirm_by, most_at_once, rooms_for_strangers
from domain.core.ids import RoomId
from domain.core.intervals import Interval
from kit.ids import new_id
from tests.support.clock import MONDAY_MORNING

ROOMS: Final = [RoomId(new_id()) for _ in range(4)]


def hours(first: int, last: int) -> Interval:
    return Interval(MONDAY_MORNING + timedelta(hours=first), MONDAY_MORNING + timedelta(hours=last))


HELD = st.lists(
    st.tuples(
        st.sampled_from(ROOMS),
        st.tuples(st.integers(0, 9), st.integers(1, 4)).map(lambda x: hours(x[0], x[0] + x[1])),
    ),
    max_size=8,
)


@pytest.mark.parametrize(
    ("rooms", "strangers"), [(1, 1), (4, 1), (5, 1), (9, 1), (10, 2), (14, 2), (15, 3), (100, 20)]
)
def test_strangers_have_a_fifth_of_the_rooms_and_at_least_one(rooms: int, strangers: int) -> None:
    assert rooms_for_strangers(rooms) == strangers


def test_rooms_held_one_after_the_other_are_not_held_at_once() -> None:
    held = [(ROOMS[0], hours(0, 2)), (ROOMS[1], hours(2, 4)), (ROOMS[2], hours(3, 5))]

    assert most_at_once(held, hours(0, 3)) == 1
    assert most_at_once(held, hours(0, 4)) == 2
    assert most_at_once(held, hours(6, 7)) == 0


@given(held=HELD, first=st.integers(0, 9), length=st.integers(1, 6))
def test_the_most_at_once_is_that_of_some_hour(
    held: list[tuple[RoomId, Interval]], first: int, length: int
) -> None:
    each_hour = [
        len({room for room, time in held if time.overlaps(hours(hour, hour + 1))})
        for hour in range(first, first + length)
    ]

    assert most_at_once(held, hours(first, first + length)) == max(each_hour)


def test_an_unconfirmed_booking_holds_its_time_for_an_hour_and_not_beyond_its_end() -> None:
    now = MONDAY_MORNING

    assert confirm_by(now, ends_at=now + timedelta(days=1)) == now + timedelta(hours=1)
    assert confirm_by(now, ends_at=now + timedelta(minutes=20)) == now + timedelta(minutes=20)
