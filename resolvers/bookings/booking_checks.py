"""Decides for whom a booking is, and raises everything that refuses it."""

from collections.abc import Sequence
from uuid import UUID

from domain.core.ids import RoomId
from domain.core.intervals import Interval
from domain.core.money import Money
from domain.core.refusals import Refusal
from kit.scope import Scope
from models.tenants import Tenant
from permissions.policy import is_guest
from resolvers.bookings import strangers
from resolvers.bookings.booking_access import text_refusals
from resolvers.bookings.coupons import refusals_by_uses
from resolvers.bookings.hooks import subscription_refusals
from resolvers.bookings.new_bookings import BookingWish
from resolvers.bookings.quotas import refusals_by_quotas
from resolvers.bookings.slot_claims import price_refusals
from resolvers.core.lookups import raise_all
from resolvers.customers.customers import Booker, chosen_booker
from resolvers.tenants.usage import booking_refusals


async def checked_booker(
    scope: Scope,
    wish: BookingWish,
    tenant: Tenant,
    of_time: Sequence[Refusal],
    *,
    room_id: RoomId,
    wanted: Interval,
    price: Money | None,
    waits: bool,
    hold_id: UUID | None,
    coupon_id: UUID | None,
) -> Booker:
    """Returns whom a booking is for. Raises all that refuses it, also ``of_time``.

    ``waits``: it is held until it is paid, or its guest has given the code of the mail.
    """
    booker, unknown = await chosen_booker(scope, wish.customer)
    problems = [*text_refusals(note=wish.note), *of_time, *unknown]
    problems += price_refusals(wish.expected_total, price)
    problems += await subscription_refusals(scope)
    if not is_guest(scope.actor):
        # A guest is decided about by the code of the mail: nobody else learns of their bookings.
        own = () if hold_id is None else (hold_id,)
        path = ("start",) if hold_id is None else ("hold_id",)
        problems += await refusals_by_quotas(
            scope, tenant, booker.customer_id, wanted, without=own, path=path
        )
    problems += await refusals_by_uses(
        scope,
        tenant,
        coupon_id,
        booker.customer_id,
        without=hold_id,
        is_known=not is_guest(scope.actor),
    )
    if waits and not problems:
        if hold_id is not None or is_guest(scope.actor):
            problems += await strangers.booking_refusals(
                scope,
                booker.customer_id,
                room_id=room_id,
                wanted=wanted,
                held=hold_id is not None,
            )
        else:
            problems += await strangers.hold_refusals(scope, tenant, room_id, wanted)
    if problems or waits:
        # Counting it refuses otherwise; here, so that all that applies is told at once.
        problems += await booking_refusals(scope, tenant)
    raise_all(problems)
    return booker
