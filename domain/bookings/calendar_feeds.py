"""Calendar feeds: bookings as an iCalendar file (RFC 5545), to which calendars subscribe.

The lines are written here: for a feed of 20,000 bookings, the `icalendar` package takes 4 seconds
of processor time. Times are in UTC, so that no reader has to know a time zone.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid5

from domain.bookings.lifecycle import Status
from domain.core.intervals import Interval

PAST: Final = timedelta(days=90)
AHEAD: Final = timedelta(days=400)
SHOWN: Final = (Status.PENDING, Status.CONFIRMED, Status.CHECKED_IN, Status.COMPLETED)
"""The statuses of the bookings in a feed.

Cancelled ones are left out: calendars replace what they had by what a feed has now, and some show
events with STATUS:CANCELLED as if they took place.
"""
END: Final = "END:VCALENDAR\r\n"

_UIDS: Final = UUID("5b0e0a0c-6a5b-4f0e-9a53-0f4c1c1f6f57")
_LONGEST_LINE: Final = 75
_ESCAPED: Final = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})
# RFC 5545 allows none of them in a text.
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_NEWLINES: Final = re.compile(r"\r\n?")


class FeedDetail(StrEnum):
    """How much a feed shows of each booking."""

    BUSY = "BUSY"
    FULL = "FULL"


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """What a feed shows of a booking besides its time; texts are None where nothing is shown."""

    summary: str
    location: str | None
    description: str | None
    status: Status
    changed_at: datetime


def feed_window(now: datetime) -> Interval:
    """Returns the time in which the bookings of a feed start. It stays the same for a day of UTC.

    From 90 days before the day to 400 days after it.
    """
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Interval(today - PAST, today + AHEAD)


def calendar_uid(booking_id: UUID) -> UUID:
    """Returns the UID of a booking in all calendars, for its life.

    Not the id itself, which tells when the booking was made.
    """
    return uuid5(_UIDS, booking_id.bytes.hex())


def calendar_head(name: str) -> str:
    """Returns the lines of a feed before its events. Readers should fetch it every hour."""
    return (
        "BEGIN:VCALENDAR\r\n"
        "VERSION:2.0\r\n"
        "PRODID:-//Boom Booking//Calendar Feed//EN\r\n"
        "CALSCALE:GREGORIAN\r\n"
        f"{text_line('NAME', name)}"
        f"{text_line('X-WR-CALNAME', name)}"
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n"
        "X-PUBLISHED-TTL:PT1H\r\n"
    )


def event(
    booking_id: UUID, time: Interval, *, version: int, stamp: datetime, entry: FeedEntry | None
) -> str:
    """Returns the lines of a booking's event; without an entry they show its time only.

    ``stamp`` is when the feed was made, for such events: when a booking changed isn't shown. The
    sequence grows with each change, also with those of time and place.
    """
    told = "SUMMARY:Busy\r\n" if entry is None else _told(entry)
    return (
        "BEGIN:VEVENT\r\n"
        f"UID:{calendar_uid(booking_id)}\r\n"
        f"DTSTAMP:{_utc(stamp if entry is None else entry.changed_at)}\r\n"
        f"DTSTART:{_utc(time.start)}\r\n"
        f"DTEND:{_utc(time.end)}\r\n"
        f"SEQUENCE:{version - 1}\r\n"
        f"{told}"
        "END:VEVENT\r\n"
    )


def _told(entry: FeedEntry) -> str:
    is_certain = entry.status is not Status.PENDING
    return (
        f"{text_line('SUMMARY', entry.summary)}"
        f"{text_line('LOCATION', entry.location) if entry.location else ''}"
        f"{text_line('DESCRIPTION', entry.description) if entry.description else ''}"
        f"STATUS:{'CONFIRMED' if is_certain else 'TENTATIVE'}\r\n"
    )


def text_line(name: str, text: str) -> str:
    """Returns a property with a text, escaped and folded."""
    plain = _CONTROLS.sub("", _NEWLINES.sub("\n", text))
    line = f"{name}:{plain.translate(_ESCAPED)}"
    if len(line) <= _LONGEST_LINE and line.isascii():
        return line + "\r\n"
    return folded(line)


def folded(line: str) -> str:
    """Returns a line with its end, folded after at most 75 bytes, never within a character."""
    rest, parts = line.encode(), []
    while len(rest) > _LONGEST_LINE:
        end = _LONGEST_LINE
        while rest[end] & 0xC0 == 0x80:
            end -= 1
        parts.append(rest[:end])
        # The space that marks a continued line counts too.
        rest = b" " + rest[end:]
    return b"\r\n".join([*parts, rest]).decode() + "\r\n"


def _utc(instant: datetime) -> str:
    return f"{instant:%Y%m%dT%H%M%SZ}"
