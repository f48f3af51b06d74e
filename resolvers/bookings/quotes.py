"""Quotes: what a booking would cost, before it is made."""

from dataclasses import dataclass
from typing import Annotated

from typing_extensions import Doc

from domain.bookings.pricing import Price
from domain.bookings.room_prices import room_price
from domain.bookings.several_rooms import summed
from domain.core.ids import CustomerId, RoomId
from domain.core.local_time import Start, resolve_start
from domain.core.money import Money
from domain.core.refusals import Invalid
from domain.customers.customers import CustomerChoice
from kit.scope import Scope
from permissions.policy import may, only_own, refusal
from permissions.roles import P
from resolvers.bookings.calendars import load_venue, wish_of
from resolvers.bookings.coupons import QuotedCoupon, quoted_coupon
from resolvers.bookings.customer_tags import customer_tags
from resolvers.bookings.hooks import Prepayment
from resolvers.bookings.slot_claims import unfit


@dataclass(frozen=True, slots=True)
class QuoteRequest:
    """A booking whose price somebody asks for."""

    room_id: RoomId
    start: Start
    duration_minutes: int
    also_room_ids: tuple[RoomId, ...] = ()
    party_size: int = 1
    customer_id: CustomerId | None = None
    coupon_code: str | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """What a booking would cost; without a price, it isn't charged."""

    price: Price | None
    due_now: Money | None
    coupon: QuotedCoupon | None


async def quote(
    scope: Scope,
    *,
    input: Annotated[QuoteRequest, Doc("The booking whose price to work out.")],
) -> Quote | None:
    """Work out what a booking would cost if it was made now, without booking it.

    `createBooking` charges the same, if its `expectedTotal` is the total. Whether the time is free
    isn't checked: see `explainSlot`. Null if one of the rooms doesn't exist.
    """
    if input.customer_id is not None and not may(scope.actor, P.CUSTOMERS_READ):
        raise refusal(scope.actor, P.CUSTOMERS_READ)
    ids = [input.room_id, *input.also_room_ids]
    venue = await load_venue(scope, ids)
    if not venue.rooms.keys() >= {*ids}:
        return None
    rooms = [venue.rooms[id] for id in ids]
    for refused in unfit(venue, ids):
        refused.path = ("input", *refused.path)
        raise refused
    choice = CustomerChoice(id=input.customer_id) if input.customer_id is not None else None
    try:
        starts_at = resolve_start(input.start, venue.zone)
        wish = wish_of(
            scope,
            venue,
            duration_minutes=input.duration_minutes,
            party_size=input.party_size,
            customer_tags=await customer_tags(scope, venue.prices, choice),
        )
    except Invalid as refused:
        refused.path = ("input", *refused.path)
        raise
    time, prices = wish.interval(starts_at), venue.prices
    price = summed(
        room_price(
            prices.of_room(RoomId(room.id), room.category),
            room.hourly_rate,
            time,
            wish,
            label=room.name,
        )
        for room in rooms
    )
    coupon = None
    if input.coupon_code is not None:
        customers_own = only_own(scope.actor, P.CUSTOMERS_READ)
        price, coupon = await quoted_coupon(
            scope,
            input.coupon_code,
            venue.tenant,
            ids,
            starts_at,
            price,
            customer_id=scope.actor.own_id if customers_own else input.customer_id,
        )
    prepayment = scope.service(Prepayment)
    due = prepayment.due(scope, prepayment.terms(venue.tenant), price.total if price else None)
    return Quote(price, due, coupon)
