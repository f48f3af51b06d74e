"""Bookings of guests, who have no account and manage one booking by its code."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated
from uuid import UUID

from typing_extensions import Doc

from domain.accounts.refusals import InvalidCredentials
from domain.bookings.lifecycle import Status
from domain.bookings.refusals import GuestBookingClosed, ProofRequired, SlotTaken
from domain.core.formatting import moment, span, unlinked
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval
from domain.core.local_time import LocalPeriod, Start, zone
from domain.core.money import Money
from domain.core.refusals import (
    Code,
    NotFound,
    Refusal,
    Required,
    StaleVersion,
    WithoutDetails,
    refusals_in,
)
from domain.core.text import TokenText
from domain.customers.customers import CustomerChoice, NewCustomer, tidy
from domain.tenants.refusals import PlanLimitReached
from integrations.human_proof.one_time import OneTimeProofs
from integrations.mail.protocol import Message
from kit.errors import Unauthenticated
from kit.scope import Scope
from kit.security.tokens import Link, Links
from models.bookings.availability import VENUE
from models.bookings.bookings import GUEST, Booking
from models.tenants import TENANT_BY_SUBDOMAIN, Tenant
from models.venue.rooms import Room
from resolvers.accounts.outgoing_mail import MailKind, note_confirmation, send_later
from resolvers.bookings import booking_access, bookings, next_steps, reading, transitions
from resolvers.bookings.guest_links import guest, opens, token_for
from resolvers.bookings.next_steps import GuestStep
from resolvers.bookings.public_venue import public
from resolvers.tenants.tenants import own_tenant

LinkToken = Annotated[
    str, Doc("The code of the booking, from the e-mail or from the mutation that made the booking.")
]
GuestProof = Annotated[
    TokenText | None,
    Doc(
        "The solution of the venue's `guestChallenge`, if it has one. It can be used for one "
        "request."
    ),
]
MailedToken = Annotated[
    str, Doc("The code from the e-mail. The one that `bookAsGuest` returned is refused.")
]
Subdomain = Annotated[str, Doc("The subdomain of the venue.")]
CouponCode = Annotated[
    str | None,
    Doc(
        "The code of a coupon, in upper or lower case, that lowers the price. If it is limited by "
        "customer, `confirmGuestBooking` decides about that."
    ),
]


@dataclass(frozen=True, slots=True)
class GuestBooked:
    """A guest's booking or hold, and its code."""

    booking: Booking
    token: str = field(repr=False)


async def hold_as_guest(
    scope: Scope,
    *,
    subdomain: Subdomain,
    room_id: Annotated[RoomId, Doc("The room to hold.")],
    start: Annotated[Start, Doc("When the booking starts.")],
    duration_minutes: Annotated[int, Doc("The duration of the booking in minutes.")],
    party_size: Annotated[int, Doc("The number of people.")] = 1,
    coupon_code: CouponCode = None,
    guest_proof: GuestProof = None,
) -> GuestBooked:
    """Hold a time for a guest without an account, for the venue's `holdMinutes`.

    The price is fixed. Turn the hold into a booking with `bookAsGuest(holdToken:)`. At most 2 holds
    can be open from one network address, and guests can hold at most a fifth of the rooms in total;
    more are refused with QUOTA_EXCEEDED.
    """
    await _act_as_guest(scope, await tenant_named(scope, subdomain))
    await _admit(scope, guest_proof)
    with hide_details():
        held = await bookings.hold_booking(
            scope,
            room_id=room_id,
            start=start,
            duration_minutes=duration_minutes,
            party_size=party_size,
            coupon_code=coupon_code,
        )
    return GuestBooked(held, token_for(scope, held))


async def book_as_guest(
    scope: Scope,
    *,
    subdomain: Subdomain,
    customer: Annotated[
        NewCustomer, Doc("The guest's details. `email` is required: the code is sent there.")
    ],
    hold_token: Annotated[
        str | None, Doc("The code of the guest's hold, to turn it into a booking.")
    ] = None,
    room_id: Annotated[RoomId | None, Doc("The room to book, if no hold is given.")] = None,
    start: Annotated[Start | None, Doc("When the booking starts, if no hold is given.")] = None,
    duration_minutes: Annotated[
        int | None, Doc("The duration of the booking in minutes, if no hold is given.")
    ] = None,
    party_size: Annotated[
        int | None, Doc("The number of people; by default that of the hold, or 1.")
    ] = None,
    note: Annotated[str | None, Doc("A note for the venue: at most 2,000 characters.")] = None,
    expected_total: Annotated[
        Money | None,
        Doc(
            "The price that the guest agreed to. If the price differs, the "
            "mutation is refused with PRICE_CHANGED."
        ),
    ] = None,
    coupon_code: CouponCode = None,
    guest_proof: GuestProof = None,
) -> GuestBooked:
    """Book a time without an account, directly or from a hold.

    The booking stays HELD until the guest confirms it with `confirmGuestBooking` and the code from
    the e-mail, or pays if the venue requires it. It expires after an hour, or after `holdMinutes`
    if it is to be paid. The returned code shows and cancels the booking; the one in the e-mail also
    confirms it. Both are valid until a day after the end of the booking. In one day, at most 3
    unconfirmed bookings are accepted from one network address, and 3 for one e-mail address. The
    result doesn't reveal whether the venue knows the e-mail address.
    """
    tenant_id = await tenant_named(scope, subdomain)
    to = tidy(customer.email)
    if to is None:
        raise Required(path=("customer", "email"))
    hold = scope.service(Links).read(hold_token) if hold_token is not None else None
    if hold_token is not None and (hold is None or hold.tenant_id != tenant_id):
        raise InvalidCredentials(path=("hold_token",))
    await _act_as_guest(scope, tenant_id, hold.subject_id if hold else None)
    # A guest with a hold has given a proof for it.
    await _admit(scope, guest_proof, is_proved=hold is not None)
    held = await _seen(scope, hold) if hold else None
    if hold and held and not opens(hold, held, now=scope.now()):
        raise InvalidCredentials(path=("hold_token",))
    held_version = held.version if held else None
    with hide_details():
        made = await bookings.create_booking(
            scope,
            hold_id=BookingId(hold.subject_id) if hold else None,
            room_id=room_id,
            start=start,
            duration_minutes=duration_minutes,
            customer=CustomerChoice(new=customer),
            party_size=party_size,
            note=note,
            expected_total=expected_total,
            coupon_code=coupon_code,
        )
    # A repeated request mails nothing, because it could name another address each time.
    if made.version != held_version:
        booked_room: Room = await scope.loaders.related(made, "room")
        letter = _confirmation_email(
            to,
            await own_tenant(scope),
            booked_room,
            made,
            token=token_for(scope, made, is_mailed=True),
            step=await next_steps.next_step(scope, made),
        )
        # Only the code in this mail confirms the booking, and the time is not held for long.
        send_later(scope, letter, MailKind.CONFIRMATION)
    return GuestBooked(made, token_for(scope, made))


async def confirm_guest_booking(scope: Scope, *, token: MailedToken) -> Booking:
    """Confirm a guest's booking with the code from the e-mail.

    The booking becomes CONFIRMED, or PENDING if the venue confirms bookings. If it waits for a
    payment, the mutation is refused with PAYMENT_REQUIRED. A booking that is already confirmed
    stays as it is.
    """
    link = scope.service(Links).read(token)
    if link is None or not link.is_mailed:
        raise InvalidCredentials(path=("token",))
    id = await act_by_token(scope, token)
    (customers,) = await scope.read_batch_outside(GUEST, booking_id=id)
    for customer in customers:
        if customer.email is not None and not scope.is_dry_run:
            await note_confirmation(scope, customer.email)
    with hide_details():
        return await bookings.confirm_as_guest(scope, id)


async def guest_booking(scope: Scope, *, token: LinkToken) -> Booking:
    """Find a booking by its code.

    The code is valid until a day after the end of the booking, unless it is revoked. Null if it is
    not valid.
    """
    link = scope.service(Links).read(token)
    if link is not None:
        seen_by_guest = scope.as_actor(guest(link.tenant_id, link.subject_id))
        found = await seen_by_guest.one(booking_access.visible_bookings(seen_by_guest))
        if found is not None and opens(link, found, now=scope.now()):
            return found
    raise Unauthenticated("This code is not valid or has expired.")


async def cancel_guest_booking(
    scope: Scope,
    *,
    token: LinkToken,
    version: booking_access.Version,
    reason: booking_access.Reason = None,
) -> Booking:
    """Cancel a guest's booking or hold, and free its time at once."""
    id = await act_by_token(scope, token)
    with hide_details():
        (cancelled,) = await transitions.cancel_booking(scope, id, version=version, reason=reason)
    return cancelled


# ------------------------------------------------------------------------------ fields


async def next_step(scope: Scope, booking: Booking) -> GuestStep | None:
    """What the guest has to do before `holdExpiresAt`, or null if nothing."""
    return await next_steps.next_step(public(scope, booking.tenant_id), booking)


async def status(scope: Scope, booking: Booking) -> Status:
    """The current status. A hold past its expiry is EXPIRED."""
    return booking_access.status(scope, booking)


async def local(scope: Scope, booking: Booking) -> LocalPeriod:
    """The start and end in the venue's local time."""
    return await reading.local(public(scope, booking.tenant_id), booking)


async def room_of(scope: Scope, booking: Booking) -> Room:
    """The booked room."""
    room: Room = await public(scope, booking.tenant_id).loaders.related(booking, "room")
    return room


async def venue_of(scope: Scope, booking: Booking) -> Tenant:
    """The public data of the venue."""
    tenant: Tenant = await public(scope, booking.tenant_id).loaders.related(booking, "tenant")
    return tenant


# ------------------------------------------------------------------------------ steps


async def _act_as_guest(scope: Scope, tenant_id: UUID, booking_id: UUID | None = None) -> None:
    """Switches to a guest: other credentials of the caller grant nothing here."""
    scope.actor = guest(tenant_id, booking_id)
    await scope.enter(tenant_id)


async def act_by_token(scope: Scope, token: str) -> BookingId:
    """Switches to the guest of a code's booking. Raises InvalidCredentials."""
    refused = InvalidCredentials(path=("token",))
    link = scope.service(Links).read(token)
    if link is None:
        raise refused
    await _act_as_guest(scope, link.tenant_id, link.subject_id)
    seen = await _seen(scope, link)
    if seen is None or not opens(link, seen, now=scope.now()):
        raise refused
    return BookingId(seen.id)


async def _seen(scope: Scope, link: Link) -> Booking | None:
    return (await booking_access.seen_bookings(scope, [link.subject_id])).get(link.subject_id)


async def tenant_named(scope: Scope, subdomain: str) -> UUID:
    """Returns the id of the venue with a subdomain. Raises NotFound."""
    found: UUID | None = await scope.read_value_outside(
        TENANT_BY_SUBDOMAIN, subdomain=subdomain.strip().lower()
    )
    if found is None:
        raise NotFound("venue", path=("subdomain",))
    return found


async def _admit(scope: Scope, proof: str | None, *, is_proved: bool = False) -> None:
    """Checks that a guest may book here. Raises GuestBookingClosed, ProofRequired.

    Runs before the transaction begins, because it may call a captcha provider.
    """
    (tenant,), *_ = await scope.read_batch_outside(VENUE, room_ids=[])
    if not tenant.allows_guest_booking:
        raise GuestBookingClosed
    if tenant.requires_guest_proof and not is_proved:
        await check_proof(scope, proof)


async def check_proof(scope: Scope, proof: str | None) -> None:
    """Uses up a guest's proof, outside of the transaction. Raises ProofRequired."""
    proofs, request = scope.service(OneTimeProofs), scope.request
    # Checking it uses it up, so that a dry run only looks whether there is one.
    is_good = proof is not None and (
        scope.is_dry_run
        or await proofs.take(
            scope.tenant_id, proof, request_id=request.id, ip_address=request.ip_address
        )
    )
    if not is_good:
        challenge = proofs.challenge(scope.tenant_id)
        raise ProofRequired(challenge, was_given=proof is not None, path=("guest_proof",))


@contextmanager
def hide_details() -> Iterator[None]:
    """Replaces refusals that carry rows or numbers which guests may not see."""
    try:
        yield
    except* Refusal as group:
        raise ExceptionGroup("refused", [*map(_for_guest, refusals_in(group))]) from None


def _for_guest(refusal: Refusal) -> Refusal:
    names = {"hold_id": "hold_token", "id": "token"}
    steps = [names.get(str(step), step) for step in refusal.path]
    # A guest is always a new customer, so the error's path has no `new`.
    path = tuple(step for step in steps if (steps[0], step) != ("customer", "new"))
    match refusal:
        case PlanLimitReached():
            text = "The venue takes no more bookings at the moment."
            return WithoutDetails(Code.PLAN_LIMIT_REACHED, text, path=path)
        case SlotTaken() | StaleVersion():
            return WithoutDetails(refusal.code, refusal.message, path=path)
        case _:
            refusal.path = path
            return refusal


def _confirmation_email(
    to: str,
    tenant: Tenant,
    room: Room,
    booking: Booking,
    *,
    token: str,
    step: GuestStep | None,
) -> Message:
    assert booking.hold_expires_at is not None
    venue_zone = zone(tenant.time_zone)
    time = span(Interval(booking.starts_at, booking.ends_at), venue_zone)
    until = moment(booking.hold_expires_at, venue_zone)
    if step is GuestStep.PAY:
        way, uses = "by paying for it", "pay for the booking, look at it"
    else:
        way, uses = "by confirming it with the code below", "also look at the booking"
    return Message(
        to=to,
        subject=f"Your booking {booking.reference} at {unlinked(tenant.name)}",
        text=(
            "Hello,\n\n"
            f"{unlinked(room.name)} at {unlinked(tenant.name)} is held for you, {time} "
            f"({tenant.time_zone}). The reference is {booking.reference}. You book it {way}, "
            f"until {until}.\n\n"
            f"With this code you can {uses}, move it and cancel it, until a day after its "
            "end:\n\n"
            f"{token}\n\n"
            "If you didn't request this, you can ignore this e-mail: the time becomes free again.\n"
        ),
    )
