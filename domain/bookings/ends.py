"""When the end of a booking can be put off, and when a booking can be ended early."""

from datetime import datetime, timedelta
from typing import Final, NoReturn

from domain.bookings.lifecycle import (
    EDITABLE,
    BookingState,
    Status,
    allowed_transitions,
    check_status_in,
)
from domain.bookings.refusals import InvalidTransition
from domain.core.intervals import Interval
from domain.core.refusals import Invalid
from domain.tenants.settings import LONGEST_MINUTES

_TAKING_PLACE: Final = frozenset({Status.CONFIRMED, Status.CHECKED_IN})
_MINUTE: Final = timedelta(minutes=1)


def check_extendable(life: BookingState, *, now: datetime) -> None:
    """Raises InvalidTransition unless the booking's end can be put off."""
    check_status_in(life, EDITABLE, now=now)
    if now >= life.interval.end:
        _refuse(life, "The booking's time is over; book another time.", now=now)


def check_early_end(life: BookingState, *, now: datetime) -> None:
    """Raises InvalidTransition unless the booking takes place now."""
    check_status_in(life, _TAKING_PLACE, now=now)
    if now < life.interval.start:
        _refuse(life, "A booking can be ended early once it has started.", now=now)
    if now >= life.interval.end:
        _refuse(life, "The booking's time is over; complete it.", now=now)


def early_end(time: Interval, *, now: datetime) -> datetime:
    """Returns the end of a booking that ends now: the next whole minute, at least one long."""
    minutes = -((time.start - now) // _MINUTE)
    return min(time.end, time.start + max(1, minutes) * _MINUTE)


def minutes_more(time: Interval, *, until: datetime | None, minutes: int | None) -> int:
    """Returns by how many minutes to extend a time, of which one end is given. Raises Invalid."""
    if (until is None) == (minutes is None):
        raise Invalid("Give either `until` or `minutes`.", path=("until",))
    path = "minutes" if until is None else "until"
    if until is not None:
        if until <= time.end:
            raise Invalid("The new end must be later than the current one.", path=(path,))
        if (until - time.end) % _MINUTE:
            raise Invalid("The new end must be a whole minute.", path=(path,))
        minutes = (until - time.end) // _MINUTE
    assert minutes is not None
    most = LONGEST_MINUTES - time.minutes
    if not 1 <= minutes <= most:
        raise Invalid(f"The booking can be extended by 1 to {most:,} minutes.", path=(path,))
    return minutes


def _refuse(life: BookingState, hint: str, *, now: datetime) -> NoReturn:
    allowed = allowed_transitions(life, now=now)
    raise InvalidTransition(life.status, wanted=life.status, allowed=allowed, hint=hint)
