"""Makes the deliveries of reminders and digests that are due."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlmodel import col

from domain.bookings.lifecycle import Status
from domain.core.local_time import zone
from domain.notifications.deliveries import DeliveryReason
from domain.notifications.kinds import Channel, NotificationKind
from domain.notifications.times import reminder_send_at
from kit.scope import Scope
from models.bookings.bookings import Booking, bookings_of
from resolvers.notifications.deliveries import Notice, make_deliveries
from resolvers.notifications.recipients import customer_of, team
from resolvers.notifications.settings import notification_settings
from resolvers.tenants.tenants import own_tenant

REMINDER_JOB: Final = "reminder"
DIGEST_JOB: Final = "digest"


async def make_reminder(scope: Scope, payload: Mapping[str, Any]) -> None:
    """Makes a reminder that is due, unless its booking was moved or cancelled meanwhile.

    In quiet hours, it waits for their end, if that is before the start.
    """
    starts_at = datetime.fromisoformat(payload["starts_at"]).astimezone(UTC)
    booking = await scope.one(
        bookings_of(scope.tenant_id).where(
            col(Booking.id) == UUID(payload["booking_id"]),
            col(Booking.starts_at) == starts_at,
            col(Booking.status) == Status.CONFIRMED.value,
        )
    )
    if booking is None or booking.customer_id is None or starts_at <= scope.now():
        return
    customer = await customer_of(scope, booking.customer_id, booking)
    if customer is None:
        return
    settings, tenant = await notification_settings(scope), await own_tenant(scope)
    send_at = reminder_send_at(
        scope.now(), starts_at=starts_at, quiet=settings.quiet_hours, zone=zone(tenant.time_zone)
    )
    if send_at is not None and send_at > scope.now():
        scope.enqueue(REMINDER_JOB, payload, at=send_at)
        return
    cause = f"reminder {booking.id} {payload['starts_at']} {payload['minutes_before']}"
    withheld = DeliveryReason.QUIET_HOURS if send_at is None else None
    notice = Notice(NotificationKind.BOOKING_REMINDER, cause, booking.id, withheld=withheld)
    channels = [Channel(payload["channel"])]
    await make_deliveries(scope, settings, notice, [customer], channels=channels)


async def make_digest(scope: Scope, payload: Mapping[str, Any]) -> None:
    """Makes the digest of a date for each member of the team."""
    day = str(payload["date"])
    notice = Notice(NotificationKind.STAFF_DIGEST, f"digest {day}", details={"date": day})
    await make_deliveries(scope, await notification_settings(scope), notice, await team(scope))
