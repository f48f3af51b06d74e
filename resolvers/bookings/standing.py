"""Turns a hold into a booking: counts it for the plan, logs it, and runs the hooks."""

from domain.bookings.lifecycle import Status
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
    hold.status = booked_status(tenant).value
    hold.hold_expires_at = None
    hold.held_from = None
    if by_guest:
        hold.guest_confirmed_at = scope.now()
    return change_event(scope, EventType.BOOKING_CREATED, hold, before)
