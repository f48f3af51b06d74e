"""Opening hours: which apply on a day, and their instants."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.core.intervals import Interval
from domain.core.local_time import Edge, LocalTime, instant
from domain.core.refusals import Invalid
from domain.venue.hours import (
    MAX_OPENED,
    HoursFacts,
    LocalInterval,
    Weekday,
    WeeklyHours,
    daily_hours,
    weekly_hours,
)
from tests.domain.strategies import zoned_days

NEW_YORK = ZoneInfo("America/New_York")
FRIDAY = date(2027, 1, 8)


def hours(*texts: str) -> tuple[LocalInterval, ...]:
    pairs = (text.split("-") for text in texts)
    return tuple(LocalInterval(LocalTime.parse(a), LocalTime.parse(b)) for a, b in pairs)


def every_day(*texts: str) -> tuple[WeeklyHours, ...]:
    return tuple(WeeklyHours(weekday, hours(*texts)) for weekday in Weekday)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_intervals_are_put_in_order_and_touching_ones_joined() -> None:
    assert daily_hours(hours("18:00-26:00", "09:00-12:00", "12:00-14:00")) == hours(
        "09:00-14:00", "18:00-26:00"
    )


@pytest.mark.parametrize(
    ("given_", "path"),
    [
        (hours("09:00-12:00", "11:00-14:00"), ("intervals", 1)),
        (hours("11:00-14:00", "09:00-12:00"), ("intervals", 0)),
        (hours("09:00-12:00", "09:00-12:00"), ("intervals", 1)),
        (hours("12:00-12:00"), ("intervals", 0, "closes_at")),
        (hours("12:00-11:00"), ("intervals", 0, "closes_at")),
        (hours("09:00-10:00", "24:00-26:00"), ("intervals", 1, "opens_at")),
    ],
)
def test_intervals_that_cannot_be_are_refused_where_they_are(
    given_: tuple[LocalInterval, ...], path: tuple[str | int, ...]
) -> None:
    with pytest.raises(Invalid) as refused:
        daily_hours(given_)

    assert refused.value.path == path


def test_a_weekly_plan_has_all_seven_days() -> None:
    plan = weekly_hours(
        [
            WeeklyHours(Weekday.SATURDAY, hours("17:00-27:00")),
            WeeklyHours(Weekday.MONDAY, hours("12:00-14:00", "09:00-12:00")),
        ]
    )

    assert plan == (
        WeeklyHours(Weekday.MONDAY, hours("09:00-14:00")),
        WeeklyHours(Weekday.TUESDAY, ()),
        WeeklyHours(Weekday.WEDNESDAY, ()),
        WeeklyHours(Weekday.THURSDAY, ()),
        WeeklyHours(Weekday.FRIDAY, ()),
        WeeklyHours(Weekday.SATURDAY, hours("17:00-27:00")),
        WeeklyHours(Weekday.SUNDAY, ()),
    )


def test_an_empty_plan_stays_empty() -> None:
    assert weekly_hours([]) == ()


def test_a_weekday_given_twice_is_refused() -> None:
    monday = WeeklyHours(Weekday.MONDAY, hours("09:00-12:00"))

    with pytest.raises(Invalid) as refused:
        weekly_hours([monday, monday])

    assert refused.value.path == ("hours", 1, "weekday")


def test_an_interval_of_a_plan_is_refused_where_it_is() -> None:
    monday = WeeklyHours(Weekday.MONDAY, hours("09:00-08:00"))

    with pytest.raises(Invalid) as refused:
        weekly_hours([monday], path=("input", "hours"))

    assert refused.value.path == ("input", "hours", 0, "intervals", 0, "closes_at")


def test_the_venues_week_counts_where_nothing_else_says_anything() -> None:
    facts = HoursFacts(venue_weekly=every_day("09:00-21:00"))

    assert facts.opening_day(FRIDAY) == hours("09:00-21:00")


def test_a_weekday_without_hours_is_closed() -> None:
    facts = HoursFacts(venue_weekly=(WeeklyHours(Weekday.MONDAY, hours("09:00-21:00")),))

    assert facts.opening_day(FRIDAY) == ()


def test_the_rooms_week_beats_the_venues() -> None:
    facts = HoursFacts(every_day("09:00-21:00"), room_weekly=every_day("10:00-12:00"))

    assert facts.opening_day(FRIDAY) == hours("10:00-12:00")


def test_an_exception_of_the_venue_beats_the_rooms_week() -> None:
    facts = HoursFacts(
        every_day("09:00-21:00"),
        room_weekly=every_day("10:00-12:00"),
        venue_exceptions={FRIDAY: ()},
    )

    assert facts.opening_day(FRIDAY) == ()
    assert facts.opening_day(date(2027, 1, 9)) == hours("10:00-12:00")


def test_an_exception_of_the_room_beats_all() -> None:
    facts = HoursFacts(
        every_day("09:00-21:00"),
        venue_exceptions={FRIDAY: ()},
        room_exceptions={FRIDAY: hours("13:00-14:00")},
    )

    assert facts.opening_day(FRIDAY) == hours("13:00-14:00")


def test_a_closed_date_leaves_the_night_before_open() -> None:
    facts = HoursFacts(every_day("17:00-26:00"), venue_exceptions={FRIDAY: ()})
    friday = Interval(utc("2027-01-08T05:00"), utc("2027-01-09T05:00"))

    assert facts.open_intervals(friday, NEW_YORK) == [
        Interval(utc("2027-01-07T22:00"), utc("2027-01-08T07:00"))
    ]


def test_hours_that_touch_at_midnight_are_one_stretch() -> None:
    facts = HoursFacts(every_day("00:00-03:00", "18:00-24:00"))
    night = Interval(utc("2027-01-09T04:00"), utc("2027-01-09T06:00"))

    assert facts.open_intervals(night, NEW_YORK) == [
        Interval(utc("2027-01-08T23:00"), utc("2027-01-09T08:00"))
    ]


@pytest.mark.parametrize(
    ("night", "opens", "closes"),
    [
        ("2027-03-14T05:00", "2027-03-13T22:00", "2027-03-14T07:00"),
        ("2027-11-07T05:00", "2027-11-06T21:00", "2027-11-07T08:00"),
        ("2027-01-09T05:00", "2027-01-08T22:00", "2027-01-09T08:00"),
    ],
    ids=["the short night", "the long night", "any night"],
)
def test_a_night_ends_at_three_on_the_wall_clock(night: str, opens: str, closes: str) -> None:
    facts = HoursFacts(every_day("17:00-27:00"))
    midnight = Interval.of_minutes(utc(night), 60)

    assert facts.open_intervals(midnight, NEW_YORK) == [Interval(utc(opens), utc(closes))]


def test_hours_within_the_skipped_hour_are_no_time_at_all() -> None:
    facts = HoursFacts(every_day("02:00-03:00"))
    sunday = Interval(utc("2027-03-14T05:00"), utc("2027-03-15T04:00"))

    assert facts.open_intervals(sunday, NEW_YORK) == []


days_hours = st.lists(
    st.builds(
        lambda opens, minutes: LocalInterval(
            LocalTime(opens), LocalTime(min(opens + minutes, 1800))
        ),
        st.integers(0, 1439),
        st.integers(1, 700),
    ),
    max_size=3,
).map(tuple)


@given(
    zoned_days(),
    st.lists(days_hours, min_size=7, max_size=7),
    st.dictionaries(st.integers(-2, 3), days_hours),
    st.integers(0, 1439),
    st.integers(1, 2000),
)
def test_it_is_open_exactly_in_the_minutes_of_the_days_hours(
    where: tuple[ZoneInfo, date],
    week: list[tuple[LocalInterval, ...]],
    exceptions: dict[int, tuple[LocalInterval, ...]],
    start: int,
    minutes: int,
) -> None:
    zone, day = where
    weekly = tuple(WeeklyHours(weekday, each) for weekday, each in zip(Weekday, week, strict=True))
    special = {day + timedelta(days=n): each for n, each in exceptions.items()}
    facts = HoursFacts(weekly, venue_exceptions=special)
    first = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=start)
    window = Interval.of_minutes(first, minutes)

    opened = facts.open_intervals(window, zone)

    expected = {
        (
            instant(date, each.opens_at, zone, edge=Edge.OPENING),
            instant(date, each.closes_at, zone, edge=Edge.CLOSING),
        )
        for date in (day + timedelta(days=n) for n in range(-3, 6))
        for each in facts.opening_day(date)
    }
    every_minute = [first + timedelta(minutes=n) for n in range(minutes)]
    assert [any(i.start <= m < i.end for i in opened) for m in every_minute] == [
        any(opens <= m < closes for opens, closes in expected) for m in every_minute
    ]
    if facts.is_open_by_date(window, zone):
        assert any(each.contains(window) for each in opened)


@pytest.mark.parametrize(
    ("start", "minutes", "is_open"),
    [
        ("2027-01-08T14:00", 180, True),
        ("2027-01-08T13:59", 60, False),
        ("2027-01-08T16:30", 31, False),
        ("2027-01-09T01:00", 240, True),
        ("2027-01-09T01:00", 241, False),
        ("2027-03-14T14:00", 60, False),
    ],
    ids=[
        "all of the day's hours",
        "a minute too early",
        "a minute too long",
        "until midnight",
        "past midnight, as hours of the next date",
        "a date on which the clock changes",
    ],
)
def test_hours_of_one_date_contain_a_time(start: str, minutes: int, is_open: bool) -> None:
    facts = HoursFacts(every_day("09:00-12:00", "20:00-24:00"))

    assert facts.is_open_by_date(Interval.of_minutes(utc(start), minutes), NEW_YORK) is is_open


def test_what_was_opened_before_is_kept_for_its_dates_and_zone_alone() -> None:
    facts = HoursFacts(every_day("09:00-17:00"))
    day = Interval(utc("2027-01-08T00:00"), utc("2027-01-09T00:00"))
    noon = Interval(utc("2027-01-08T12:00"), utc("2027-01-08T13:00"))
    in_utc = [Interval(utc("2027-01-08T09:00"), utc("2027-01-08T17:00"))]
    in_new_york = [Interval(utc("2027-01-08T14:00"), utc("2027-01-08T22:00"))]

    for _ in range(2):
        assert facts.open_intervals(day, ZoneInfo("UTC")) == in_utc
        assert facts.open_intervals(noon, ZoneInfo("UTC")) == in_utc
        assert facts.open_intervals(noon, NEW_YORK) == []
        assert facts.open_intervals(day, NEW_YORK) == in_new_york
    for later in range(MAX_OPENED + 1):
        start = day.start + timedelta(days=later)
        facts.open_intervals(Interval.of_minutes(start, 60), NEW_YORK)
    assert len(facts._opened) <= MAX_OPENED
