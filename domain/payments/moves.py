"""When a customer can move a booking, and whether the venue has to agree once more."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from domain.bookings.refusals import ChangeTooLate
from domain.core.ids import RoomId
from domain.core.intervals import Interval
from domain.payments.cancellation import CancellationStep, free_until


@dataclass(frozen=True, slots=True)
class ChangeRules:
    """A venue's rules for customers who move their bookings.

    ``minutes_before`` the start is the last moment; None: that until which cancelling is free.
    ``reconfirms``: what the venue has confirmed waits for it again where room, day or length
    change.
    """

    zone: ZoneInfo
    minutes_before: int | None
    reconfirms: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when a booking is."""

    room_id: RoomId
    time: Interval


@dataclass(frozen=True, slots=True)
class Agreed:
    """What counts for a booking's changes: its terms' steps, and from which start they count.

    ``is_confirmed``: the venue has agreed to it; until then cancelling is free.
    """

    steps: tuple[CancellationStep, ...]
    terms_start: datetime
    is_confirmed: bool


def needs_confirmation(rules: ChangeRules, before: Place, after: Place) -> bool:
    """Whether a confirmed booking that is moved so waits for the venue again."""
    day_before = before.time.start.astimezone(rules.zone).date()
    day_after = after.time.start.astimezone(rules.zone).date()
    is_other = (before.room_id, day_before, before.time.minutes) != (
        after.room_id,
        day_after,
        after.time.minutes,
    )
    return rules.reconfirms and is_other


def changeable_until(
    rules: ChangeRules, agreed: Agreed, starts_at: datetime, *, reconfirmed: bool = False
) -> datetime | None:
    """Until when its customer can move a booking that hasn't begun; None: never.

    One that the venue has to agree to anew (``reconfirmed``) is moved only while cancelling is
    free: if it says no, all goes back.
    """
    free = free_until(agreed.steps, agreed.terms_start) if agreed.is_confirmed else starts_at
    if rules.minutes_before is None:
        latest = free
    else:
        latest = starts_at - timedelta(minutes=rules.minutes_before)
        if reconfirmed:
            latest = None if free is None else min(latest, free)
    return None if latest is None else min(latest, starts_at)


def check_change(
    rules: ChangeRules, agreed: Agreed, before: Place, after: Place, *, now: datetime
) -> None:
    """Raises ChangeTooLate where its customer can't move the booking any more."""
    reconfirmed = agreed.is_confirmed and needs_confirmation(rules, before, after)
    starts_at = before.time.start
    until = changeable_until(rules, agreed, starts_at, reconfirmed=reconfirmed)
    if until is None or now > until or now >= starts_at:
        raise ChangeTooLate(until, rules.zone)
