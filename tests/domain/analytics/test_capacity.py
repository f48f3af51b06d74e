"""Open minutes by date, on days of 23 to 25 hours and past midnight."""

from datetime import UTC, date, datetime, timedelta

import pytest

from domain.analytics.capacity import capacity_of
from domain.core.intervals import Interval
from domain.core.local_time import LocalTime, zone
from domain.venue.hours import HoursFacts, LocalInterval, Weekday, WeeklyHours

BERLIN = zone("Europe/Berlin")
FRIDAY = date(2026, 3, 27)
DATES = [FRIDAY + timedelta(days=day) for day in range(4)]
"""Friday to Monday; the clock is put forward on Sunday at 02:00."""


def open_daily(opens: int, closes: int) -> HoursFacts:
    hours = (LocalInterval(LocalTime(opens * 60), LocalTime(closes * 60)),)
    return HoursFacts(tuple(WeeklyHours(day, hours) for day in Weekday))


@pytest.mark.parametrize(
    ("opens", "closes", "expected"),
    [
        (9, 17, [480, 480, 480, 480]),
        (0, 24, [1440, 1440, 1380, 1440]),
        (18, 27, [540, 540, 480, 540]),
        (2, 3, [60, 60, 0, 60]),
    ],
)
def test_a_room_is_open_by_date(opens: int, closes: int, expected: list[int]) -> None:
    minutes = capacity_of([(open_daily(opens, closes), [])], DATES, BERLIN)

    assert [minutes[day] for day in DATES] == expected


def test_the_day_of_autumn_has_an_hour_more() -> None:
    sunday = date(2026, 10, 25)

    assert capacity_of([(open_daily(0, 24), [])], [sunday], BERLIN) == {sunday: 1500}


def test_rooms_add_up_without_their_blackouts() -> None:
    hours = open_daily(9, 17)
    start = datetime(2026, 3, 27, 15, 0, tzinfo=UTC)
    blackouts = [
        Interval(start, start + timedelta(hours=1)),
        Interval(start, start + timedelta(days=1)),
    ]

    minutes = capacity_of([(hours, []), (hours, blackouts)], DATES[:2], BERLIN)

    # Until 16:00 on Friday; on Saturday from 16:00 on.
    assert minutes == {DATES[0]: 480 + 420, DATES[1]: 480 + 60}
