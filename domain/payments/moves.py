"""When customers can move a booking, and whether the venue has to confirm it again."""

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

    ``minutes_before`` the start is the deadline; None: while cancelling is free. It is never later
    than ``notice_minutes`` before the start, if the venue sets that. ``reconfirms``: a confirmed
    booking has to be confirmed again if room, day or duration change.
    """

    zone: ZoneInfo
    minutes_before: int | None
    reconfirms: bool
    notice_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """The room and the time of a booking."""

    room_id: RoomId
    time: Interval


@dataclass(frozen=True, slots=True)
class Agreed:
    """The terms that apply to a booking's changes: its steps, and the start that they count from.

    ``is_confirmed``: the venue has confirmed it; until then cancelling is free.
    """

    steps: tuple[CancellationStep, ...]
    terms_start: datetime
    is_confirmed: bool


def needs_confirmation(rules: ChangeRules, before: Place, after: Place) -> bool:
    """Returns whether the venue has to confirm a confirmed booking again after such a move."""
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
    """Returns the deadline for a customer to move a booking that hasn't started; None: never.

    A booking that has to be confirmed again (``reconfirmed``) can be moved only while cancelling is
    free, because everything is refunded if the venue rejects it.
    """
    free = free_until(agreed.steps, agreed.terms_start) if agreed.is_confirmed else starts_at
    if rules.minutes_before is None:
        latest = free
    else:
        latest = starts_at - timedelta(minutes=rules.minutes_before)
        if reconfirmed:
            latest = None if free is None else min(latest, free)
    last = starts_at - timedelta(minutes=rules.notice_minutes or 0)
    return None if latest is None else min(latest, last)


def check_change(
    rules: ChangeRules, agreed: Agreed, before: Place, after: Place, *, now: datetime
) -> None:
    """Raises ChangeTooLate if its customer can't move the booking any more."""
    reconfirmed = agreed.is_confirmed and needs_confirmation(rules, before, after)
    starts_at = before.time.start
    until = changeable_until(rules, agreed, starts_at, reconfirmed=reconfirmed)
    if until is None or now > until or now >= starts_at:
        raise ChangeTooLate(until, rules.zone)
