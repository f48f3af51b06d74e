"""Previews of notifications: with a booking of the venue, or with an example."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from sqlmodel import col
from typing_extensions import Doc

from domain.core.ids import BookingId
from domain.core.intervals import Interval
from domain.core.local_time import midnight, zone
from domain.core.money import Money
from domain.notifications.content import DigestLine
from domain.notifications.facts import BookingFacts
from domain.notifications.kinds import TICKET_KINDS, Channel, NotificationKind
from domain.notifications.sms import SmsEncoding, sms_length
from domain.notifications.templates import TemplateDraft, template_refusals
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.tenants import Tenant
from models.venue.rooms import Room, rooms_in_use
from permissions.policy import may, refusal
from permissions.roles import P
from resolvers.bookings.booking_access import visible_bookings
from resolvers.core.lookups import raise_all
from resolvers.notifications.booking_facts import facts_of
from resolvers.notifications.rendering import rendered
from resolvers.tenants.tenants import own_tenant

_TOLD: Final = (P.BOOKINGS_READ, P.ROOMS_READ, P.PRICES_READ, P.PAYMENTS_READ, P.CUSTOMERS_READ)
"""What a caller must be able to read to see a booking as its customer is told of it."""
_NAME: Final = "Remy Waters"
_REFERENCE: Final = "D967-HBX2"
_CODE: Final = "the-code-of-the-offer"
_TICKET: Final = {
    "ticket": "1042",
    "subject": "A lost jacket",
    "message": "We have found it: it waits for you at the bar.",
    "customer": _NAME,
}
_LINKS: Final = {
    "manage": "https://example.com/booking",
    "unsubscribe": "https://example.com/unsubscribe",
}


@dataclass(frozen=True, slots=True)
class NotificationPreview:
    """A notification as its recipient would read it; the counts are of an SMS alone."""

    subject: str | None
    text: str
    html: str | None
    calendar: str | None
    encoding: SmsEncoding | None = None
    segments: int | None = None
    units_left: int | None = None


async def preview_notification(
    scope: Scope,
    *,
    kind: Annotated[NotificationKind, Doc("What the notification is about.")],
    channel: Annotated[Channel, Doc("The channel that brings it.")],
    locale: Annotated[
        str | None,
        Doc("The recipient's locale, such as `de-AT`; by default the text is in English."),
    ] = None,
    booking_id: Annotated[
        BookingId | None,
        Doc(
            "The booking that it tells of; by default an example. A digest and a ticket have none."
        ),
    ] = None,
    draft: Annotated[
        TemplateDraft | None,
        Doc(
            "A text that isn't saved, in place of the one in use. It can be what "
            "`updateNotificationTemplate` takes."
        ),
    ] = None,
) -> NotificationPreview | None:
    """A notification as its recipient would read it, by the text in use or by a draft.

    Nothing is sent. Null if there is no such booking. With `bookingId` it requires `bookings:read`,
    `rooms:read`, `prices:read`, `payments:read` and `customers:read` besides. Links lead nowhere.
    """
    if draft is not None:
        raise_all(list(template_refusals(kind, channel, draft.template)))
    tenant = await own_tenant(scope)
    booking = None
    if booking_id is not None:
        if lacking := next((each for each in _TOLD if not may(scope.actor, each)), None):
            raise refusal(scope.actor, lacking)
        found = await scope.one(visible_bookings(scope).where(col(Booking.id) == booking_id))
        if found is None:
            return None
        booking = await facts_of(scope, found, kind, channel, tenant)
    else:
        booking = await _example(scope, tenant)
    is_of_none = kind is NotificationKind.STAFF_DIGEST or kind in TICKET_KINDS
    result = await rendered(
        scope,
        tenant,
        kind,
        channel,
        locale=locale,
        booking=None if is_of_none else booking,
        recipient_name=_NAME if booking_id is None else booking.customer,
        links=_LINKS,
        details={
            **_details(booking, channel, scope.now()),
            **(_TICKET if kind in TICKET_KINDS else {}),
        },
        template=None if draft is None else draft.template,
    )
    shown = NotificationPreview(
        result.subject or None,
        result.text,
        result.html,
        result.calendar.content if result.calendar else None,
    )
    if channel is not Channel.SMS:
        return shown
    length = sms_length(result.text)
    return NotificationPreview(
        None, result.text, None, None, length.encoding, length.segments, length.units_left
    )


async def _example(scope: Scope, tenant: Tenant) -> BookingFacts:
    """Returns a booking of four people, tomorrow from 19:00 to 21:00."""
    room = await scope.one(rooms_in_use(scope.tenant_id).order_by(col(Room.id)).limit(1))
    venue_zone = zone(tenant.time_zone)
    tomorrow = (scope.now() + timedelta(days=1)).astimezone(venue_zone).date()
    start = midnight(tomorrow, venue_zone) + timedelta(hours=19)
    price = Money(7600, tenant.currency_code)
    return BookingFacts(
        UUID(int=0),
        version=1,
        changed_at=scope.now(),
        time=Interval.of_minutes(start, 120),
        rooms=(room.name if room else "Room 1",),
        party_size=4,
        reference=_REFERENCE,
        customer=_NAME,
        email="remy@example.com",
        price=price,
        due=price,
    )


def _details(booking: BookingFacts, channel: Channel, now: datetime) -> dict[str, Any]:
    """Returns an example of whatever the booking itself doesn't tell."""
    time = booking.time
    rooms = ", ".join(booking.rooms)
    return {
        "amount": booking.price,
        "deadline": now + timedelta(minutes=30),
        "code": _CODE if channel is Channel.EMAIL else "",
        "old_start": time.start - timedelta(days=1),
        "old_end": time.end - timedelta(days=1),
        "date": time.start,
        "bookings": [DigestLine(time.start, time.end, rooms, booking.customer, booking.party_size)],
    }
