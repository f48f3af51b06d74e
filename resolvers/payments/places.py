"""Decides where a booking moves, what it costs there, and gives it its new place."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy.dialects.postgresql import Range

from domain.bookings.lifecycle import MOVABLE, BookingState, Status, check_status_in
from domain.bookings.refusals import ChangeTooLate, InvalidTransition
from domain.core.ids import RoomId
from domain.core.intervals import Interval
from domain.core.local_time import zone
from domain.core.log_events import Event, EventType
from domain.core.refusals import Refusal
from domain.payments.moves import Agreed, ChangeRules, Place, check_change, needs_confirmation
from kit.scope import Scope
from models.bookings.bookings import Booking, price_columns_of
from models.bookings.stored_prices import price_columns
from models.core.base import snapshot
from models.payments.payments import terms_of_booking
from models.tenants import Tenant
from resolvers.bookings.booking_access import change_event, state_of
from resolvers.bookings.slot_claims import Claim
from resolvers.bookings.standing import approval_expiry, move_deadlines
from resolvers.payments import payments


@dataclass(frozen=True, slots=True)
class Goal:
    """The new time and room of a booking, and the columns of its price."""

    place: Place
    space_ids: list[UUID] | None
    seat_numbers: list[int] | None
    occupied: Range[datetime]
    price: Mapping[str, Any]

    @property
    def price_minor(self) -> int | None:
        minor: int | None = self.price["price_minor"]
        return minor


class Check(Protocol):
    """Raises what refuses a change of a booking because of its state."""

    def __call__(self, life: BookingState, *, now: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to change a booking's place, with the event that is logged.

    ``check`` raises the refusals of a booking in another state, and ``keeps_start`` marks one that
    only changes its end. ``ends``: the booking is completed by it.
    """

    event: EventType
    check: Check
    keeps_start: bool = False
    ends: bool = False


RESCHEDULE: Final = Kind(EventType.BOOKING_RESCHEDULED, partial(check_status_in, statuses=MOVABLE))


def move_refusals(
    scope: Scope,
    moved: Booking,
    goal: Goal,
    tenant: Tenant,
    by_customer: bool,
    *,
    kind: Kind = RESCHEDULE,
) -> list[Refusal]:
    """Returns the refusals of a move by the booking's own rules."""
    try:
        kind.check(state_of(moved, tenant), now=scope.now())
        if by_customer:
            rules = change_rules(tenant)
            check_change(rules, agreed_of(moved), place_of(moved), goal.place, now=scope.now())
    except (InvalidTransition, ChangeTooLate) as refusal:
        return [refusal]
    return []


def changed_place(
    scope: Scope,
    booking: Booking,
    goal: Goal,
    tenant: Tenant,
    *,
    by_customer: bool,
    has_money: bool = False,
    reason: str | None,
    claimed: Claim | None,
    kind: Kind,
) -> Event:
    """Gives a booking its new place, and returns the event to log."""
    before, left, terms_start = snapshot(booking), place_of(booking), booking.terms_start
    is_earlier = has_money and terms_start < goal.place.time.start
    booking.earliest_start = terms_start if is_earlier else None
    booking.room_id = goal.place.room_id
    booking.space_ids = claimed.space_ids if claimed else goal.space_ids
    move_deadlines(booking, goal.place.time.start)
    booking.seat_numbers = claimed.seat_numbers if claimed else goal.seat_numbers
    booking.starts_at = goal.place.time.start
    booking.ends_at = goal.place.time.end
    booking.occupied = claimed.occupied if claimed else goal.occupied
    for name, value in goal.price.items():
        setattr(booking, name, value)
    is_confirmed = booking.status == Status.CONFIRMED.value
    if by_customer and is_confirmed and needs_confirmation(change_rules(tenant), left, goal.place):
        booking.status = Status.PENDING.value
        booking.was_confirmed = True
        booking.approval_expires_at = approval_expiry(scope, tenant, booking.starts_at)
    if kind.ends:
        booking.status, booking.release_at = Status.COMPLETED.value, None
    return change_event(scope, kind.event, booking, before, reason=reason, claimed=claimed)


def goal_of(moved: Booking, claimed: Claim) -> Goal:
    """Returns where a booking goes, and what it then costs.

    It keeps its price if the venue's rules ask as much for the time that it leaves.
    """
    left, wanted = place_of(moved), Place(RoomId(claimed.room.id), claimed.wanted)
    agreed, by = moved.breakdown, wanted.time.start - left.time.start
    spaces = claimed.space_ids, claimed.seat_numbers
    if _costs_the_same(left, wanted, claimed):
        kept = price_columns(agreed.moved(by)) if agreed else price_columns_of(moved)
        return Goal(wanted, *spaces, claimed.occupied, kept)
    price = claimed.price
    if price is not None and agreed is not None and agreed.discount.amount_minor:
        price = price.less(agreed.discount)
    return Goal(wanted, *spaces, claimed.occupied, price_columns(price))


def _costs_the_same(left: Place, wanted: Place, claimed: Claim) -> bool:
    if (wanted.room_id, wanted.time.minutes) != (left.room_id, left.time.minutes):
        return False
    if not claimed.has_price_rules:
        return True
    before = claimed.price_at(left.time)
    by = wanted.time.start - left.time.start
    return (before.moved(by) if before else None) == claimed.price


def place_of(booking: Booking) -> Place:
    """Returns where a booking is."""
    return Place(RoomId(booking.room_id), Interval(booking.starts_at, booking.ends_at))


def agreed_of(booking: Booking) -> Agreed:
    """Returns the terms of its cancellation that a booking keeps."""
    steps = terms_of_booking(booking).steps
    return Agreed(steps, booking.terms_start, is_confirmed=payments.is_agreed(booking))


def change_rules(tenant: Tenant) -> ChangeRules:
    """Returns the venue's rules of changes by customers."""
    return ChangeRules(
        zone(tenant.time_zone),
        minutes_before=tenant.change_minutes_before,
        reconfirms=tenant.requires_confirmation and tenant.reconfirms_changes,
        notice_minutes=tenant.min_change_notice_minutes,
    )
