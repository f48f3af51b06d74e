"""Dates, times and amounts as recipients read them."""

from datetime import UTC, datetime

import pytest
from babel import Locale

from domain.core.intervals import Interval
from domain.core.local_time import zone
from domain.core.money import Money
from domain.notifications.content import DigestLine
from domain.notifications.wording import Wording, duration


def wording(locale: str, zone_name: str = "America/New_York", *, is_brief: bool = False) -> Wording:
    return Wording(Locale.parse(locale, sep="-"), zone(zone_name), is_brief)


def local(start: str, minutes: int, zone_name: str = "America/New_York") -> Interval:
    at = datetime.fromisoformat(start).replace(tzinfo=zone(zone_name)).astimezone(UTC)
    return Interval.of_minutes(at, minutes)


@pytest.mark.parametrize(
    ("locale", "date", "brief", "time"),
    [
        ("en", "Friday, January 8, 2027", "Fri, Jan 8", "7:00\u202fPM–9:00\u202fPM"),  # noqa: RUF001
        ("en-GB", "Friday, 8 January 2027", "Fri 8 Jan", "19:00–21:00"),  # noqa: RUF001
        ("de", "Freitag, 8. Januar 2027", "Fr., 8. Jan.", "19:00–21:00"),  # noqa: RUF001
        ("es", "viernes, 8 de enero de 2027", "vie, 8 ene", "19:00–21:00"),  # noqa: RUF001
        ("fr", "vendredi 8 janvier 2027", "ven. 8 janv.", "19:00–21:00"),  # noqa: RUF001
    ],
    ids=lambda each: each[:5],
)
def test_dates_and_times_are_in_the_recipients_language(
    locale: str, date: str, brief: str, time: str
) -> None:
    evening = local("2027-01-08T19:00", 120)

    assert wording(locale).date(evening.start) == date
    assert wording(locale, is_brief=True).date(evening.start) == brief
    assert wording(locale).time(evening) == time


def test_a_booking_past_midnight_shows_the_date_of_its_end() -> None:
    german = wording("de")

    assert german.time(local("2027-01-08T22:00", 240)) == "22:00–02:00 (Sa., 9. Jan.)"  # noqa: RUF001
    assert german.time(local("2027-01-08T22:00", 120)) == "22:00–00:00"  # noqa: RUF001
    assert german.time(local("2027-01-08T22:00", 1440)) == "22:00–22:00 (Sa., 9. Jan.)"  # noqa: RUF001


def test_a_repeated_hour_shows_its_offset_and_no_other_hour_does() -> None:
    german, hour = wording("de"), datetime(2027, 11, 7, 5, 30, tzinfo=UTC)

    assert german.time(Interval.of_minutes(hour, 60)) == "01:30 (UTC-4)–01:30 (UTC-5)"  # noqa: RUF001
    assert german.time(Interval.of_minutes(hour, 120)) == "01:30 (UTC-4)–02:30"  # noqa: RUF001
    assert german.time(local("2027-03-14T01:00", 120)) == "01:00–04:00"  # noqa: RUF001
    howe = wording("de", "Australia/Lord_Howe")
    assert howe.moment(datetime(2027, 4, 3, 15, 15, tzinfo=UTC)) == (
        "Sonntag, 4. April 2027, 01:45 (UTC+10:30)"
    )


@pytest.mark.parametrize(
    ("amount", "locale", "written"),
    [
        (Money(123_456, "USD"), "en", "$1,234.56"),
        (Money(123_456, "EUR"), "de", "1.234,56\xa0€"),
        (Money(2_900, "JPY"), "en", "¥2,900"),
        (Money(10_005, "KWD"), "en", "KWD\xa010.005"),
        # CLDR has no digits for it, since its coins are gone; accounts have three.
        (Money(10_005, "IQD"), "en", "IQD\xa010.005"),
        (Money(-500, "EUR"), "fr", "-5,00\xa0€"),
    ],
    ids=lambda each: str(each)[:9],
)
def test_an_amount_has_all_digits_of_its_currency(amount: Money, locale: str, written: str) -> None:
    assert wording(locale).money(amount) == written


def test_a_duration_is_never_rounded() -> None:
    assert [duration(each) for each in (45, 60, 90, 1500)] == [
        "45 min",
        "1 h",
        "1 h 30 min",
        "25 h",
    ]


def test_a_digest_has_a_line_for_each_booking() -> None:
    evening = local("2027-01-08T19:00", 120)
    lines = [
        DigestLine(evening.start, evening.end, "Disco Den", "Remy\nwww.evil.example", 4),
        DigestLine(evening.start, evening.end, "Attic", None, 2),
    ]

    assert wording("de").digest(lines) == (
        "19:00–21:00 · Disco Den · Remy www. evil. example · 4\n19:00–21:00 · Attic · 2"  # noqa: RUF001
    )
