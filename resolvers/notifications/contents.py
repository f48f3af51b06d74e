"""Writes what a delivery says: its text, its links, and what its recipient is told besides."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlmodel import col

from domain.bookings.lifecycle import Status
from domain.core.local_time import midnight, zone
from domain.core.money import Money
from domain.notifications.content import DigestLine, RenderedNotification
from domain.notifications.kinds import Channel, NotificationKind
from domain.notifications.settings import CODE
from kit.scope import Scope
from kit.security.tokens import RecipientLink, RecipientLinks
from kit.settings import Settings
from models.bookings.bookings import Booking, bookings_of
from models.notifications.deliveries import NotificationDelivery
from models.notifications.settings import NotificationSettings
from models.tenants import Tenant
from resolvers.bookings.guest_links import token_for
from resolvers.core.hooks import run_handlers
from resolvers.notifications.hooks import NoticeDraft
from resolvers.notifications.recipients import Recipient
from resolvers.notifications.rendering import render
from resolvers.notifications.settings import notification_settings
from resolvers.tenants.tenants import own_tenant

UNSUBSCRIBE: Final = "/unsubscribe"
"""The path of the server below which recipients stop notifications."""
MAX_DIGEST_LINES: Final = 500

_IN_DIGEST: Final = [each.value for each in (Status.PENDING, Status.CONFIRMED, Status.CHECKED_IN)]
_INSTANTS: Final = ("deadline", "old_start", "old_end")


@dataclass(frozen=True, slots=True)
class Letter:
    """A delivery as it is handed over to its channel.

    ``address`` is the e-mail address, the number, or the id of the user. ``manage`` and
    ``unsubscribe`` are links, empty where there is none. ``headers`` are further ones of a mail.
    """

    id: UUID
    kind: NotificationKind
    channel: Channel
    address: str
    content: RenderedNotification
    booking_id: UUID | None
    manage: str
    unsubscribe: str
    sender_name: str
    reply_to: str | None
    headers: Mapping[str, str]
    time_zone: str
    is_verified: bool
    attempts: int


async def written(
    scope: Scope,
    delivery: NotificationDelivery,
    recipient: Recipient,
    booking: Booking | None,
    address: str,
) -> Letter:
    """Returns a delivery in its recipient's language, by the venue's templates."""
    kind, channel = NotificationKind(delivery.kind), Channel(delivery.channel)
    settings, tenant = await notification_settings(scope), await own_tenant(scope)
    unsubscribe = _unsubscribe_link(scope, recipient, kind, channel)
    manage = _booking_link(scope, settings, booking, channel) if recipient.is_customer else ""
    details = await _details(scope, delivery, booking, settings, tenant)
    draft = NoticeDraft(kind, channel, delivery.details or {}, details)
    await run_handlers(scope, draft)
    content = await render(
        scope,
        kind,
        channel,
        locale=recipient.locale,
        booking_id=delivery.booking_id,
        recipient_name=recipient.name,
        links={"manage": manage, "unsubscribe": unsubscribe},
        details=draft.details,
    )
    return Letter(
        delivery.id,
        kind,
        channel,
        address,
        content,
        booking_id=delivery.booking_id,
        manage=manage,
        unsubscribe=unsubscribe,
        sender_name=settings.sender_name or tenant.name,
        reply_to=draft.reply_to or settings.reply_to,
        headers=draft.headers,
        time_zone=tenant.time_zone,
        is_verified=recipient.is_verified,
        attempts=delivery.attempts,
    )


def _unsubscribe_link(
    scope: Scope, recipient: Recipient, kind: NotificationKind, channel: Channel
) -> str:
    """Returns where a recipient stops such notifications; '' without BOOM_PUBLIC_URL."""
    public_url = scope.service(Settings).public_url
    if public_url is None:
        return ""
    link = RecipientLink(
        scope.tenant_id, recipient.id, recipient.is_customer, kind.value, channel.value
    )
    return f"{public_url}{UNSUBSCRIBE}/{scope.service(RecipientLinks).sign(link)}"


def _booking_link(
    scope: Scope, settings: NotificationSettings, booking: Booking | None, channel: Channel
) -> str:
    """Returns the venue's page for a booking, with its code; '' without such a page."""
    if settings.booking_page is None or booking is None:
        return ""
    # Only a code that was mailed confirms a booking, as only that proves the address.
    code = token_for(scope, booking, is_mailed=channel is Channel.EMAIL)
    return settings.booking_page.replace(CODE, code)


async def _details(
    scope: Scope,
    delivery: NotificationDelivery,
    booking: Booking | None,
    settings: NotificationSettings,
    tenant: Tenant,
) -> dict[str, Any]:
    stored = delivery.details or {}
    details: dict[str, Any] = {
        name: datetime.fromisoformat(stored[name]).astimezone(UTC)
        for name in _INSTANTS
        if name in stored
    }
    if amount := stored.get("amount"):
        details["amount"] = Money.parse(amount["amount"], amount["currencyCode"])
    is_mailed = delivery.channel == Channel.EMAIL.value
    if is_mailed and delivery.kind == NotificationKind.WAITLIST_OFFERED.value and booking:
        # Signed anew, so that it is stored nowhere.
        details["code"] = token_for(scope, booking, is_mailed=True)
    if settings.reply_to is not None:
        details["organizer"] = settings.reply_to
    if day := stored.get("date"):
        details |= await _digest(scope, date.fromisoformat(day), tenant)
    return details


async def _digest(scope: Scope, day: date, tenant: Tenant) -> Mapping[str, Any]:
    venue_zone = zone(tenant.time_zone)
    start, end = midnight(day, venue_zone), midnight(day + timedelta(days=1), venue_zone)
    found = await scope.all(
        bookings_of(scope.tenant_id)
        .where(
            col(Booking.starts_at) >= start,
            col(Booking.starts_at) < end,
            col(Booking.status).in_(_IN_DIGEST),
        )
        .order_by(col(Booking.starts_at), col(Booking.id))
        .limit(MAX_DIGEST_LINES)
    )
    return {"date": start, "bookings": [await _line(scope, each) for each in found]}


async def _line(scope: Scope, booking: Booking) -> DigestLine:
    room = await scope.loaders.related(booking, "room")
    customer = await scope.loaders.related(booking, "customer")
    return DigestLine(
        booking.starts_at,
        booking.ends_at,
        rooms=room.name,
        customer=booking.contact_name or (customer.name if customer else None),
        party_size=booking.party_size,
    )
