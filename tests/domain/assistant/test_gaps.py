"""Gaps that a booking leaves: by hand, and against trying all bookings."""

from hypothesis import given
from hypothesis import strategies as st

from domain.assistant.gaps import Buffers, FreeStretch, Gaps, free_stretches
from domain.core.stretches import MINUTE, Stretch


def minutes(*pairs: tuple[int, int]) -> list[Stretch]:
    return [(start * MINUTE, end * MINUTE) for start, end in pairs]


def around(
    start: int, end: int, *, taken: list[Stretch], shortest: int = 60, buffer: int = 0
) -> tuple[int, int]:
    """Returns the gaps that a booking leaves on a day that is open from minute 600 to 1200."""
    free = free_stretches(minutes((600, 1200)), taken)
    gaps = Gaps(free, Buffers.of_minutes(buffer, 0, shortest))
    return gaps.around(start * MINUTE, end * MINUTE)


def test_free_time_is_what_is_open_and_not_taken() -> None:
    free = free_stretches(minutes((0, 100), (200, 300)), minutes((40, 60), (90, 220)))

    assert free == [
        FreeStretch(0, 40 * MINUTE, follows=False, precedes=True),
        FreeStretch(60 * MINUTE, 90 * MINUTE, follows=True, precedes=True),
        FreeStretch(220 * MINUTE, 300 * MINUTE, follows=True, precedes=False),
    ]


def test_a_booking_beside_others_leaves_no_gap() -> None:
    assert around(700, 760, taken=minutes((640, 700), (760, 800))) == (0, 0)


def test_half_an_hour_that_is_left_before_it_is_lost() -> None:
    assert around(730, 790, taken=minutes((640, 700))) == (30, 0)


def test_half_an_hour_until_the_venue_closes_is_lost() -> None:
    assert around(1110, 1170, taken=[]) == (0, 30)


def test_an_hour_that_is_left_can_still_be_booked() -> None:
    assert around(760, 820, taken=minutes((640, 700), (880, 900))) == (0, 0)


def test_an_hour_is_lost_if_the_buffers_leave_too_little_of_it() -> None:
    assert around(770, 830, taken=minutes((640, 700)), buffer=10) == (60, 0)


@given(
    st.integers(600, 1100),
    st.lists(st.integers(60, 115).map(lambda n: (n * 10, n * 10 + 50)), max_size=3),
    st.sampled_from([0, 10, 30]),
    st.sampled_from([15, 30, 60]),
)
def test_time_is_lost_exactly_if_no_other_booking_fits_into_it(
    start: int, others: list[tuple[int, int]], buffer: int, shortest: int
) -> None:
    end = start + 45
    own = (start - buffer, end)
    if any(own[0] < until and since < own[1] for since, until in others):
        return
    opened = max([600, *(until for _, until in others if until <= start)])
    closed = min([1200, *(since for since, _ in others if since >= end)])

    before, after = around(start, end, taken=minutes(*others), shortest=shortest, buffer=buffer)

    def fits(first: int, last: int) -> bool:
        """Returns whether another booking fits between two times, as one minute after another."""
        return any(
            all(at - buffer >= until or at + shortest <= since for since, until in [*others, own])
            for at in range(first, last - shortest + 1)
        )

    if fits(opened, start):
        assert before == 0
    if fits(end, closed):
        assert after == 0
    if before:
        assert not fits(opened, start)
    if after:
        assert not fits(end, closed)
