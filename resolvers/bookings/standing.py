"""Turns a hold into a booking: counts it for the plan, logs it, and runs the hooks."""

from domain.bookings.lifecycle import Status
from domain.core.log_events import EventType, Snapshot
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.tenants import Tenant
from resolvers.bookings.booking_access import record_change
from resolvers.bookings.hooks import BookingChange
from resolvers.core.hooks import run_handlers
from resolvers.tenants.usage import count_booking


def booked_status(tenant: Tenant) -> Status:
    """Returns the status of a new booking: pending at venues that confirm bookings."""
    return Status.PENDING if tenant.requires_confirmation else Status.CONFIRMED


async def stand(
    scope: Scope, hold: Booking, tenant: Tenant, before: Snapshot, *, by_guest: bool = False
) -> Booking:
    """Make a booking of a hold, under its room's lock. Raises PlanLimitReached.

    ``by_guest``: the guest has entered the code from the mail, or paid, so their address counts as
    verified.
    """
    await count_booking(scope, tenant)
    hold.status = booked_status(tenant).value
    hold.hold_expires_at = None
    hold.held_from = None
    if by_guest:
        hold.guest_confirmed_at = scope.now()
    record_change(scope, EventType.BOOKING_CREATED, hold, before)
    await run_handlers(
        scope,
        BookingChange(type=EventType.BOOKING_CREATED, booking=hold, tenant=tenant, before=before),
    )
    return hold
