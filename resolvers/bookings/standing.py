"""Turns a hold into a booking: counts it for the plan, logs it, and runs the hooks."""

from datetime import datetime

from domain.bookings.lifecycle import Status, approval_deadline, release_time
from domain.core.log_events import Event, EventType, Snapshot
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.bookings.new_bookings import BOOK_HOLD
from models.tenants import Tenant
from resolvers.bookings.at_once import Changed
from resolvers.bookings.booking_access import change_event, status
from resolvers.bookings.hooks import BookingChange, BookingPermit
from resolvers.bookings.venue_facts import VenueFacts
from resolvers.core.hooks import Hooks, run_handlers
from resolvers.tenants.usage import booking_count, count_booking


def booked_status(tenant: Tenant) -> Status:
    """Returns the status of a new booking: pending at venues that confirm bookings."""
    return Status.PENDING if tenant.requires_confirmation else Status.CONFIRMED


def approval_expiry(scope: Scope, tenant: Tenant, starts_at: datetime) -> datetime:
    """Returns until when the venue can confirm a booking that becomes pending now."""
    return approval_deadline(scope.now(), starts_at, hours=tenant.approval_hours)


def deadlines(
    scope: Scope, tenant: Tenant, status: Status, starts_at: datetime
) -> dict[str, datetime | None]:
    """Returns the columns of a new booking that say when it ends by itself."""
    is_pending = status is Status.PENDING
    return {
        "approval_expires_at": approval_expiry(scope, tenant, starts_at) if is_pending else None,
        "release_at": release_time(starts_at, tenant.auto_release_minutes),
    }


def move_deadlines(booking: Booking, starts_at: datetime) -> None:
    """Changes when a booking ends by itself, before it gets a new start."""
    if booking.approval_expires_at is not None:
        booking.approval_expires_at = min(booking.approval_expires_at, starts_at)
    if booking.release_at is not None:
        booking.release_at += starts_at - booking.starts_at


async def stand(
    scope: Scope, hold: Booking, tenant: Tenant, before: Snapshot, *, by_guest: bool = False
) -> Booking:
    """Makes a booking of a hold, under its room's lock. Raises PlanLimitReached.

    ``by_guest``: the guest has entered the code from the mail, or paid, so their address counts as
    verified.
    """
    await count_booking(scope, tenant)
    scope.emit(_stand(scope, hold, tenant, before, by_guest=by_guest))
    await run_handlers(scope, _change(hold, tenant, before))
    return hold


def stand_at_once(
    scope: Scope, hold: Booking, facts: VenueFacts, before: Snapshot, *, by_guest: bool = False
) -> Changed | None:
    """Makes a booking of a hold for ``change_at_once``; None if it takes more than that."""
    tenant = facts.venue.tenant
    if not scope.service(BookingPermit).is_given(scope, facts.permit):
        return None
    if status(scope, hold) is not Status.HELD or hold.moves_id is not None:
        return None
    if scope.service(Hooks).concern(_change(hold, tenant, before)):
        return None
    event = _stand(scope, hold, tenant, before, by_guest=by_guest)
    return Changed([event], statement=BOOK_HOLD, values=booking_count(scope, tenant))


def _change(hold: Booking, tenant: Tenant, before: Snapshot) -> BookingChange:
    return BookingChange(type=EventType.BOOKING_CREATED, booking=hold, tenant=tenant, before=before)


def _stand(
    scope: Scope, hold: Booking, tenant: Tenant, before: Snapshot, *, by_guest: bool
) -> Event:
    booked = booked_status(tenant)
    hold.status = booked.value
    if booked is Status.PENDING:
        hold.approval_expires_at = approval_expiry(scope, tenant, hold.starts_at)
    hold.hold_expires_at = None
    hold.held_from = None
    if by_guest:
        hold.guest_confirmed_at = scope.now()
    return change_event(scope, EventType.BOOKING_CREATED, hold, before)
