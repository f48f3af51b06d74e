"""Guests' codes, which grant access to one booking until they expire or are revoked.

A code is the API's `token`; two mutations call it a guest link.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, cast
from uuid import UUID

import orjson
from sqlalchemy import Select
from sqlmodel import col
from typing_extensions import Doc

from domain.accounts.users import Role
from domain.bookings.lifecycle import EDITABLE, Status, reference_read
from domain.core.contact import normalised_email
from domain.core.formatting import span, unlinked
from domain.core.ids import BookingId
from domain.core.intervals import Interval
from domain.core.local_time import zone
from domain.core.log_events import Event, EventType
from integrations.mail.protocol import Message
from kit.actor import ANONYMOUS, Actor, ActorKind, Request
from kit.runtime import Runtime
from kit.scope import Scope
from kit.security.allowances import Allowance, Allowances
from kit.security.encryption import Cipher
from kit.security.network_addresses import network_of
from kit.security.tokens import Link, Links
from models.bookings.bookings import Booking, bookings_of, guest_of
from models.tenants import Tenant, tenant_id_of
from permissions.roles import P
from resolvers.accounts.outgoing_mail import MailKind, is_admitted, send_admitted
from resolvers.bookings.booking_access import locked_booking
from resolvers.core.transactions import perform
from resolvers.tenants.tenants import own_tenant

GOOD_AFTER_END: Final = timedelta(days=1)
"""How long a code stays valid after the end of the booking."""

REQUEST_JOB: Final = "guest_link"
REQUESTS_BY_ADDRESS: Final = Allowance("guest link requests by address", 10, timedelta(hours=1))
REQUESTS_FOR_BOOKING: Final = Allowance("guest link requests for booking", 3, timedelta(hours=1))


def guest(tenant_id: UUID, booking_id: UUID | None = None) -> Actor:
    """Returns the actor of a guest, who may see and change one booking, or none."""
    return Actor(
        ActorKind.CUSTOMER,
        tenant_id,
        role=Role.CUSTOMER.value if booking_id else None,
        scopes=frozenset({P.BOOKINGS_READ, P.BOOKINGS_WRITE}),
        confined_to=booking_id,
    )


def token_for(scope: Scope, booking: Booking, *, is_mailed: bool = False) -> str:
    """Returns a booking's code; ``is_mailed``: it is sent by mail, and nowhere else."""
    link = Link(booking.tenant_id, booking.id, booking.link_version, is_mailed=is_mailed)
    return scope.service(Links).sign(link)


def opens(link: Link, booking: Booking, *, now: datetime) -> bool:
    """Returns whether a code is valid: not if revoked, or a day after the booking's end."""
    return link.version == booking.link_version and not _is_over(booking, now)


async def revoke_guest_link(
    scope: Scope, id: Annotated[BookingId, Doc("The id of the booking whose codes to revoke.")]
) -> Booking:
    """Revoke all codes that guests have for a booking. They can request a new one."""
    booking = await locked_booking(scope, id)
    _revoke(scope, booking)
    return booking


async def request_guest_link(
    scope: Scope,
    *,
    subdomain: Annotated[str, Doc("The subdomain of the venue.")],
    reference: Annotated[str, Doc("The reference of the booking, as 'D967-HBX2' or 'd967hbx2'.")],
    email: Annotated[str, Doc("The e-mail address that the booking was made with.")],
) -> None:
    """E-mail a new code for a booking to the address that it was made with. Earlier codes are
    revoked.

    The result is the same whether or not there is such a booking. At most 3 requests an hour are
    accepted for a booking, and 10 from one network address. If the guest has already received many
    e-mails, no new code is sent and earlier codes stay valid.
    """
    data = {
        "subdomain": subdomain.strip().lower(),
        "reference": reference_read(reference),
        "email": normalised_email(email) or "",
    }
    allowances, address = scope.service(Allowances), scope.request.ip_address
    await allowances.spend(REQUESTS_BY_ADDRESS, network_of(address))
    await allowances.spend(REQUESTS_FOR_BOOKING, *data.values())
    data["address"] = address or ""
    # All of it in a job, so that the response time reveals nothing either.
    sealed = scope.service(Cipher).encrypt(orjson.dumps(data).decode(), use=REQUEST_JOB)
    scope.enqueue(REQUEST_JOB, {"sealed": sealed})


def requested_link(runtime: Runtime, payload: Mapping[str, Any]) -> dict[str, str]:
    """Returns the ``subdomain``, ``reference``, ``email`` and ``address`` of a job.

    Raises DecryptionError.
    """
    cipher = cast("Cipher", runtime.services[Cipher])
    data: dict[str, str] = orjson.loads(cipher.decrypt(payload["sealed"], use=REQUEST_JOB))
    return data


async def send_requested_link(
    runtime: Runtime, request: Request, *, subdomain: str, reference: str, email: str
) -> None:
    """Mails a new code for the booking with this reference and address, and revokes the others.

    The existing codes stay valid if the mail is withheld.
    """

    async def send(scope: Scope) -> None:
        tenant_id = await scope.read_outside(tenant_id_of(subdomain))
        if tenant_id is None:
            return
        await scope.enter(tenant_id)
        found = await scope.read_outside(_with_reference(tenant_id, reference))
        if found is None:
            return
        scope.actor = guest(tenant_id, found.id)
        customer = await scope.read_outside(guest_of(tenant_id, found.id))
        if customer is None or customer.email is None or customer.email_key != email:
            return
        if _is_over(found, scope.now()):
            return
        # An unconfirmed booking may have been made with another person's address.
        is_booked = Status(found.status) in EDITABLE
        kind = MailKind.GUEST_CODE if is_booked else MailKind.CONFIRMATION
        network = network_of(request.ip_address)
        if not await is_admitted(runtime, tenant_id, to=customer.email, kind=kind, network=network):
            return
        booking = await locked_booking(scope, BookingId(found.id))
        if booking.customer_id != found.customer_id:
            return
        _revoke(scope, booking)
        token = token_for(scope, booking, is_mailed=True)
        send_admitted(scope, _letter(customer.email, await own_tenant(scope), booking, token), kind)

    await perform(runtime, ANONYMOUS, request, send)


def _with_reference(tenant_id: UUID, reference: str) -> Select[Booking]:
    return bookings_of(tenant_id).where(col(Booking.reference) == reference)


def _revoke(scope: Scope, booking: Booking) -> None:
    booking.link_version += 1
    scope.emit(Event(EventType.GUEST_LINK_REVOKED, "Booking", booking.id))


def _is_over(booking: Booking, now: datetime) -> bool:
    return now >= booking.ends_at + GOOD_AFTER_END


def _letter(to: str, tenant: Tenant, booking: Booking, token: str) -> Message:
    time = span(Interval(booking.starts_at, booking.ends_at), zone(tenant.time_zone))
    venue = unlinked(tenant.name)
    return Message(
        to=to,
        subject=f"The code for your booking {booking.reference} at {venue}",
        text=(
            "Hello,\n\n"
            f"You, or someone else, requested a new code for the booking {booking.reference} at "
            f"{venue}, {time} ({tenant.time_zone}). Enter it to view, move or cancel the booking, "
            "until a day after its end:\n\n"
            f"{token}\n\n"
            "Your earlier codes don't work any more.\n"
        ),
    )
