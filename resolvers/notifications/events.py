"""What recipients are told after events: of bookings, their payments, and the waitlist."""

from collections.abc import Mapping
from typing import Any

from sqlmodel import col

from domain.bookings.lifecycle import Status
from domain.core.log_events import EventType, LoggedEvent
from domain.notifications.causes import REVIEW_AFTER, STAFF_KINDS, kinds_of
from domain.notifications.kinds import NotificationKind as Kind
from domain.tenants.payment_policy import PolicyKind
from kit.scope import Scope
from models.bookings.bookings import Booking, bookings_of
from models.bookings.waitlist import WaitlistEntry, entries_of
from models.notifications.deliveries import earlier_of_request
from models.payments.payments import terms_of_booking
from resolvers.notifications.deliveries import Notice, make_deliveries
from resolvers.notifications.recipients import customer_of, team
from resolvers.notifications.settings import notification_settings
from resolvers.payments.payments import cancellation_refund

_OF_THE_FUTURE = frozenset(
    {Kind.BOOKING_REQUESTED, Kind.BOOKING_CONFIRMED, Kind.BOOKING_CHANGED, Kind.BOOKING_CANCELLED}
)
"""Kinds that nobody needs once the booking is over, as of one that was recorded later."""
_OF_PAYMENTS = frozenset({Kind.PAYMENT_RECEIVED, Kind.PAYMENT_FAILED, Kind.REFUNDED})


async def notify_of(scope: Scope, event: LoggedEvent) -> None:
    """Makes the deliveries that an entry of the log causes, and enqueues their jobs."""
    kinds = kinds_of(event)
    if not kinds:
        return
    booking = await _booking_of(scope, event)
    if booking is None:
        return
    settings = await notification_settings(scope)
    for kind in kinds:
        if not await _is_told(scope, kind, event, booking):
            continue
        notice = Notice(
            kind,
            f"log {event.position}",
            booking.id,
            await _details(scope, event, booking),
            booking.ends_at + REVIEW_AFTER if kind is Kind.REVIEW_ASKED else None,
        )
        if kind in STAFF_KINDS:
            recipients = await team(scope, without=event.actor_id)
        elif booking.customer_id is None:
            continue
        else:
            customer = await customer_of(scope, booking.customer_id, booking)
            recipients = [] if customer is None else [customer]
        await make_deliveries(scope, settings, notice, recipients)


async def _booking_of(scope: Scope, event: LoggedEvent) -> Booking | None:
    id = event.subject_id
    if event.type is EventType.WAITLIST_OFFERED:
        entry = await scope.one(entries_of(scope.tenant_id).where(col(WaitlistEntry.id) == id))
        if entry is None or entry.hold_id is None:
            return None
        id = entry.hold_id
    return await scope.one(bookings_of(scope.tenant_id).where(col(Booking.id) == id))


async def _is_told(scope: Scope, kind: Kind, event: LoggedEvent, booking: Booking) -> bool:
    if kind in _OF_THE_FUTURE | STAFF_KINDS and booking.ends_at <= scope.now():
        return False
    if kind in _OF_PAYMENTS:
        # A card that is only held has paid nothing.
        policy = terms_of_booking(booking).policy.kind
        return policy is not PolicyKind.CARD_HOLD or booking.status == Status.NO_SHOW.value
    if booking.series_id is None:
        return True
    # Of a series that was made or changed at once, the first booking stands for all.
    earlier = await scope.one(
        earlier_of_request(
            scope.tenant_id, event.request_id, event.type, at=event.at, before=event.position
        )
    )
    return earlier is None


async def _details(scope: Scope, event: LoggedEvent, booking: Booking) -> Mapping[str, Any]:
    before, after = event.before or {}, event.after or {}
    match event.type:
        case EventType.PAYMENT_RECEIVED | EventType.PAYMENT_FAILED | EventType.REFUND_SENT:
            return {"amount": after["amount"]}
        case EventType.BOOKING_CANCELLED if refund := await cancellation_refund(scope, [booking]):
            return {"amount": {"amount": refund.amount, "currencyCode": refund.currency_code}}
        case EventType.WAITLIST_OFFERED if booking.hold_expires_at is not None:
            return {"deadline": booking.hold_expires_at.isoformat()}
        case EventType.BOOKING_RESCHEDULED | EventType.BOOKING_EXTENDED:
            if not {"starts_at", "ends_at"} & before.keys():
                return {}
            return {
                "old_start": before.get("starts_at") or booking.starts_at.isoformat(),
                "old_end": before.get("ends_at") or booking.ends_at.isoformat(),
            }
        case _:
            return {}
