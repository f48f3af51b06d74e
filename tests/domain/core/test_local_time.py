"""Conversions of wall clocks to instants agree with a check of every minute."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.core.intervals import Interval
from domain.core.local_time import (
    AmbiguousLocalTime,
    Edge,
    LocalPeriod,
    LocalStart,
    LocalTime,
    NonexistentLocalTime,
    Start,
    dates_around,
    instant,
    instants,
    local_period,
    midnight,
    month_of,
    resolve_start,
    within_reach,
    zone,
)
from domain.core.refusals import Invalid, Required
from tests.domain.strategies import zoned_days

NEW_YORK = ZoneInfo("America/New_York")
BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
SANTIAGO = ZoneInfo("America/Santiago")
CAIRO = ZoneInfo("Africa/Cairo")
APIA = ZoneInfo("Pacific/Apia")


def test_the_time_zones_of_the_machine_are_not_looked_at(tmp_path: Path) -> None:
    of_the_machine = tmp_path / "America" / "Vancouver"
    of_the_machine.parent.mkdir()
    berlin = files("tzdata").joinpath("zoneinfo", "Europe", "Berlin").read_bytes()
    of_the_machine.write_bytes(berlin)
    asked = """
from datetime import UTC, datetime
from zoneinfo import ZoneInfo
ZoneInfo("America/Vancouver")
from domain.core.local_time import zone
print(datetime(2026, 12, 16, 2, tzinfo=UTC).astimezone(zone("America/Vancouver")))
"""

    printed = subprocess.run(
        [sys.executable, "-c", asked],
        env={**os.environ, "PYTHONTZPATH": str(tmp_path)},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        check=True,
        text=True,
    )

    assert printed.stdout == "2026-12-15 19:00:00-07:00\n"


def local_start(day: date, clock: str, fold: int | None = None) -> Start:
    return Start(local=LocalStart(day, LocalTime.parse(clock), fold))


@cache
def walk(zone: ZoneInfo, day: date) -> list[tuple[datetime, datetime]]:
    """Returns every minute around a date: the instant, and what the wall clock shows then."""
    first = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=26)
    minutes = (first + timedelta(minutes=n) for n in range(86 * 60))
    return [(at, at.astimezone(zone).replace(tzinfo=None)) for at in minutes]


def shown(zone: ZoneInfo, day: date, local_time: LocalTime) -> tuple[datetime, ...]:
    wanted = datetime(day.year, day.month, day.day) + timedelta(minutes=local_time.minutes)  # noqa: DTZ001
    return tuple(at for at, wall in walk(zone, day) if wall == wanted)


def skipped_at(zone: ZoneInfo, day: date, local_time: LocalTime) -> datetime:
    wanted = datetime(day.year, day.month, day.day) + timedelta(minutes=local_time.minutes)  # noqa: DTZ001
    return next(at for at, wall in walk(zone, day) if wall > wanted)


local_times = st.builds(LocalTime, st.integers(0, 1800))


@given(zoned_days(), local_times)
def test_a_wall_clock_time_is_every_minute_that_shows_it(
    where: tuple[ZoneInfo, date], local_time: LocalTime
) -> None:
    zone, day = where

    assert instants(day, local_time, zone) == shown(zone, day, local_time)


@given(zoned_days(), local_times)
def test_opening_is_the_first_and_closing_the_last_minute_that_shows_the_time(
    where: tuple[ZoneInfo, date], local_time: LocalTime
) -> None:
    zone, day = where
    times = shown(zone, day, local_time) or (skipped_at(zone, day, local_time),)

    assert instant(day, local_time, zone, edge=Edge.OPENING) == times[0]
    assert instant(day, local_time, zone, edge=Edge.CLOSING) == times[-1]


@given(zoned_days(), local_times, st.sampled_from([None, 0, 1]))
def test_a_start_on_the_wall_clock_shows_that_time_or_is_refused(
    where: tuple[ZoneInfo, date], local_time: LocalTime, fold: int | None
) -> None:
    zone, day = where
    start = Start(local=LocalStart(day, local_time, fold))

    match shown(zone, day, local_time):
        case ():
            with pytest.raises(NonexistentLocalTime) as nonexistent:
                resolve_start(start, zone)
            assert nonexistent.value.next_valid == skipped_at(zone, day, local_time)
        case (first, second) if fold is not None:
            assert resolve_start(start, zone) == (first, second)[fold]
        case (_, _):
            with pytest.raises(AmbiguousLocalTime):
                resolve_start(start, zone)
        case (only, *_):
            assert resolve_start(start, zone) == only


@given(zoned_days())
def test_midnights_are_where_the_date_on_the_wall_changes(where: tuple[ZoneInfo, date]) -> None:
    zone, day = where
    began = next(at for at, wall in walk(zone, day) if wall.date() >= day)

    assert midnight(day, zone) == began


@given(zoned_days(), st.integers(0, 1439), st.integers(1, 3000))
def test_the_dates_around_an_interval_hold_every_date_its_minutes_show(
    where: tuple[ZoneInfo, date], start: int, minutes: int
) -> None:
    zone, day = where
    first = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=start)
    shown = {(first + timedelta(minutes=n)).astimezone(zone).date() for n in range(minutes)}

    dates = dates_around(Interval.of_minutes(first, minutes), zone)

    assert dates == sorted(dates)
    assert shown <= set(dates)


@pytest.mark.parametrize(
    ("where", "day", "clock", "edge", "expected"),
    [
        (NEW_YORK, date(2027, 3, 13), "26:30", Edge.OPENING, "2027-03-14T07:00:00"),
        (NEW_YORK, date(2027, 3, 13), "26:30", Edge.CLOSING, "2027-03-14T07:00:00"),
        (NEW_YORK, date(2027, 3, 13), "27:00", Edge.CLOSING, "2027-03-14T07:00:00"),
        (NEW_YORK, date(2027, 11, 6), "25:30", Edge.OPENING, "2027-11-07T05:30:00"),
        (NEW_YORK, date(2027, 11, 6), "25:30", Edge.CLOSING, "2027-11-07T06:30:00"),
        (NEW_YORK, date(2027, 11, 6), "27:00", Edge.CLOSING, "2027-11-07T08:00:00"),
        (LORD_HOWE, date(2026, 10, 4), "02:15", Edge.OPENING, "2026-10-03T15:30:00"),
        (LORD_HOWE, date(2026, 4, 5), "01:45", Edge.OPENING, "2026-04-04T14:45:00"),
        (LORD_HOWE, date(2026, 4, 5), "01:45", Edge.CLOSING, "2026-04-04T15:15:00"),
        (SANTIAGO, date(2026, 9, 6), "00:00", Edge.OPENING, "2026-09-06T04:00:00"),
        (SANTIAGO, date(2026, 9, 5), "24:30", Edge.CLOSING, "2026-09-06T04:00:00"),
        (CAIRO, date(2026, 4, 24), "00:00", Edge.OPENING, "2026-04-23T22:00:00"),
        (CAIRO, date(2026, 10, 29), "23:30", Edge.CLOSING, "2026-10-29T21:30:00"),
        (APIA, date(2011, 12, 30), "12:00", Edge.OPENING, "2011-12-30T10:00:00"),
    ],
)
def test_hours_open_and_close_at(
    where: ZoneInfo, day: date, clock: str, edge: Edge, expected: str
) -> None:
    at = instant(day, LocalTime.parse(clock), where, edge=edge)

    assert at == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_a_skipped_start_names_the_next_valid_time() -> None:
    with pytest.raises(NonexistentLocalTime) as refused:
        resolve_start(local_start(date(2027, 3, 14), "02:30"), NEW_YORK)

    assert refused.value.path == ("start", "local")
    assert refused.value.message == (
        "The clock in America/New_York skips 02:30 on that day; "
        "the next time there is 03:00 on Sunday 14 March 2027."
    )


def test_a_repeated_start_needs_a_fold() -> None:
    with pytest.raises(AmbiguousLocalTime) as refused:
        resolve_start(local_start(date(2027, 11, 7), "01:30"), NEW_YORK)

    assert refused.value.message == (
        "The clock in America/New_York shows 01:30 twice on that day; "
        "set fold to 0 for the first or 1 for the second."
    )


def test_a_fold_tells_the_two_hours_apart() -> None:
    first = resolve_start(local_start(date(2027, 11, 7), "01:30", 0), NEW_YORK)
    second = resolve_start(local_start(date(2027, 11, 7), "01:30", 1), NEW_YORK)

    assert first == datetime(2027, 11, 7, 5, 30, tzinfo=UTC)
    assert second == datetime(2027, 11, 7, 6, 30, tzinfo=UTC)


def test_a_fold_of_an_ordinary_time_makes_no_difference() -> None:
    start = resolve_start(local_start(date(2027, 1, 8), "19:00", 1), NEW_YORK)

    assert start == datetime(2027, 1, 9, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("fold", [-1, 2])
def test_a_fold_is_nought_or_one(fold: int) -> None:
    with pytest.raises(Invalid) as refused:
        resolve_start(local_start(date(2027, 1, 8), "19:00", fold), NEW_YORK)

    assert refused.value.path == ("start", "local", "fold")


def test_an_instant_is_turned_to_utc() -> None:
    start = Start(at=datetime(2027, 1, 8, 19, tzinfo=NEW_YORK))

    assert resolve_start(start, BERLIN) == datetime(2027, 1, 9, 0, 0, tzinfo=UTC)


def test_a_start_is_required() -> None:
    with pytest.raises(Required) as refused:
        resolve_start(Start(), NEW_YORK)

    assert refused.value.message == "Start is required."


@pytest.mark.parametrize("year", [1, 1970, 2200, 9999])
def test_a_year_out_of_reach_is_refused(year: int) -> None:
    with pytest.raises(Invalid):
        within_reach(datetime(year, 6, 1, tzinfo=UTC), path=("start",))
    with pytest.raises(Invalid) as refused:
        resolve_start(local_start(date(year, 6, 1), "19:00"), NEW_YORK)

    assert refused.value.path == ("start", "local", "date")


@pytest.mark.parametrize("name", ["Mars/Base", "localtime", "Factory", "../etc/passwd", "", "utc"])
def test_what_is_no_iana_zone_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        zone(name, path=("time_zone",))


@pytest.mark.parametrize("name", ["America/New_York", "UTC", "Europe/Kyiv"])
def test_an_iana_zone_is_found(name: str) -> None:
    assert zone(name).key == name


@given(local_times)
def test_a_local_time_is_read_back_as_it_is_written(local_time: LocalTime) -> None:
    assert LocalTime.parse(str(local_time)) == local_time


@pytest.mark.parametrize(
    "text",
    ["", "9:00", "09:60", "30:01", "40:00", "-1:00", "09:00:00", "\u0660\u0669:\u0660\u0660"],
)
def test_what_is_no_local_time_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        LocalTime.parse(text, path=("opens_at",))

    assert refused.value.path == ("opens_at",)


def test_a_period_over_the_change_of_the_clock_shows_both_offsets() -> None:
    night = Interval(
        datetime(2027, 3, 14, 6, 0, tzinfo=UTC), datetime(2027, 3, 14, 8, 0, tzinfo=UTC)
    )

    assert local_period(night, NEW_YORK) == LocalPeriod(
        time_zone="America/New_York",
        start="2027-03-14T01:00",
        end="2027-03-14T04:00",
        utc_offset_start="-05:00",
        utc_offset_end="-04:00",
    )


def test_the_month_is_the_zones_own() -> None:
    new_year = datetime(2027, 1, 1, 3, tzinfo=UTC)

    assert month_of(new_year, NEW_YORK) == Interval(
        datetime(2026, 12, 1, 5, tzinfo=UTC), datetime(2027, 1, 1, 5, tzinfo=UTC)
    )
    assert month_of(new_year, BERLIN) == Interval(
        datetime(2026, 12, 31, 23, tzinfo=UTC), datetime(2027, 1, 31, 23, tzinfo=UTC)
    )


@given(st.sampled_from([NEW_YORK, SANTIAGO, LORD_HOWE]), st.integers(0, 20 * 365 * 24 * 60))
def test_months_tile_the_time(where: ZoneInfo, minutes: int) -> None:
    now = datetime(2015, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)

    month = month_of(now, where)

    assert month.start <= now < month.end
    assert month_of(month.end, where).start == month.end
