"""The clocks that SQL reads are those that Python shows."""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.core.clock_changes import ZoneClock, zone_clocks
from domain.core.local_time import zone, zone_names
from tests.domain.strategies import ZONES

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@cache
def clock_of(name: str) -> ZoneClock:
    return zone_clocks([name])[name]


def offset_in(clock: ZoneClock, instant: datetime) -> str:
    return clock.offsets[bisect_right(clock.changes, instant)]


def shown(name: str, instant: datetime) -> str:
    return instant.astimezone(zone(name)).isoformat(timespec="seconds")[19:]


def test_a_clock_is_its_changes_and_the_offsets_between_them() -> None:
    assert clock_of("Asia/Kathmandu") == ZoneClock(
        (datetime(1985, 12, 31, 18, 30, tzinfo=UTC),), ("+05:30", "+05:45")
    )


def test_an_offset_may_have_seconds() -> None:
    assert clock_of("Africa/Monrovia") == ZoneClock(
        (datetime(1972, 1, 7, 0, 44, 30, tzinfo=UTC),), ("-00:44:30", "+00:00")
    )


def test_a_zone_without_changes_has_one_offset() -> None:
    assert clock_of("UTC") == ZoneClock((), ("+00:00",))


@pytest.mark.parametrize("name", ZONES)
def test_every_change_is_where_it_is_to_the_second(name: str) -> None:
    clock = clock_of(name)

    at_changes = [(offset_in(clock, at), offset_in(clock, at - SECOND)) for at in clock.changes]

    assert at_changes == [(shown(name, at), shown(name, at - SECOND)) for at in clock.changes]


@given(
    st.sampled_from(ZONES),
    st.integers(0, 230 * 365 * 24 * 60 * 60).map(lambda second: EPOCH + second * SECOND),
)
def test_between_changes_there_is_none(name: str, instant: datetime) -> None:
    assert offset_in(clock_of(name), instant) == shown(name, instant)


def test_no_zone_changes_its_clock_twice_within_two_days() -> None:
    clocks = zone_clocks(zone_names()).values()

    gaps = [after - before for clock in clocks for before, after in pairwise(clock.changes)]

    assert min(gaps) > timedelta(days=2)
