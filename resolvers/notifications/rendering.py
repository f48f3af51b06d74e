"""Renders notifications: loads what they tell, and puts it into their templates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlmodel import col

from domain.core.formatting import unlinked
from domain.core.intervals import Interval
from domain.core.local_time import zone
from domain.notifications.content import RenderedNotification
from domain.notifications.kinds import Channel, NotificationKind
from domain.notifications.languages import babel_locale, language_of
from domain.notifications.letters import as_text, letter
from domain.notifications.product_texts import product_template
from domain.notifications.sms import in_gsm, sms_text
from domain.notifications.templates import Template, filled, one_line
from domain.notifications.variables import Variable
from domain.notifications.wording import Wording, duration
from kit.scope import Scope
from models.bookings.bookings import Booking, bookings_of
from models.customers.customers import Customer, customers_of
from models.tenants import Tenant
from models.venue.rooms import Room, rooms_of
from resolvers.notifications.mail_layout import Brand, as_html
from resolvers.payments.payments import balance_due
from resolvers.tenants.tenants import own_tenant

LONGEST_PUSH: Final = 500
"""The most characters of a push message's text; the rest is cut off."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a notification is about: a booking, with what is told of it, or none."""

    booking: Booking | None
    rooms: Sequence[Room] = ()
    customer: Customer | None = None

    @property
    def customer_name(self) -> str:
        """The name that was given for the booking, or the customer's."""
        given = self.booking.contact_name if self.booking else None
        return given or (self.customer.name if self.customer else "")


async def render(
    scope: Scope,
    kind: NotificationKind,
    channel: Channel,
    *,
    locale: str,
    booking_id: UUID | None,
    recipient_name: str,
    links: Mapping[str, str],
    details: Mapping[str, Any],
) -> RenderedNotification:
    """Returns a notification as its recipient reads it, by the venue's template or the product's.

    ``links`` are addresses by name: "manage" and "unsubscribe", each empty or missing where there
    is none. ``details`` are what the booking itself doesn't tell, all of them optional: "amount"
    (Money), "deadline", "old_start", "old_end" (datetimes); for the digest "date" (an instant of
    the day) and "bookings" (DigestLines); for calendar entries "organizer" (an e-mail address).
    """
    tenant = await own_tenant(scope)
    subject = await _subject(scope, booking_id)
    language = language_of(locale)
    template = product_template(kind, channel, language)
    wording = Wording(babel_locale(locale), zone(tenant.time_zone), channel is not Channel.EMAIL)
    values = _values(tenant, subject, wording, recipient_name, links, details)
    if subject.booking is not None:
        due = await balance_due(scope, subject.booking)
        values[Variable.DUE] = wording.money(due) if due and due.amount_minor > 0 else ""
    if channel is Channel.EMAIL:
        mail = letter(
            kind,
            language,
            subject=one_line(filled(template.subject or "", values)),
            text=filled(template.body, values),
            values=values,
            unsubscribe_url=links.get("unsubscribe", ""),
        )
        html = as_html(mail, Brand(values[Variable.VENUE]))
        return RenderedNotification(mail.subject, as_text(mail), html)
    return _brief(template, channel, values)


def _brief(
    template: Template, channel: Channel, values: Mapping[Variable, str]
) -> RenderedNotification:
    """Returns a notification that has no layout."""
    if channel is Channel.SMS:
        return RenderedNotification("", sms_text(filled(template.body, _for_sms(values))))
    title = one_line(filled(template.subject or "", values))
    text = filled(template.body, values)
    if channel is Channel.PUSH and len(text) > LONGEST_PUSH:
        text = f"{text[: LONGEST_PUSH - 1].rstrip()}…"
    return RenderedNotification(title, text)


def _for_sms(values: Mapping[Variable, str]) -> Mapping[Variable, str]:
    dates = (Variable.DATE, Variable.OLD_DATE, Variable.TIME, Variable.OLD_TIME, Variable.DEADLINE)
    return {**values, **{each: in_gsm(sms_text(values.get(each, ""))) for each in dates}}


def _values(
    tenant: Tenant,
    subject: Subject,
    wording: Wording,
    recipient_name: str,
    links: Mapping[str, str],
    details: Mapping[str, Any],
) -> dict[Variable, str]:
    """Returns the values of all variables; those that a kind doesn't have are empty."""
    name = unlinked(recipient_name)
    values = {
        Variable.VENUE: unlinked(tenant.name),
        Variable.NAME: name,
        Variable.FIRST_NAME: name.split(" ")[0],
        Variable.CUSTOMER: unlinked(subject.customer_name),
        Variable.ROOMS: ", ".join(unlinked(room.name) for room in subject.rooms),
        Variable.MANAGE_LINK: links.get("manage", ""),
    }
    if (booking := subject.booking) is not None:
        time = Interval(booking.starts_at, booking.ends_at)
        values |= {
            Variable.DATE: wording.date(time.start),
            Variable.TIME: wording.time(time),
            Variable.DURATION: duration((time.end - time.start) // timedelta(minutes=1)),
            Variable.GUESTS: str(booking.party_size),
            Variable.PRICE: wording.money(booking.price) if booking.price else "",
            Variable.REFERENCE: booking.reference,
        }
    return values | _of_details(wording, details)


def _of_details(wording: Wording, details: Mapping[str, Any]) -> dict[Variable, str]:
    values = {}
    if amount := details.get("amount"):
        values[Variable.AMOUNT] = wording.money(amount)
    if deadline := details.get("deadline"):
        values[Variable.DEADLINE] = wording.moment(deadline)
    if (start := details.get("old_start")) and (end := details.get("old_end")):
        values[Variable.OLD_DATE] = wording.date(start)
        values[Variable.OLD_TIME] = wording.time(_interval(start, end))
    if (day := details.get("date")) is not None:
        values[Variable.DATE] = wording.date(day)
    if (bookings := details.get("bookings")) is not None:
        values[Variable.COUNT] = str(len(bookings))
        values[Variable.BOOKINGS] = wording.digest(bookings)
    return values


def _interval(start: datetime, end: datetime) -> Interval:
    return Interval(start.astimezone(UTC), end.astimezone(UTC))


async def _subject(scope: Scope, booking_id: UUID | None) -> Subject:
    if booking_id is None:
        return Subject(None)
    tenant_id = scope.tenant_id
    booking = await scope.one(bookings_of(tenant_id).where(col(Booking.id) == booking_id))
    assert booking is not None, "a booking is never removed"
    found = await scope.all(rooms_of(tenant_id).where(col(Room.id).in_(booking.room_ids)))
    rooms = sorted(found, key=lambda room: booking.room_ids.index(room.id))
    customer = None
    if booking.customer_id is not None:
        theirs = customers_of(tenant_id).where(col(Customer.id) == booking.customer_id)
        customer = await scope.one(theirs)
    return Subject(booking, rooms, customer)
