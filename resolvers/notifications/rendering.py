"""Renders notifications: loads what they tell, and puts it into their templates."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlmodel import col

from domain.core.local_time import zone
from domain.notifications.attachments import calendar_attachment
from domain.notifications.content import RenderedNotification
from domain.notifications.facts import BookingFacts, values_of
from domain.notifications.kinds import Channel, NotificationKind
from domain.notifications.languages import babel_locale
from domain.notifications.letters import as_text, letter
from domain.notifications.sms import in_gsm, sms_text
from domain.notifications.templates import Template, filled, one_line
from domain.notifications.variables import Variable
from domain.notifications.wording import Wording
from kit.scope import Scope
from models.bookings.bookings import Booking, bookings_of
from models.tenants import Tenant
from resolvers.notifications.booking_facts import facts_of
from resolvers.notifications.mail_layout import Brand, as_html
from resolvers.notifications.templates import template_in_use
from resolvers.tenants.tenants import own_tenant

LONGEST_PUSH: Final = 500
"""The most characters of a push message's text; the rest is cut off."""

_OURS: Final = (
    Variable.DATE,
    Variable.TIME,
    Variable.OLD_DATE,
    Variable.OLD_TIME,
    Variable.DEADLINE,
)
"""The variables in whose values no person's name can be."""


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
    (Money), "deadline", "old_start", "old_end" (datetimes), "code" (of an offer); for the digest
    "date" (an instant of the day) and "bookings" (DigestLines); for calendar entries "organizer"
    (an e-mail address).
    """
    tenant, facts = await own_tenant(scope), None
    if booking_id is not None:
        booking = await scope.one(bookings_of(scope.tenant_id).where(col(Booking.id) == booking_id))
        assert booking is not None, "a booking is never removed"
        facts = await facts_of(scope, booking, kind, channel, tenant)
    return await rendered(
        scope,
        tenant,
        kind,
        channel,
        locale=locale,
        booking=facts,
        recipient_name=recipient_name,
        links=links,
        details=details,
    )


async def rendered(
    scope: Scope,
    tenant: Tenant,
    kind: NotificationKind,
    channel: Channel,
    *,
    locale: str | None,
    booking: BookingFacts | None,
    recipient_name: str,
    links: Mapping[str, str],
    details: Mapping[str, Any],
    template: Template | None = None,
) -> RenderedNotification:
    """Does the same for a booking that was loaded, or is an example.

    A ``template`` is used instead of the one in use.
    """
    language = babel_locale(locale)
    template = template or await template_in_use(scope, kind, channel, language.language)
    values = values_of(
        tenant.name,
        booking,
        Wording(language, zone(tenant.time_zone), is_brief=channel is not Channel.EMAIL),
        recipient_name=recipient_name,
        manage_link=links.get("manage", ""),
        details=details,
    )
    if channel is not Channel.EMAIL:
        return _brief(template, channel, values)
    mail = letter(
        kind,
        language.language,
        subject=one_line(filled(template.subject or "", values)),
        text=filled(template.body, values),
        values=values,
        unsubscribe_url=links.get("unsubscribe", ""),
    )
    calendar = None
    if booking is not None:
        calendar = calendar_attachment(
            kind,
            booking,
            language=language.language,
            values=values,
            organizer=details.get("organizer"),
        )
    html = as_html(mail, Brand(values[Variable.VENUE], tenant.brand_color, tenant.logo_url))
    return RenderedNotification(mail.subject, as_text(mail), html, calendar)


def _brief(
    template: Template, channel: Channel, values: Mapping[Variable, str]
) -> RenderedNotification:
    """Returns a notification that has no layout."""
    if channel is Channel.SMS:
        plain = {name: in_gsm(sms_text(values[name])) for name in _OURS if name in values}
        return RenderedNotification("", sms_text(filled(template.body, {**values, **plain})))
    title = one_line(filled(template.subject or "", values))
    text = filled(template.body, values)
    if channel is Channel.PUSH and len(text) > LONGEST_PUSH:
        text = f"{text[: LONGEST_PUSH - 1].rstrip()}…"
    return RenderedNotification(title, text)
