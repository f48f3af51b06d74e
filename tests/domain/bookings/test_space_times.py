"""Which bookings overlap at a space that they share."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.bookings.refusals import Busy
from domain.bookings.space_times import SpaceTime, overlapping
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval

TEN = datetime(2027, 3, 2, 10, tzinfo=UTC)


def time(number: int, start: int, length: int, spaces: set[int], moves: int | None) -> SpaceTime:
    interval = Interval.of_minutes(TEN + timedelta(minutes=start), length)
    id, occupant = UUID(int=number), UUID(int=number if moves is None else moves)
    busy = Busy(RoomId(UUID(int=99)), BookingId(id), interval, interval)
    return SpaceTime(busy, occupant, [UUID(int=each) for each in sorted(spaces)])


@st.composite
def all_times(draw: st.DrawFn) -> list[SpaceTime]:
    return [
        time(
            number,
            draw(st.integers(0, 30)),
            draw(st.integers(1, 12)),
            draw(st.sets(st.integers(0, 3), min_size=1)),
            moves=draw(st.sampled_from([None, None, 0])),
        )
        for number in range(draw(st.integers(0, 8)))
    ]


@given(all_times())
def test_all_that_overlap_at_a_space_are_found(times: list[SpaceTime]) -> None:
    found = overlapping(times)

    clashing = {
        one.busy.booking_id
        for one in times
        for other in times
        if one.occupant_id != other.occupant_id
        and not set(one.spaces).isdisjoint(other.spaces)
        and one.busy.occupied.overlaps(other.busy.occupied)
    }
    assert {each.booking_id for each in found} == clashing
    assert [each.occupied.start for each in found] == sorted(each.occupied.start for each in found)
