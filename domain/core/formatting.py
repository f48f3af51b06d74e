"""Formats times and lists for people, in English."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from unicodedata import category, normalize
from zoneinfo import ZoneInfo

from domain.core.intervals import Interval

# Not strftime: its names follow the server's locale.
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)

_LONGEST: Final = 60
"""How much of a user's text a mail shows."""

# The signs that join the parts of an address, in any script, if more of it follows.
_JOINT = re.compile(
    "([.\u2024\u3002\uff0e\uff61](?=[^\\s.])|[:\uff1a](?=[^\\s\\d])|[@/\\\\\uff20\uff0f](?=\\S))"
)


def moment(instant: datetime, zone: ZoneInfo) -> str:
    """Returns '19:00 on Friday 8 January 2027' in a zone's wall-clock time."""
    return f"{_clock(instant, zone)} on {_day(instant, zone)}"


def span(interval: Interval, zone: ZoneInfo) -> str:
    """Returns '19:00–21:00 on Friday 8 January 2027', or both days."""  # noqa: RUF002
    nights = interval.end.astimezone(zone).date() - interval.start.astimezone(zone).date()
    if nights.days > 1:
        return f"{moment(interval.start, zone)} to {moment(interval.end, zone)}"
    clocks = f"{_clock(interval.start, zone)}–{_clock(interval.end, zone)}"  # noqa: RUF001
    return f"{clocks} on {_day(interval.start, zone)}"


def booked(room_name: str, interval: Interval, zone: ZoneInfo) -> str:
    """Returns the message for a slot that is taken."""
    return f"{room_name} is booked {span(interval, zone)}."


def too_close(room_name: str, occupied: Interval, zone: ZoneInfo) -> str:
    """Returns the message for a slot too close to a booking; ``occupied`` includes its buffers."""
    return (
        f"Another booking of {room_name} is too close: with its buffers it takes "
        f"{span(occupied, zone)}."
    )


def listed(words: Sequence[str]) -> str:
    """Returns 'a', 'a or b', 'a, b or c'."""
    return " or ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def counted(number: int, noun: str) -> str:
    """Returns '1 minute', '20 minutes'."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def unlinked(text: str) -> str:
    """Returns a user's text for a mail: one short line that can't contain a link.

    Mail clients turn 'www.', words with a dot inside, addresses with an '@' and 'scheme:' into
    links; a space after the sign prevents that, and the text stays readable.
    """
    visible = (" " if category(each)[0] in "CZ" else each for each in normalize("NFC", text))
    line = _JOINT.sub(r"\1 ", " ".join("".join(visible).split()))
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1].rstrip()}…"


def _clock(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%H:%M")


def _day(instant: datetime, zone: ZoneInfo) -> str:
    day = instant.astimezone(zone).date()
    return f"{_WEEKDAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]} {day.year}"
