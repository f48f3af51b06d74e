"""Limits on what unverified people may hold at a venue, and for how long.

A stranger is a guest who has neither entered the code from the mail nor paid, or a user with an
unverified address.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from domain.core.ids import RoomId
from domain.core.intervals import Interval

OPEN_HOLDS: Final = 2
"""Open holds per network address at a venue."""
UNCONFIRMED_BOOKINGS: Final = 3
"""Unconfirmed bookings a day per network address, and per e-mail address."""
A_DAY: Final = timedelta(days=1)
CONFIRM_WITHIN: Final = timedelta(hours=1)
"""How long a guest has to enter the code, and after that to cancel without counting."""
_SHARE: Final = 5
"""Strangers may hold one in this many rooms at the same time."""


def rooms_for_strangers(rooms: int) -> int:
    """Returns how many of a venue's rooms strangers may hold at once: a fifth, at least one."""
    return max(1, rooms // _SHARE)


def most_at_once(held: Iterable[tuple[RoomId, Interval]], during: Interval) -> int:
    """Returns the most rooms that are held at the same instant of an interval."""
    inside = [(room, each) for room, each in held if each.overlaps(during)]
    starts = [max(each.start, during.start) for _, each in inside]
    return max((_rooms_at(at, inside) for at in starts), default=0)


def confirm_by(now: datetime, *, ends_at: datetime) -> datetime:
    """Returns when an unconfirmed booking expires: in an hour, at its end at the latest."""
    return min(now + CONFIRM_WITHIN, ends_at)


def _rooms_at(at: datetime, held: Iterable[tuple[RoomId, Interval]]) -> int:
    return len({room for room, each in held if each.start <= at < each.end})
