"""Calendar entries of mails, as calendars on ical.js and on the `icalendar` package read them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from icalendar import Calendar

from domain.bookings.calendar_feeds import calendar_uid
from domain.bookings.recurrence import occurrences
from domain.bookings.recurrence_text import parse_rule
from domain.core.intervals import Interval
from domain.notifications.calendar_entries import (
    Entry,
    Person,
    Series,
    SeriesBooking,
    cancellation,
    request,
    series_cancellation,
    series_request,
)
from domain.notifications.content import CalendarAttachment
from tests.protocol.node_kit import Kit

ENTRY: Final = Entry(
    UUID(int=7),
    sequence=3,
    changed_at=datetime(2027, 1, 1, tzinfo=UTC),
    summary="Boom; Bar, Soho",
    location="Attic",
    description="Reference: D967-HBX2\nGuests: 4",
    url="https://boom.example/b/1?a=1;b=2,3",
    organizer=Person('Boom "Bar": Soho', "hello@boom.example"),
    attendee=Person("Zoë", "zoe@guests.example"),
)
SERIES: Final = (
    # Past midnight, over the changes of spring and autumn.
    ("2027-02-06T23:00", 180, "FREQ=WEEKLY;BYDAY=SA;COUNT=52"),
    # In the hours that clocks skip and repeat.
    ("2027-03-01T01:45", 45, "FREQ=DAILY;COUNT=60"),
    ("2027-09-15T02:15", 120, "FREQ=DAILY;UNTIL=20271115"),
    ("2027-01-31T12:00", 60, "FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=12"),
    ("2027-01-05T19:30", 90, "FREQ=MONTHLY;BYDAY=1TU;UNTIL=20281231"),
)
ZONES: Final = (
    # Half an hour of summer time; 45 minutes from the hour; no summer time.
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "America/New_York",
    # Their clocks change at 24:00, 22:00 the day before, and 26:00 of a numbered weekday.
    "America/Santiago",
    "America/Nuuk",
    "Asia/Jerusalem",
    "Africa/Cairo",
)


def series_in(zone: str) -> Iterator[Series]:
    """Yields series with two dates that don't take place, and two bookings that were changed."""
    for start, minutes, text in SERIES:
        local = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone))
        rule, starts_at = parse_rule(text), local.astimezone(UTC)
        found = occurrences(rule, starts_at, ZoneInfo(zone))
        bookings = [
            SeriesBooking(each.starts_at, Interval.of_minutes(each.starts_at, minutes), "Attic")
            for each in found
        ]
        moved = Interval.of_minutes(bookings[4].time.start + timedelta(days=1), 30)
        bookings[4] = replace(bookings[4], time=moved)
        bookings[5] = replace(bookings[5], location="Disco Den")
        del bookings[9], bookings[2]
        yield Series(rule, starts_at, minutes, zone, bookings)


async def test_two_parsers_read_the_bookings_of_every_series(kit: Kit, tmp_path: Path) -> None:
    given = [series for zone in ZONES for series in series_in(zone)]
    entries = [series_request(ENTRY, each) for each in given]
    files = [stored(tmp_path, n, each) for n, each in enumerate(entries)]
    wanted = [
        ["REQUEST", str(calendar_uid(ENTRY.id)), 3, written(each.time for each in series.bookings)]
        for series in given
    ]

    by_icalendar = [expanded(each.content) for each in entries]
    async with kit.running("entries.mjs", *files) as lines:
        by_ical_js = [await lines.next() for _ in files]

    for n, series in enumerate(given):
        named = (series.time_zone, str(series.rule))
        assert (*named, by_icalendar[n]) == (*named, wanted[n])
        assert (*named, by_ical_js[n]) == (*named, wanted[n])


async def test_two_parsers_read_single_bookings_and_cancellations(kit: Kit, tmp_path: Path) -> None:
    time = Interval.of_minutes(datetime(2027, 3, 14, 3, 30, tzinfo=UTC), 240)
    (series, *_) = series_in("America/New_York")
    third = replace(series.bookings[2], original_starts_at=series.bookings[2].time.start)
    given = [
        request(ENTRY, time),
        cancellation(ENTRY, time),
        series_cancellation(ENTRY, series, third),
        series_cancellation(ENTRY, series, None),
    ]
    files = [stored(tmp_path, n, each) for n, each in enumerate(given)]
    at_night = ["2027-03-14T03:30:00Z", "2027-03-14T07:30:00Z"]
    on_saturday = ["2027-02-28T04:00:00Z", "2027-02-28T07:00:00Z"]
    first = ["2027-02-07T04:00:00Z", "2027-02-07T07:00:00Z"]

    async with kit.running("entries.mjs", *files) as lines:
        by_ical_js = [await lines.next() for _ in files]
    by_icalendar: list[Any] = [Calendar.from_ical(each.content).walk("VEVENT")[0] for each in given]

    uid = str(calendar_uid(ENTRY.id))
    assert by_ical_js == [
        ["REQUEST", uid, 3, [at_night]],
        ["CANCEL", uid, 3, [at_night]],
        ["CANCEL", uid, 3, [on_saturday]],
        ["CANCEL", uid, 3, [first]],
    ]
    assert [str(each["STATUS"]) for each in by_icalendar] == ["CONFIRMED", *["CANCELLED"] * 3]
    assert text(by_icalendar[2]["RECURRENCE-ID"].dt) == on_saturday[0]
    whole = by_icalendar[0]
    assert [str(whole[name]) for name in ("SUMMARY", "LOCATION", "DESCRIPTION", "URL")] == [
        "Boom; Bar, Soho",
        "Attic",
        "Reference: D967-HBX2\nGuests: 4",
        "https://boom.example/b/1?a=1;b=2,3",
    ]
    assert (whole["ORGANIZER"], whole["ORGANIZER"].params["CN"]) == (
        "mailto:hello@boom.example",
        "Boom Bar: Soho",
    )
    assert whole["ATTENDEE"].params["PARTSTAT"] == "ACCEPTED"


def stored(folder: Path, number: int, attachment: CalendarAttachment) -> str:
    file = folder / f"{number}.ics"
    file.write_bytes(attachment.content.encode())
    return str(file)


def written(times: Any) -> list[list[str]]:
    return sorted([text(each.start), text(each.end)] for each in times)


def text(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def expanded(content: str) -> list[Any]:
    """Reads a file with `icalendar`, and expands its rule by dateutil in the file's own zone."""
    calendar: Any = Calendar.from_ical(content)
    master, *exceptions = calendar.walk("VEVENT")
    zone = calendar.walk("VTIMEZONE")[0].to_tz()
    start, end = (master[name].dt.replace(tzinfo=None) for name in ("DTSTART", "DTEND"))
    rule = master["RRULE"].to_ical().decode()
    if "UNTIL" in master["RRULE"]:
        until = master["RRULE"]["UNTIL"][0].astimezone(zone).replace(tzinfo=None)
        rule = rule.replace(rule.partition("UNTIL=")[2][:16], f"{until:%Y%m%dT%H%M%S}")
    left_out = {
        each.dt.replace(tzinfo=None) for dates in listed(master.get("EXDATE")) for each in dates.dts
    }
    changed = {each["RECURRENCE-ID"].dt.replace(tzinfo=None): each for each in exceptions}
    times = [
        Interval(
            *(each.replace(tzinfo=zone).astimezone(UTC) for each in (found, found + (end - start)))
        )
        for found in rrulestr(rule, dtstart=start)
        if found not in left_out | changed.keys()
    ]
    times += (
        Interval(*(each[name].dt.astimezone(UTC) for name in ("DTSTART", "DTEND")))
        for each in exceptions
    )
    return [calendar["METHOD"], str(master["UID"]), master["SEQUENCE"], written(times)]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value is not None else []
