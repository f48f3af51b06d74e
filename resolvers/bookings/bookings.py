"""Bookings: held, made and changed, so that no time is ever given twice."""

from datetime import datetime
from typing import Annotated

from typing_extensions import Doc

from domain.accounts.refusals import EmailNotVerified
from domain.accounts.users import Role
from domain.bookings.lifecycle import Status, check_status_in
from domain.bookings.refusals import HoldExpired, PaymentRequired
from domain.bookings.series import Recurrence
from domain.bookings.strangers import confirm_by
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval
from domain.core.local_time import Start, zone
from domain.core.log_events import EventType
from domain.core.money import Money
from domain.core.refusals import Invalid, Refusal, Required
from domain.customers.customers import CustomerChoice
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.core.base import snapshot
from models.tenants import Tenant
from permissions.policy import is_guest, is_stranger
from resolvers.bookings import strangers
from resolvers.bookings.booking_access import (
    booking_event,
    load_visible_booking,
    lock_seen_booking,
    record_change,
    state_of,
    status,
    text_refusals,
)
from resolvers.bookings.booking_checks import checked_booker
from resolvers.bookings.calendars import load_venue
from resolvers.bookings.coupons import give_coupon, refusals_by_uses, with_coupon
from resolvers.bookings.edits_at_once import (
    book_hold_at_once,
    capacity_refusals,
    confirm_at_once,
    give_to,
)
from resolvers.bookings.hooks import BookingChange, Prepayment, subscription_refusals
from resolvers.bookings.new_bookings import (
    BookingWish,
    book_at_once,
    hold_at_once,
    hold_end,
    insert_booking,
)
from resolvers.bookings.new_series import book_series
from resolvers.bookings.next_steps import GuestStep, next_step
from resolvers.bookings.party_prices import set_party_size
from resolvers.bookings.quotas import refusals_by_quotas, with_lifted_quotas
from resolvers.bookings.seats import seat_refusals
from resolvers.bookings.slot_claims import Claim, WantedTime, claim
from resolvers.bookings.space_locks import lock_rooms
from resolvers.bookings.standing import booked_status, stand
from resolvers.core.hooks import run_handlers
from resolvers.core.lookups import raise_all
from resolvers.customers.customers import Booker
from resolvers.tenants.usage import count_booking

AlsoRooms = Annotated[
    tuple[RoomId, ...],
    Doc(
        "Other rooms to have at the same time, all or none: at most 19. The party may be as large "
        "as all of them hold together, and the price is the sum of theirs. The longest buffers of "
        "any of them apply. Rooms that are booked by the seat can't be among them."
    ),
]

# ------------------------------------------------------------------------------ making


async def hold_booking(
    scope: Scope,
    *,
    room_id: Annotated[RoomId, Doc("The room to hold.")],
    also_room_ids: AlsoRooms = (),
    start: Annotated[Start, Doc("When the booking starts.")],
    duration_minutes: Annotated[int, Doc("The duration of the booking in minutes.")],
    party_size: Annotated[int, Doc("The number of people.")] = 1,
    coupon_code: Annotated[
        str | None,
        Doc("The code of a coupon, in upper or lower case, that lowers the price."),
    ] = None,
) -> Booking:
    """Hold a time for somebody who is still deciding, for the venue's `holdMinutes`.

    The price is fixed. Turn the hold into a booking with `createBooking(holdId:)`.
    """
    times = WantedTime(room_id, start, duration_minutes, party_size, also_room_ids)
    _check_several(scope, times)
    if coupon_code is None:
        held = await hold_at_once(scope, times, refuse=_refuse_hold)
        if held is not None:
            return held
    claimed = await with_coupon(scope, await _claimed(scope, times), coupon_code)
    await _refuse_hold(scope, claimed)
    booker = Booker(scope.actor.own_id)
    return await _held(scope, claimed, hold_end(scope, claimed.tenant), booker=booker, note=None)


async def _claimed(
    scope: Scope, times: WantedTime, *, customer: CustomerChoice | None = None
) -> Claim:
    """Decides on a time under the locks of its rooms."""
    await lock_rooms(scope, *times.room_ids)
    return await claim(
        scope,
        times.room_id,
        times.start,
        duration_minutes=times.duration_minutes,
        party_size=times.party_size,
        also_room_ids=times.also_room_ids,
        customer=customer,
    )


def _check_several(scope: Scope, times: WantedTime) -> None:
    """Raises Invalid for strangers who want several rooms: their share of them is limited."""
    if times.also_room_ids and is_stranger(scope.actor):
        problem = "Verify your e-mail address to have several rooms at once, or choose one room."
        raise Invalid(problem, path=("also_room_ids",))


async def _refuse_hold(scope: Scope, claimed: Claim) -> None:
    """Raises all that refuses a hold, if anything does."""
    refused = [*claimed.refusals, *await subscription_refusals(scope)]
    room_id = claimed.room.id
    refused += await strangers.hold_refusals(scope, claimed.tenant, room_id, claimed.wanted)
    own_id = scope.actor.own_id
    refused += await refusals_by_quotas(scope, claimed.tenant, own_id, claimed.wanted)
    refused += await refusals_by_uses(
        scope, claimed.tenant, claimed.coupon_id, own_id, is_known=own_id is not None
    )
    raise_all(refused)


async def create_booking(
    scope: Scope,
    *,
    hold_id: Annotated[
        BookingId | None,
        Doc("The id of the hold to turn into a booking. Also requires `bookings:read`."),
    ] = None,
    room_id: Annotated[RoomId | None, Doc("The room to book, if no hold is given.")] = None,
    also_room_ids: AlsoRooms = (),
    start: Annotated[Start | None, Doc("When the booking starts, if no hold is given.")] = None,
    duration_minutes: Annotated[
        int | None, Doc("The duration of the booking in minutes, if no hold is given.")
    ] = None,
    customer: Annotated[
        CustomerChoice | None,
        Doc("The customer that the booking is for. Customers can only book for themselves."),
    ] = None,
    party_size: Annotated[
        int | None, Doc("The number of people; by default that of the hold, or 1.")
    ] = None,
    note: Annotated[str | None, Doc("A note for the venue: at most 2,000 characters.")] = None,
    expected_total: Annotated[
        Money | None,
        Doc(
            "The price that the customer agreed to, of each booking. If the price differs, the "
            "mutation is refused with PRICE_CHANGED."
        ),
    ] = None,
    recurrence: Annotated[
        Recurrence | None,
        Doc(
            "How the booking repeats; `start` is the first occurrence. Not available for holds, "
            "for guests, for several rooms, and for bookings that the caller has to pay in advance."
        ),
    ] = None,
    coupon_code: Annotated[
        str | None,
        Doc(
            "The code of a coupon, in upper or lower case, that lowers the price. It replaces the "
            "one of the hold. Not available for series."
        ),
    ] = None,
) -> Booking:
    """Book a time, directly or from a hold.

    Give either `holdId`, or `roomId` with `start` and `durationMinutes`. The booking is PENDING if
    the venue confirms bookings, and CONFIRMED otherwise. If the venue requires a payment from
    customers, it stays HELD until its `payment` is made, or until the hold expires. Customers can
    hold a time before they have verified their e-mail address, but book it only afterwards. With
    `recurrence`, a series is booked: all or nothing, except for conflicts that you choose to skip.
    `booking` is then the first one of it.
    """
    actor = scope.actor
    # A user becomes a customer of the venue, with a record, by proving their address.
    if actor.role == Role.CUSTOMER and actor.user_id is not None and actor.own_id is None:
        raise EmailNotVerified
    wish = BookingWish(customer, party_size, note, expected_total, coupon_code)
    times = {"room_id": room_id, "start": start, "duration_minutes": duration_minutes}
    if hold_id is not None:
        given = [name for name, value in times.items() if value is not None]
        given += ["also_room_ids"] if also_room_ids else []
        given += ["recurrence"] if recurrence is not None else []
        extra = [Invalid("Leave this out when you book a hold.", path=(name,)) for name in given]
        if extra:
            raise_all([*text_refusals(note=note), *extra])
        return await book_hold(scope, hold_id, wish)

    missing = [Required(path=(name,)) for name, value in times.items() if value is None]
    if missing:
        raise_all([*text_refusals(note=note), *missing])
    assert room_id is not None and start is not None and duration_minutes is not None
    people = 1 if party_size is None else party_size
    wanted = WantedTime(room_id, start, duration_minutes, people, also_room_ids)
    if recurrence is None:
        return await book_time(scope, wanted, wish)
    if coupon_code is not None:
        problem = "A coupon is for a single booking; leave it out of a series."
        raise Invalid(problem, path=("coupon_code",))
    if also_room_ids:
        problem = "Several rooms can't be booked as a series; book each room, or each date."
        raise Invalid(problem, path=("also_room_ids",))
    return await book_series(scope, wanted, wish, recurrence)


async def book_time(scope: Scope, times: WantedTime, wish: BookingWish) -> Booking:
    """Book a time that nobody holds; it stays held where a payment or a guest's code comes first.

    Raises all that refuses it.
    """
    _check_several(scope, times)

    async def check(scope: Scope, claimed: Claim, *, waits: bool = False) -> Booker:
        return await checked_booker(
            scope,
            wish,
            claimed.tenant,
            claimed.refusals,
            room_id=times.room_id,
            wanted=claimed.wanted,
            price=claimed.price.total if claimed.price else None,
            waits=waits,
            hold_id=None,
            coupon_id=claimed.coupon_id,
        )

    if (booked := await book_at_once(scope, times, wish, refuse=check)) is not None:
        return booked
    claimed = await _claimed(scope, times, customer=wish.customer)
    claimed = await with_coupon(scope, claimed, wish.coupon_code)
    tenant, price = claimed.tenant, claimed.price.total if claimed.price else None
    prepayment = scope.service(Prepayment)
    due = prepayment.due(scope, prepayment.terms(tenant), price)
    waits = due is not None or is_guest(scope.actor)
    booker = await check(scope, claimed, waits=waits)
    if waits:
        until = _waits_until(scope, tenant, due, ends_at=claimed.wanted.end)
        held = await _held(scope, claimed, until, booker=booker, note=wish.note)
        if due is not None:
            prepayment.request(scope, held, due, None)
        return held
    claimed = await with_lifted_quotas(scope, claimed, booker.customer_id)
    await count_booking(scope, tenant)
    made = await insert_booking(
        scope,
        claimed,
        status=booked_status(tenant),
        booker=booker,
        hold_expires_at=None,
        note=wish.note,
    )
    scope.emit(booking_event(EventType.BOOKING_CREATED, made, claimed=claimed))
    change = BookingChange(type=EventType.BOOKING_CREATED, booking=made, tenant=tenant)
    await run_handlers(scope, change)
    return made


async def book_hold(scope: Scope, hold_id: BookingId, wish: BookingWish) -> Booking:
    """Turn a hold into a booking; it stays held where a payment or a guest's code comes first.

    Raises all that refuses it.
    """
    seen = await load_visible_booking(scope, hold_id, path=("hold_id",))
    if (booked := await book_hold_at_once(scope, seen, wish)) is not None:
        return booked
    hold = await lock_seen_booking(scope, seen, path=("hold_id",))
    venue = await load_venue(scope, [RoomId(id) for id in hold.room_ids])
    tenant = venue.tenant
    if status(scope, hold) is Status.EXPIRED and hold.hold_expires_at is not None:
        raise HoldExpired(hold.hold_expires_at, zone(tenant.time_zone), path=("hold_id",))
    check_status_in(state_of(hold, tenant), frozenset({Status.HELD}), now=scope.now())
    guest, step = is_guest(scope.actor), await next_step(scope, hold)
    if step is GuestStep.PAY or (guest and step is GuestStep.CONFIRM):
        # Somebody who didn't hear how to pay for it, or to confirm it, asks again.
        return hold
    if hold.moves_id is not None:
        problem = "This time is held for a booking that moves here: it does so once that is paid."
        raise Invalid(problem, path=("hold_id",))
    before = snapshot(hold)
    of_seats: list[Refusal] = []
    if wish.party_size is not None:
        set_party_size(hold, wish.party_size)
        of_seats = await seat_refusals(scope, venue, hold)
    of_coupon = await give_coupon(scope, hold, wish.coupon_code, tenant)
    prepayment = scope.service(Prepayment)
    due = prepayment.due(scope, hold.terms, hold.price)
    waits = due is not None or guest
    booker = await checked_booker(
        scope,
        wish,
        tenant,
        [*capacity_refusals(venue, hold), *of_seats, *of_coupon],
        room_id=RoomId(hold.room_id),
        wanted=Interval(hold.starts_at, hold.ends_at),
        price=hold.price,
        waits=waits,
        hold_id=hold.id,
        coupon_id=hold.coupon_id,
    )
    if booker.customer_id is not None:
        give_to(hold, booker)
    if wish.note is not None:
        hold.note = wish.note
    if not waits:
        return await stand(scope, hold, tenant, before)
    # Once, so that a guest who has typed for long has the whole time to pay or give the code.
    hold.hold_expires_at = _waits_until(scope, tenant, due, ends_at=hold.ends_at)
    if due is None:
        return record_change(scope, EventType.BOOKING_UPDATED, hold, before)
    prepayment.request(scope, hold, due, before)
    return hold


async def _held(
    scope: Scope, claimed: Claim, until: datetime, *, booker: Booker, note: str | None
) -> Booking:
    held = await insert_booking(
        scope, claimed, status=Status.HELD, booker=booker, hold_expires_at=until, note=note
    )
    scope.emit(booking_event(EventType.BOOKING_HELD, held, claimed=claimed))
    return held


async def confirm_as_guest(scope: Scope, id: BookingId) -> Booking:
    """Make a booking of what a guest holds, who has shown that the address is theirs.

    Raises PaymentRequired where it is paid for instead.
    """
    seen = await load_visible_booking(scope, id)
    if (confirmed := await confirm_at_once(scope, seen)) is not None:
        return confirmed
    hold = await lock_seen_booking(scope, seen)
    tenant = (await load_venue(scope, [])).tenant
    if status(scope, hold) is Status.EXPIRED and hold.hold_expires_at is not None:
        raise HoldExpired(hold.hold_expires_at, zone(tenant.time_zone), path=("id",))
    step = await next_step(scope, hold)
    if step is None:
        return hold
    # Also a hold that nobody has asked to be paid yet: no code lets it stand for nothing.
    due = scope.service(Prepayment).due(scope, hold.terms, hold.price)
    if step is GuestStep.PAY or due is not None:
        raise PaymentRequired(path=("id",))
    problems = await subscription_refusals(scope)
    time = Interval(hold.starts_at, hold.ends_at)
    problems += await refusals_by_quotas(
        scope, tenant, hold.customer_id, time, without=[hold.id], path=("token",)
    )
    problems += await refusals_by_uses(
        scope, tenant, hold.coupon_id, hold.customer_id, without=hold.id, path=("token",)
    )
    raise_all(problems)
    before = snapshot(hold)
    return await stand(scope, hold, tenant, before, by_guest=True)


# ------------------------------------------------------------------------------ steps


def _waits_until(scope: Scope, tenant: Tenant, due: Money | None, *, ends_at: datetime) -> datetime:
    if due is not None:
        return hold_end(scope, tenant)
    return confirm_by(scope.now(), ends_at=ends_at)
