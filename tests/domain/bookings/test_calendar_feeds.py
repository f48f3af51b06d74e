"""The lines of calendar feeds, as the `icalendar` package reads them."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar, Event

from domain.bookings.calendar_feeds import (
    END,
    FeedEntry,
    calendar_head,
    calendar_uid,
    event,
    feed_window,
    text_line,
)
from domain.bookings.lifecycle import Status
from domain.core.intervals import Interval

ID: Final = UUID("01890000-0000-7000-8000-000000000001")
START: Final = datetime(2027, 3, 28, 0, 30, tzinfo=UTC)
HOUR: Final = Interval(START, START + timedelta(hours=1))
NOW: Final = datetime(2027, 3, 1, 9, tzinfo=UTC)
CHANGED: Final = datetime(2027, 2, 1, 12, 5, tzinfo=UTC)


def test_an_event_without_an_entry_tells_its_time_alone() -> None:
    lines = event(ID, HOUR, version=3, stamp=NOW, entry=None)

    assert lines == (
        "BEGIN:VEVENT\r\n"
        "UID:8368bd50-43e3-5cfa-b851-51885ad71169\r\n"
        "DTSTAMP:20270301T090000Z\r\n"
        "DTSTART:20270328T003000Z\r\n"
        "DTEND:20270328T013000Z\r\n"
        "SEQUENCE:2\r\n"
        "SUMMARY:Busy\r\n"
        "END:VEVENT\r\n"
    )


def test_an_event_tells_what_its_entry_does() -> None:
    entry = FeedEntry("Remy; W.", "Attic, Den", "A\r\nB\\", Status.PENDING, CHANGED)

    lines = event(ID, HOUR, version=1, stamp=NOW, entry=entry).split("\r\n")

    assert lines[2:-2] == [
        "DTSTAMP:20270201T120500Z",
        "DTSTART:20270328T003000Z",
        "DTEND:20270328T013000Z",
        "SEQUENCE:0",
        "SUMMARY:Remy\\; W.",
        "LOCATION:Attic\\, Den",
        "DESCRIPTION:A\\nB\\\\",
        "STATUS:TENTATIVE",
    ]


def test_a_feed_says_how_often_to_read_it() -> None:
    head = calendar_head("Boom, Bar")
    calendar: Any = Calendar.from_ical(head + END)

    assert "\r\nNAME:Boom\\, Bar\r\nX-WR-CALNAME:Boom\\, Bar\r\n" in head
    assert calendar["REFRESH-INTERVAL"].dt == timedelta(hours=1)
    assert calendar["REFRESH-INTERVAL"].params["VALUE"] == "DURATION"


def test_the_window_is_that_of_a_day() -> None:
    late = NOW.replace(hour=23, minute=59)

    assert feed_window(NOW) == feed_window(late)
    assert feed_window(NOW) == Interval(
        datetime(2026, 12, 1, tzinfo=UTC), datetime(2028, 4, 4, tzinfo=UTC)
    )


def test_a_uid_is_the_bookings_and_no_others() -> None:
    assert calendar_uid(ID) == calendar_uid(UUID(str(ID)))
    assert calendar_uid(ID) != calendar_uid(UUID(int=ID.int + 1))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_back(text: str) -> None:
    line = text_line("SUMMARY", text)
    body = f"BEGIN:VEVENT\r\nUID:1\r\n{line}END:VEVENT\r\n"

    read = str(Event.from_ical(body)["SUMMARY"])

    lines = line.encode().split(b"\r\n")
    assert max(map(len, lines)) <= 75 and lines[-1] == b""
    shown = text.replace("\r\n", "\n").replace("\r", "\n")
    assert read == "".join(each for each in shown if each in "\t\n" or not is_control(each))


def is_control(character: str) -> bool:
    return ord(character) < 0x20 or ord(character) == 0x7F
