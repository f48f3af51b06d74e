"""Bookings from iCalendar files, however odd the files are."""

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from domain.bookings.lifecycle import Status
from domain.core.local_time import TimeZone
from domain.imports.calendar_files import BookingRow, calendar_rows
from domain.imports.imports import FileRefused, ImportFailure
from domain.imports.zones import ForeignZone, KnownZones

NOW: Final = datetime(2027, 3, 1, 9, tzinfo=UTC)
BERLIN: Final = ZoneInfo("Europe/Berlin")
PLACE: Final = "LOCATION:Room"


def rows(
    *events: list[str], calendar: str = "", known: KnownZones | None = None
) -> list[BookingRow]:
    """Returns the bookings of a file with events, each given by its lines."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", *([calendar] if calendar else [])]
    for event in events:
        lines += ["BEGIN:VEVENT", *event, "END:VEVENT"]
    return calendar_rows(
        "\r\n".join([*lines, "END:VCALENDAR", ""]),
        zone=None,
        venue_zone=BERLIN,
        known=known or KnownZones(),
        room_id=None,
        now=NOW,
        days_ahead=60,
    )


def starts(found: list[BookingRow]) -> list[str]:
    return [f"{row.fields.time.start:%m-%d %H:%M}" for row in found if row.fields]


def weekly(*more: str, rule: str = "FREQ=WEEKLY;COUNT=3") -> list[str]:
    """Returns the lines of an hour on Tuesdays at 10 in Berlin, before and after a clock change."""
    start = "DTSTART;TZID=Europe/Berlin:20270323T100000"
    return ["UID:1", start, "DURATION:PT1H", f"RRULE:{rule}", PLACE, *more]


def test_an_event_becomes_a_booking() -> None:
    (row,) = rows(
        [
            "UID:1",
            "DTSTART:20270302T100000Z",
            "DTEND:20270302T113000Z",
            "LOCATION:Blue\\, with",
            "  a view",
            "SUMMARY:Party",
            "STATUS:TENTATIVE",
            "ORGANIZER:mailto:us@example.com",
            "ATTENDEE:mailto:us@example.com",
            "ATTENDEE;CN=Ada:mailto:ada@example.com",
            "BEGIN:VALARM",
            "SUMMARY:Alarm",
            "END:VALARM",
        ]
    )

    assert row.line == 3 and row.fields is not None
    assert row.fields.time.start == datetime(2027, 3, 2, 10, tzinfo=UTC)
    assert (row.fields.time.minutes, row.fields.room) == (90, "Blue, with a view")
    assert (row.fields.external_id, row.fields.status) == ("1", Status.PENDING)
    assert row.fields.customer is not None
    assert (row.fields.customer.name, row.fields.customer.email) == ("Ada", "ada@example.com")
    assert row.fields.note == "Party"


@pytest.mark.parametrize(
    ("start", "instant"),
    [
        ("DTSTART:20270402T100000Z", "04-02 10:00"),
        ("DTSTART:20270402T100000", "04-02 08:00"),
        ("DTSTART;TZID=America/New_York:20270402T100000", "04-02 14:00"),
        ("DTSTART;TZID=Eastern Standard Time:20270402T100000", "04-02 14:00"),
        ("DTSTART;TZID=/mozilla.org/20050126_1/Europe/London:20270402T100000", "04-02 09:00"),
        ('DTSTART;TZID="Europe/London":20270402T100000', "04-02 09:00"),
    ],
    ids=["utc", "floating", "iana", "windows", "path", "quoted"],
)
def test_zones_are_found_whoever_names_them(start: str, instant: str) -> None:
    assert starts(rows(["UID:1", start, "DURATION:PT1H", PLACE])) == [instant]


def test_a_zone_that_nobody_knows_is_asked_for() -> None:
    event = ["UID:1", "DTSTART;TZID=Our Office:20270402T100000", "DURATION:PT1H", PLACE]
    given = KnownZones([ForeignZone("Our Office", TimeZone("Asia/Tokyo"))])

    with pytest.raises(FileRefused, match="which zones are meant by: 'Our Office'") as refused:
        rows(event)

    assert refused.value.failure is ImportFailure.UNKNOWN_TIME_ZONES
    assert starts(rows(event, known=given)) == ["04-02 01:00"]


def test_a_zone_of_the_whole_file_is_that_of_times_without_one() -> None:
    event = ["UID:1", "DTSTART:20270402T100000", "DURATION:PT1H", PLACE]

    assert starts(rows(event, calendar="X-WR-TIMEZONE:Asia/Tokyo")) == ["04-02 01:00"]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["DTSTART;VALUE=DATE:20270302", "DTEND;VALUE=DATE:20270303"], "whole days"),
        (["DTSTART:20270302T100000Z"], "it needs DTEND or DURATION"),
        (["DTSTART:20270302T100000Z", "DTEND:20270302T090000Z"], "isn't after the start"),
        (
            ["DTSTART:20270302T100000Z", "DTEND:20270302T110000Z", "DURATION:PT2H"],
            "DTEND and DURATION differ",
        ),
        (["DTSTART:20270302T100000Z", "DTEND;VALUE=DATE:20270303"], "DTEND is a date"),
        (["DTSTART:20270302T100030Z", "DURATION:PT90S"], "whole minutes"),
        (["DTSTART:20270230T100000Z", "DURATION:PT1H"], "no such time"),
        (["DTSTART:tomorrow", "DURATION:PT1H"], "neither a date nor a time"),
        (["DTSTART:20270302T100000Z", "DURATION:an hour"], "no duration"),
        (["DURATION:PT1H"], "is required"),
        (["DTSTART:20270302T100000Z", "DURATION:PT1H", "RRULE:FREQ=SECONDLY"], "FREQ is"),
        (
            ["DTSTART:20270302T100000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;BYDAY=FR"],
            "doesn't include the first date",
        ),
    ],
    ids=[
        "all-day",
        "no-end",
        "end-before-start",
        "two-ends",
        "end-is-date",
        "seconds",
        "no-such-day",
        "no-date",
        "bad-duration",
        "no-start",
        "secondly",
        "first-date",
    ],
)
def test_what_is_no_booking_is_a_problem_of_its_event(lines: list[str], problem: str) -> None:
    fine = ["UID:2", "DTSTART:20270303T100000Z", "DURATION:PT1H", PLACE]

    broken, kept = rows(["UID:1", *lines, PLACE], fine)

    assert broken.fields is None and problem in broken.problems[0].message
    assert kept.fields is not None


def test_an_event_needs_a_room() -> None:
    (row,) = rows(["UID:1", "DTSTART:20270302T100000Z", "DURATION:PT1H"])

    assert (row.problems[0].code, row.problems[0].column) == ("REQUIRED", "LOCATION")


def test_both_ends_may_agree() -> None:
    event = ["DTSTART:20270302T100000Z", "DTEND:20270302T110000Z", "DURATION:PT1H", PLACE]

    assert starts(rows(["UID:1", *event])) == ["03-02 10:00"]


def test_cancelled_and_free_events_are_skipped() -> None:
    event = ["DTSTART:20270302T100000Z", "DURATION:PT1H", PLACE]

    found = rows(["UID:1", *event, "STATUS:CANCELLED"], ["UID:2", *event, "TRANSP:TRANSPARENT"])
    all_cancelled = rows(["UID:1", *event], calendar="METHOD:CANCEL")

    assert [row.is_skipped for row in found + all_cancelled] == [True, True, True]


def test_a_series_keeps_its_wall_clock_time() -> None:
    found = rows(weekly())

    assert starts(found) == ["03-23 09:00", "03-30 08:00", "04-06 08:00"]
    assert [row.fields.external_id for row in found if row.fields] == [
        "1/20270323T090000Z",
        "1/20270330T080000Z",
        "1/20270406T080000Z",
    ]


@pytest.mark.parametrize(
    "excluded",
    [
        "EXDATE;VALUE=DATE:20270330",
        "EXDATE:20270330T080000Z",
        "EXDATE;TZID=Europe/Berlin:20270330T100000",
    ],
    ids=["date", "instant", "local"],
)
def test_an_excluded_date_is_left_out(excluded: str) -> None:
    assert starts(rows(weekly(excluded))) == ["03-23 09:00", "04-06 08:00"]


def test_changed_occurrences_replace_those_of_the_rule() -> None:
    named = "RECURRENCE-ID;TZID=Europe/Berlin:2027"
    moved = ["UID:1", f"{named}0330T100000", "DTSTART:20270330T150000Z", "DURATION:PT1H", PLACE]
    gone = ["UID:1", f"{named}0406T100000", "DTSTART:20270406T080000Z", "STATUS:CANCELLED"]

    found = rows(weekly(), moved, gone)

    assert starts(found) == ["03-23 09:00", "03-30 15:00"]


def test_a_series_without_an_end_goes_as_far_as_the_venue_books() -> None:
    found = rows(weekly(rule="FREQ=WEEKLY"))

    assert starts(found) == [
        "03-23 09:00", "03-30 08:00", "04-06 08:00", "04-13 08:00", "04-20 08:00", "04-27 08:00",
    ]  # fmt: skip
    assert "imported until 2027-04-30" in found[0].problems[0].message
    assert found[1].problems == ()


def test_an_old_series_begins_two_years_ago() -> None:
    start = "DTSTART:20100104T100000Z"
    found = rows(["UID:1", start, "DURATION:PT1H", "RRULE:FREQ=WEEKLY", PLACE])

    assert found[0].fields is not None
    assert found[0].fields.time.start == datetime(2025, 3, 3, 10, tzinfo=UTC)
    assert ["goes on" in each.message for each in found[0].problems] == [True, False]
    assert "before 2025-02-28" in found[0].problems[1].message


def test_an_event_without_an_id_is_known_by_what_it_is() -> None:
    event = ["DTSTART:20270302T100000Z", "DURATION:PT1H", PLACE]
    (first,), (second,) = rows(event), rows(event)

    assert first.fields is not None and second.fields is not None
    assert first.fields.identity == second.fields.identity
    assert first.fields.identity.startswith("row:")


@pytest.mark.parametrize(
    "text", ["Name,Room", "BEGIN:VCALENDAR\nBEGIN:VEVENT\n"], ids=["csv", "cut"]
)
def test_other_files_are_refused(text: str) -> None:
    with pytest.raises(FileRefused):
        calendar_rows(
            text,
            zone=None,
            venue_zone=BERLIN,
            known=KnownZones(),
            room_id=None,
            now=NOW,
            days_ahead=60,
        )


@pytest.mark.parametrize("until", ["99991231", "99991231T235959Z", "99991231T235959"])
def test_a_series_until_a_far_day_goes_on(until: str) -> None:
    found = rows(weekly(rule=f"FREQ=WEEKLY;UNTIL={until}"))

    assert starts(found)[-1] == "04-27 08:00"
    assert "The series goes on" in found[0].problems[0].message


@pytest.mark.parametrize("length", ["P367D", "P9999999D", "P99999999W"])
def test_an_event_of_more_than_a_year_is_refused(length: str) -> None:
    (row,) = rows(["UID:1", "DTSTART:20270302T100000Z", f"DURATION:{length}", PLACE])

    assert row.problems[0].message == "The event lasts longer than a year."


def test_occurrences_of_a_series_with_a_long_id_stay_apart() -> None:
    starts, rule = "DTSTART:20270302T100000Z", "RRULE:FREQ=DAILY;COUNT=3"

    found = rows([f"UID:{'x' * 490}", starts, "DURATION:PT1H", rule, PLACE])

    ids = {row.fields.external_id for row in found if row.fields is not None}
    assert len(ids) == 3
    assert all(id is not None and len(id) <= 500 for id in ids)
