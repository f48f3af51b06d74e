"""Ends bookings whose deadline has passed: nobody confirmed them, or nobody came."""

from typing import Final

from domain.bookings.lifecycle import Status, is_unanswered, is_unattended
from domain.core.formatting import moment, span, unlinked
from domain.core.ids import BookingId
from domain.core.intervals import Interval
from domain.core.local_time import zone
from domain.core.log_events import EventType
from domain.core.refusals import NotFound
from integrations.mail.protocol import Message
from kit.scope import Scope
from models.bookings.bookings import Booking, guest_of
from models.core.base import snapshot
from models.tenants import Tenant
from resolvers.accounts.outgoing_mail import send_later
from resolvers.bookings.booking_access import locked_booking, record_change
from resolvers.bookings.hooks import BookingChange
from resolvers.bookings.transitions import Transition, carry_out
from resolvers.core.hooks import run_handlers

_UNANSWERED: Final = "Nobody confirmed it in time."


async def expire_unanswered_booking(scope: Scope, id: BookingId) -> None:
    """Expires a booking that wasn't confirmed in time, refunds everything, and mails its customer.

    Does nothing if it was answered meanwhile.
    """
    try:
        booking = await locked_booking(scope, id, with_tenant=True)
    except NotFound:
        return
    status, deadline = Status(booking.status), booking.approval_expires_at
    if not is_unanswered(status, deadline, booking.starts_at, now=scope.now()):
        return
    before = snapshot(booking)
    booking.status = Status.EXPIRED.value
    booking.approval_expires_at = booking.release_at = None
    record_change(scope, EventType.BOOKING_EXPIRED, booking, before, reason=_UNANSWERED)
    change = BookingChange(
        type=EventType.BOOKING_EXPIRED, booking=booking, tenant=booking.tenant, before=before
    )
    await run_handlers(scope, change)
    # Here, not by a handler of the log: BOOKING_EXPIRED is logged for every hold that runs out.
    customer = await scope.one(guest_of(scope.tenant_id, id))
    if customer is not None and customer.email is not None:
        send_later(scope, _letter(customer.email, booking.tenant, booking))


async def release_unattended_booking(scope: Scope, id: BookingId) -> None:
    """Marks a booking as a no-show that nobody has checked in until its `releaseAt`.

    Does nothing if it was checked in meanwhile. If the venue has turned this off since, the booking
    stays as it is.
    """
    try:
        booking = await locked_booking(scope, id, with_tenant=True)
    except NotFound:
        return
    if not is_unattended(Status(booking.status), booking.release_at, now=scope.now()):
        return
    assert booking.release_at is not None
    if booking.tenant.auto_release_minutes is None:
        # So that it isn't found again. No reader decides by it, so the version stays.
        booking.release_at = None
        return
    by = moment(booking.release_at, zone(booking.tenant.time_zone))
    reason = f"Nobody checked in by {by}."
    release = Transition(wanted=Status.NO_SHOW, event=EventType.BOOKING_NO_SHOW, reason=reason)
    await carry_out(scope, booking, release)


def _letter(to: str, tenant: Tenant, booking: Booking) -> Message:
    time = span(Interval(booking.starts_at, booking.ends_at), zone(tenant.time_zone))
    venue = unlinked(tenant.name)
    refunded = " Everything that you paid for it is refunded." if booking.terms is not None else ""
    return Message(
        to=to,
        subject=f"{venue} didn't confirm your booking {booking.reference}",
        text=(
            "Hello,\n\n"
            f"{venue} didn't confirm your booking {booking.reference}, {time} "
            f"({tenant.time_zone}), in time, so you don't have it any more.{refunded}\n\n"
            "You can book another time, or contact the venue.\n"
        ),
    )
