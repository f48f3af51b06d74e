"""What people whom a venue can't know yet may keep from others, and for how long.

A stranger is a guest who has neither given the code of the mail nor paid, and a user who has
yet to verify their address.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from domain.core.ids import RoomId
from domain.core.intervals import Interval

OPEN_HOLDS: Final = 2
"""So many holds may be open from one address at a venue."""
UNCONFIRMED_BOOKINGS: Final = 3
"""So many bookings of a day may stay unconfirmed from one address, and under one e-mail address."""
A_DAY: Final = timedelta(days=1)
CONFIRM_WITHIN: Final = timedelta(hours=1)
"""So long a guest has to give the code, and may take back what counts for the plan by it."""
_SHARE: Final = 5
"""One in so many rooms may be held by strangers at once."""


def rooms_for_strangers(rooms: int) -> int:
    """How many of a venue's rooms strangers may hold at once: a fifth, and at least one."""
    return max(1, rooms // _SHARE)


def most_at_once(held: Iterable[tuple[RoomId, Interval]], during: Interval) -> int:
    """At how many rooms are held at the same instant of an interval, at the most."""
    inside = [(room, each) for room, each in held if each.overlaps(during)]
    starts = [max(each.start, during.start) for _, each in inside]
    return max((_rooms_at(at, inside) for at in starts), default=0)


def confirm_by(now: datetime, *, ends_at: datetime) -> datetime:
    """Until when an unconfirmed booking holds its time: an hour, and no longer than it lasts."""
    return min(now + CONFIRM_WITHIN, ends_at)


def _rooms_at(at: datetime, held: Iterable[tuple[RoomId, Interval]]) -> int:
    return len({room for room, each in held if each.start <= at < each.end})
