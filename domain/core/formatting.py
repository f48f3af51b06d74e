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
    return _moment(instant.astimezone(zone))


def span(interval: Interval, zone: ZoneInfo) -> str:
    """Returns '19:00–21:00 on Friday 8 January 2027', or both days."""  # noqa: RUF002
    start, end = interval.start.astimezone(zone), interval.end.astimezone(zone)
    if (end.date() - start.date()).days > 1:
        return f"{_moment(start)} to {_moment(end)}"
    return f"{_clock(start)}–{_clock(end)} on {_day(start)}"  # noqa: RUF001


def booked(room_name: str, interval: Interval, zone: ZoneInfo) -> str:
    """Returns the message for a slot that is taken."""
    return f"{room_name} is booked {span(interval, zone)}."


def too_close(room_name: str, occupied: Interval, zone: ZoneInfo) -> str:
    """Returns the message for a slot too close to a booking; ``occupied`` includes its buffers."""
    return (
        f"Another booking of {room_name} is too close: with its buffers it takes "
        f"{span(occupied, zone)}."
    )


def too_few_seats(room_name: str, left: int) -> str:
    """Returns the message for a slot at which fewer seats are free than are asked for."""
    return f"{room_name} has {counted(left, 'seat') if left else 'no seat'} left at this time."


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


def _moment(local: datetime) -> str:
    return f"{_clock(local)} on {_day(local)}"


def _clock(local: datetime) -> str:
    return f"{local.hour:02}:{local.minute:02}"


def _day(local: datetime) -> str:
    return f"{_WEEKDAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}"
