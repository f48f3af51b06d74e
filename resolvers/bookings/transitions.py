"""Transitions of bookings: confirm, reject, cancel, check in, complete, mark as no-show."""

from typing import Annotated, Final

from typing_extensions import Doc

from domain.bookings.lifecycle import (
    CancellationRefund,
    Status,
    check_transition,
    is_over,
    is_unanswered,
)
from domain.core.ids import BookingId
from domain.core.log_events import EventType
from domain.core.refusals import NotFound
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.core.base import snapshot
from permissions.policy import may, only_own
from permissions.policy import refusal as forbidden
from permissions.roles import P
from resolvers.bookings.booking_access import (
    Reason,
    Version,
    load_visible_booking,
    locked_booking,
    record_change,
    state_of,
    status,
    text_refusals,
)
from resolvers.bookings.hooks import BookingChange, BookingEvent
from resolvers.bookings.slot_claims import expire
from resolvers.bookings.strangers import uncount_guest_booking
from resolvers.core.hooks import run_handlers
from resolvers.core.lookups import raise_all


async def confirm_booking(
    scope: Scope, id: Annotated[BookingId, Doc("The id of the booking.")], *, version: Version
) -> Booking:
    """Confirm a pending booking."""
    return await _become(scope, id, Status.CONFIRMED, EventType.BOOKING_CONFIRMED, version=version)


async def reject_booking(
    scope: Scope,
    id: Annotated[BookingId, Doc("The id of the booking.")],
    *,
    version: Version,
    reason: Reason = None,
) -> Booking:
    """Reject a pending booking, and free its time at once."""
    return await _become(
        scope, id, Status.REJECTED, EventType.BOOKING_REJECTED, version=version, reason=reason
    )


async def cancel_booking(
    scope: Scope,
    id: Annotated[BookingId, Doc("The id of the booking or hold.")],
    *,
    version: Version,
    reason: Reason = None,
    refund: Annotated[
        CancellationRefund | None,
        Doc(
            "How much of the payments to refund. By default POLICY for customers and FULL "
            "for the venue's team; any other choice requires `payments:refund`."
        ),
    ] = None,
) -> list[Booking]:
    """Cancel a booking or a hold, and free its time at once.

    By default, a cancellation by the customer refunds what the cancellation policy gives back, and
    one by the venue refunds everything.
    """
    return [
        await _become(
            scope,
            id,
            Status.CANCELLED,
            EventType.BOOKING_CANCELLED,
            version=version,
            reason=reason,
            refund=_refund(scope, refund),
        )
    ]


async def check_in_booking(
    scope: Scope, id: Annotated[BookingId, Doc("The id of the booking.")], *, version: Version
) -> Booking:
    """Mark the guests of a booking as arrived: from 15 minutes before its start until its end."""
    return await _become(
        scope, id, Status.CHECKED_IN, EventType.BOOKING_CHECKED_IN, version=version
    )


async def complete_booking(
    scope: Scope, id: Annotated[BookingId, Doc("The id of the booking.")], *, version: Version
) -> Booking:
    """Mark a booking as completed: after check-in, or after its end."""
    return await _become(scope, id, Status.COMPLETED, EventType.BOOKING_COMPLETED, version=version)


async def mark_no_show(
    scope: Scope,
    id: Annotated[BookingId, Doc("The id of the booking.")],
    *,
    version: Version,
    waive_fee: Annotated[
        bool, Doc("Whether to release a held card without charging the no-show fee.")
    ] = False,
    reason: Reason = None,
) -> Booking:
    """Mark a booking to which nobody came, once it has started. Its remaining time is free at once.

    If a card is held, the no-show fee is charged to it, unless `waiveFee` is set.
    """
    return await _become(
        scope,
        id,
        Status.NO_SHOW,
        EventType.BOOKING_NO_SHOW,
        version=version,
        reason=reason,
        waives_fee=waive_fee,
    )


async def expire_hold(scope: Scope, id: BookingId) -> None:
    """Stores that a hold has expired, unless that is stored or it became a booking."""
    try:
        hold = await locked_booking(scope, id)
    except NotFound:
        return
    if hold.status == Status.HELD.value and status(scope, hold) is Status.EXPIRED:
        await expire(scope, [id])


async def _become(
    scope: Scope,
    id: BookingId,
    wanted: Status,
    event: BookingEvent,
    *,
    version: int,
    reason: str | None = None,
    waives_fee: bool = False,
    refund: CancellationRefund = CancellationRefund.POLICY,
) -> Booking:
    raise_all(text_refusals(reason=reason))
    booking = await locked_booking(scope, id, version=version, with_tenant=True)
    tenant = booking.tenant
    check_transition(state_of(booking, tenant), wanted, now=scope.now())
    before = snapshot(booking)
    booking.status = wanted.value
    booking.hold_expires_at = None
    also: dict[str, object] = {"no_show_fee": "waived"} if waives_fee else {}
    if wanted is Status.CANCELLED and await uncount_guest_booking(scope, tenant, booking):
        also["counts_for_plan"] = False
    record_change(scope, event, booking, before, reason=reason, also=also)
    await run_handlers(
        scope,
        BookingChange(
            type=event,
            booking=booking,
            tenant=tenant,
            before=before,
            refund=refund,
            waives_fee=waives_fee,
        ),
    )
    return booking


def _refund(scope: Scope, chosen: CancellationRefund | None) -> CancellationRefund:
    """Returns how much a cancellation by the caller refunds. Raises Forbidden."""
    is_customer = only_own(scope.actor, P.BOOKINGS_WRITE)
    usual = CancellationRefund.POLICY if is_customer else CancellationRefund.FULL
    if chosen not in (None, usual) and not may(scope.actor, P.PAYMENTS_REFUND):
        raise forbidden(scope.actor, P.PAYMENTS_REFUND)
    return chosen or usual


_UNANSWERED: Final = "Nobody confirmed it before it began."


async def complete_past_booking(scope: Scope, id: BookingId) -> None:
    """Completes a past booking, unless its status has changed."""
    try:
        booking = await load_visible_booking(scope, id)
    except NotFound:
        return
    if is_over(Status(booking.status), booking.ends_at, now=scope.now()):
        await complete_booking(scope, id, version=booking.version)


async def reject_unanswered_booking(scope: Scope, id: BookingId) -> None:
    """Rejects a booking that wasn't confirmed before its start, and refunds everything."""
    try:
        booking = await load_visible_booking(scope, id)
    except NotFound:
        return
    if is_unanswered(Status(booking.status), booking.starts_at, now=scope.now()):
        await reject_booking(scope, id, version=booking.version, reason=_UNANSWERED)
