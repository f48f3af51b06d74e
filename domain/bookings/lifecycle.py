"""The lifecycle of a booking: its statuses, and when each transition is allowed."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never
from zoneinfo import ZoneInfo

from domain.bookings.refusals import CheckInNotOpen, InvalidTransition
from domain.core.formatting import moment
from domain.core.intervals import Interval

AUTO_COMPLETE_AFTER = timedelta(hours=24)
"""For how long after its end a booking that wasn't checked in can be marked as a no-show."""
REFERENCE_BYTES = 5
# Crockford's base 32: no I, L, O and U, which are misread or misheard.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Letters that the alphabet leaves out, because they are read as digits.
_MISREAD = str.maketrans("OIL", "011")


class Status(StrEnum):
    """The status of a booking; the value is stored."""

    HELD = "held"
    PENDING = "pending"
    CONFIRMED = "confirmed"
    CHECKED_IN = "checked_in"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"
    EXPIRED = "expired"
    REJECTED = "rejected"


class CancellationRefund(StrEnum):
    """How much of the held money a cancellation refunds."""

    FULL = "full"
    POLICY = "policy"
    NONE = "none"


# A booking with one of these occupies its time.
OCCUPYING = frozenset({Status.HELD, Status.PENDING, Status.CONFIRMED, Status.CHECKED_IN})
# A booking with one of these can be moved to another time or room.
MOVABLE = frozenset({Status.PENDING, Status.CONFIRMED})
# A booking with one of these can change its customer, party size and note.
EDITABLE = frozenset({Status.PENDING, Status.CONFIRMED, Status.CHECKED_IN})


@dataclass(frozen=True, slots=True)
class BookingState:
    """The facts that decide which transitions of a booking are allowed.

    ``requires_confirmation`` is the venue's setting: whether a hold becomes PENDING or CONFIRMED.
    """

    status: Status
    interval: Interval
    hold_expires_at: datetime | None
    approval_expires_at: datetime | None
    requires_confirmation: bool
    check_in_from_minutes: int
    zone: ZoneInfo

    @property
    def check_in_opens_at(self) -> datetime:
        return self.interval.start - timedelta(minutes=self.check_in_from_minutes)

    @property
    def confirm_until(self) -> datetime:
        """The instant from which on a pending booking can't be confirmed any more."""
        return confirm_until(self.approval_expires_at, self.interval.start)


def effective_status(status: Status, hold_expires_at: datetime | None, now: datetime) -> Status:
    """Returns the status now: a hold past its end is EXPIRED, even if that isn't stored yet."""
    if status is Status.HELD and hold_expires_at is not None and hold_expires_at <= now:
        return Status.EXPIRED
    return status


def allowed_transitions(life: BookingState, *, now: datetime) -> tuple[Status, ...]:
    """Returns the statuses that a caller can give the booking now.

    A hold becomes PENDING or CONFIRMED by createBooking, and expires by itself, so EXPIRED is never
    among them. A booking can be confirmed until its deadline, its start at the latest, and
    cancelled until its end. It can be checked in from the venue's minutes before its start until
    its end, and marked as a no-show from its start on. A booking that wasn't checked in can be
    completed after its end.
    """
    begun, ended = now >= life.interval.start, now >= life.interval.end
    match effective_status(life.status, life.hold_expires_at, now):
        case Status.HELD:
            converted = Status.PENDING if life.requires_confirmation else Status.CONFIRMED
            return (converted, Status.CANCELLED)
        case Status.PENDING:
            confirmed = () if now >= life.confirm_until else (Status.CONFIRMED,)
            cancelled = () if ended else (Status.CANCELLED,)
            return (*confirmed, Status.REJECTED, *cancelled)
        case Status.CONFIRMED:
            possible = {
                Status.CHECKED_IN: life.check_in_opens_at <= now and not ended,
                Status.COMPLETED: ended,
                Status.CANCELLED: not ended,
                Status.NO_SHOW: begun,
            }
            return tuple(status for status, is_possible in possible.items() if is_possible)
        case Status.CHECKED_IN:
            return (Status.COMPLETED,)
        case (
            Status.COMPLETED | Status.CANCELLED | Status.NO_SHOW | Status.EXPIRED | Status.REJECTED
        ):
            return ()
        case never:
            assert_never(never)


def check_transition(life: BookingState, wanted: Status, *, now: datetime) -> None:
    """Raises InvalidTransition unless a caller can give the booking this status now.

    For a hold that is only CANCELLED: createBooking confirms it, counts it and charges for it.
    """
    allowed = allowed_transitions(life, now=now)
    status = effective_status(life.status, life.hold_expires_at, now)
    is_conversion = status is Status.HELD and wanted is not Status.CANCELLED
    if wanted in allowed and not is_conversion:
        return
    opens_at = life.check_in_opens_at
    if (status, wanted) == (Status.CONFIRMED, Status.CHECKED_IN) and now < opens_at:
        raise CheckInNotOpen(
            status, wanted=wanted, allowed=allowed, opens_at=opens_at, zone=life.zone
        )
    hint = _hint(life, status, wanted)
    raise InvalidTransition(status, wanted=wanted, allowed=allowed, hint=hint)


def check_status_in(life: BookingState, statuses: frozenset[Status], *, now: datetime) -> None:
    """Raises InvalidTransition unless the status is one of those, MOVABLE or EDITABLE."""
    status = effective_status(life.status, life.hold_expires_at, now)
    if status not in statuses:
        allowed = allowed_transitions(life, now=now)
        raise InvalidTransition(status, wanted=status, allowed=allowed)


def cancellable_until(life: BookingState, notice_minutes: int | None) -> datetime | None:
    """Returns until when its customer can cancel a booking; None: as long as anyone can.

    A hold can be cancelled as long as it lasts.
    """
    if notice_minutes is None or life.status not in MOVABLE:
        return None
    return life.interval.start - timedelta(minutes=notice_minutes)


def is_over(status: Status, ends_at: datetime, *, now: datetime) -> bool:
    """Returns whether the booking is completed automatically now.

    A booking that was checked in is completed at its end; any other, a day later.
    """
    match status:
        case Status.CHECKED_IN:
            return ends_at <= now
        case Status.CONFIRMED:
            return ends_at + AUTO_COMPLETE_AFTER <= now
        case _:
            return False


def approval_deadline(made_at: datetime, starts_at: datetime, *, hours: int) -> datetime:
    """Returns until when a venue can confirm a booking: some hours, but not after its start."""
    return min(made_at + timedelta(hours=hours), starts_at)


def confirm_until(approval_expires_at: datetime | None, starts_at: datetime) -> datetime:
    """Returns the deadline of a pending booking; one that was stored without has its start."""
    return starts_at if approval_expires_at is None else approval_expires_at


def is_unanswered(
    status: Status, approval_expires_at: datetime | None, starts_at: datetime, *, now: datetime
) -> bool:
    """Returns whether the booking expires: it wasn't confirmed until its deadline."""
    return status is Status.PENDING and confirm_until(approval_expires_at, starts_at) <= now


def release_time(starts_at: datetime, minutes: int | None) -> datetime | None:
    """Returns when a booking is released if nobody checks in; None: never."""
    return None if minutes is None else starts_at + timedelta(minutes=minutes)


def is_unattended(status: Status, release_at: datetime | None, *, now: datetime) -> bool:
    """Returns whether the booking is released: nobody has checked in until then."""
    return status is Status.CONFIRMED and release_at is not None and release_at <= now


def reference(random: bytes) -> str:
    """Returns a reference that people can read aloud, from 5 random bytes: 'K7Q2-MX4D'."""
    if len(random) != REFERENCE_BYTES:
        raise ValueError(f"A reference is made from {REFERENCE_BYTES} bytes.")
    number = int.from_bytes(random)
    letters = "".join(_ALPHABET[number >> shift & 31] for shift in range(35, -1, -5))
    return _in_halves(letters)


def reference_read(text: str) -> str:
    """Returns the stored form of a reference that was typed: 'FEM0-TCGE' for 'femo tcge'."""
    return _in_halves(reference_form(text))


def reference_form(text: str) -> str:
    """Returns a part of a reference for search: no dash or spaces, 0 for O and 1 for I."""
    return re.sub(r"[\s-]", "", text).upper().translate(_MISREAD)


def _in_halves(letters: str) -> str:
    return f"{letters[:4]}-{letters[4:]}"


def _hint(life: BookingState, status: Status, wanted: Status) -> str | None:
    """Returns when the transition is possible, if only the time is wrong."""
    if (status, wanted) == (Status.PENDING, Status.CONFIRMED):
        until = moment(life.confirm_until, life.zone)
        return f"This booking could be confirmed until {until}: make another."
    if (status, wanted) == (Status.HELD, Status.CONFIRMED):
        return "A hold becomes a booking by `createBooking` with its `holdId`."
    if status is not Status.CONFIRMED:
        return None
    match wanted:
        case Status.CHECKED_IN:
            return "Checking in closes when the booking ends."
        case Status.COMPLETED:
            return "Check the booking in first, or complete it once its time is over."
        case Status.NO_SHOW:
            return "A booking can be marked as a no-show once it has started."
        case Status.CANCELLED:
            return "The booking's time is over: complete it or mark it as a no-show."
        case _:
            return None
