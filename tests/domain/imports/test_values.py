"""Cells as people write them: read in one way, or refused."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.core.refusals import Refusal
from domain.imports.imports import DateFormat
from domain.imports.values import (
    AmbiguousDate,
    Dates,
    parse_amount,
    parse_date,
    parse_integer,
    parse_minutes,
    parse_moment,
    parse_time,
)

BERLIN = Dates(ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("2027-05-06", None, date(2027, 5, 6)),
        ("2027/5/6", DateFormat.DMY, date(2027, 5, 6)),
        ("06.05.2027", None, date(2027, 5, 6)),
        ("6/5/2027", DateFormat.DMY, date(2027, 5, 6)),
        ("6/5/2027", DateFormat.MDY, date(2027, 6, 5)),
        ("31/12/2027", None, date(2027, 12, 31)),
        ("12/31/2027", None, date(2027, 12, 31)),
        ("5-5-2027", None, date(2027, 5, 5)),
    ],
)
def test_dates(text: str, order: DateFormat | None, day: date) -> None:
    assert parse_date(text, order) == day


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_a_date_is_read_right_or_not_at_all(day: date) -> None:
    for written in (f"{day.day}/{day.month}/{day.year}", f"{day.month}/{day.day}/{day.year}"):
        try:
            assert parse_date(written, None) == day
        except AmbiguousDate:
            assert day.day <= 12 and day.day != day.month


@pytest.mark.parametrize("text", ["31.13.2027", "6/5/27", "tomorrow", "2027-02-30", "6/5.2027", ""])
def test_other_dates_are_refused(text: str) -> None:
    with pytest.raises(Refusal):
        parse_date(text, DateFormat.DMY)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("14:30", 870),
        ("2:30 pm", 870),
        ("2:30PM", 870),
        ("12:00 am", 0),
        ("12 p.m.", 720),
        ("14.30 Uhr", 870),
        ("14h30", 870),
        ("09:05:00", 545),
    ],
)
def test_times(text: str, minutes: int) -> None:
    assert parse_time(text).minutes == minutes


@pytest.mark.parametrize("text", ["14", "25:00", "14:60", "13:00 pm", "10:00:30", "noon"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(Refusal):
        parse_time(text)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2027-07-01 14:30", datetime(2027, 7, 1, 12, 30, tzinfo=UTC)),
        ("2027-07-01T14:30:00-05:00", datetime(2027, 7, 1, 19, 30, tzinfo=UTC)),
        ("2027-07-01T14:30:00.000Z", datetime(2027, 7, 1, 14, 30, tzinfo=UTC)),
        ("31.12.2027, 2:30 pm", datetime(2027, 12, 31, 13, 30, tzinfo=UTC)),
    ],
)
def test_moments(text: str, instant: datetime) -> None:
    assert parse_moment(text, BERLIN) == instant


@pytest.mark.parametrize(
    "text",
    [
        "2027-03-28 02:30",
        "2027-10-31 02:30",
        "2027-07-01",
        "14:30",
        "9999-01-01 10:00",
        "2027-07-01T14:30+24:00",
    ],
)
def test_moments_that_are_none_or_two_are_refused(text: str) -> None:
    with pytest.raises(Refusal):
        parse_moment(text, BERLIN)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("90", 90), ("90 min", 90), ("1:30", 90), ("1h", 60), ("1 h 30 min", 90), ("2 hours", 120)],
)
def test_durations(text: str, minutes: int) -> None:
    assert parse_minutes(text) == minutes


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("29", "29"),
        ("29.00", "29.00"),
        ("29,00 €", "29.00"),
        ("$1,234.50", "1234.50"),
        ("1.234,50", "1234.50"),
        ("1 234,50", "1234.50"),
        ("1,234,567", "1234567"),
    ],
)
def test_amounts(text: str, amount: str) -> None:
    assert parse_amount(text) == amount


@pytest.mark.parametrize("text", ["1,234", "1.234", "-5", "free", "1,23,4", "1.234.50"])
def test_amounts_of_two_readings_are_refused(text: str) -> None:
    with pytest.raises(Refusal):
        parse_amount(text)


@pytest.mark.parametrize("text", ["1.5", "-1", "two", "9999999999"])
def test_only_whole_numbers_are_counts(text: str) -> None:
    with pytest.raises(Refusal):
        parse_integer(text)
