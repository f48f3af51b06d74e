"""Stretches behave as the sets of minutes that they are."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.core.stretches import (
    MINUTE,
    Disjoint,
    instant_of,
    refused_starts,
    ticks,
)

stretches = st.builds(
    lambda start, length: (start, start + length), st.integers(0, 200), st.integers(1, 40)
)


def minutes_in(obstacles: list[tuple[int, int]]) -> set[int]:
    return {minute for start, end in obstacles for minute in range(start, end)}


@given(
    st.lists(stretches),
    st.integers(1, 30),
    st.integers(0, 10),
    st.integers(0, 10),
    st.integers(-60, 260),
)
def test_a_start_is_refused_exactly_when_its_buffered_slot_meets_an_obstacle(
    obstacles: list[tuple[int, int]], minutes: int, before: int, after: int, start: int
) -> None:
    refused = Disjoint(refused_starts(obstacles, before=minutes + after, after=before))

    slot = set(range(start - before, start + minutes + after))
    meets = bool(slot & minutes_in(obstacles))

    assert (refused.strictly_around(start) is not None) == meets


def test_a_start_between_two_obstacles_that_leave_just_room_is_not_refused() -> None:
    refused = refused_starts([(0, 60), (90, 150)], before=30)

    assert refused == [(-30, 60), (60, 150)]
    assert Disjoint(refused).strictly_around(60) is None
    assert Disjoint(refused).meeting(60, 61) == (60, 150)


def test_ticks_are_exact() -> None:
    instant = datetime(2027, 1, 4, 18, 0, 0, 1, tzinfo=UTC)

    assert ticks(instant + timedelta(minutes=1)) - ticks(instant) == MINUTE
    assert instant_of(ticks(instant)) == instant
