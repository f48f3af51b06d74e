"""Coupons: lists and changes them, and applies them to bookings.

The price is lowered before it is known who books. What depends on other bookings is decided last,
under the lock of the coupon's row: after those of rooms and of the customer.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from sqlalchemy import Select
from sqlmodel import col
from typing_extensions import Doc

from domain.bookings.coupons import (
    CouponNotApplicable,
    CouponProblem,
    CouponUses,
    DiscountChoice,
    coupon_code,
    coupon_refusals,
    field_refusals,
    use_refusals,
)
from domain.bookings.discounts import discounted
from domain.bookings.pricing import Price
from domain.core.ids import CouponId, RoomId
from domain.core.local_time import zone
from domain.core.log_events import Event, EventType, Snapshot
from domain.core.patch import ABSENT, Absent
from domain.core.refusals import Duplicate, NotFound, Path, Refusal, Required
from kit.postgres.keyset_pagination import Listing, Order
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.bookings.coupon_uses import bookings_of_customer, uses_of
from models.bookings.coupons import Coupon, coupon_locked, coupons_of
from models.bookings.stored_prices import price_columns
from models.core.base import snapshot
from models.tenants import Tenant
from models.venue.rooms import Room
from resolvers.bookings.slot_claims import Claim
from resolvers.core.changes import log_change
from resolvers.core.lookups import get_at_version, raise_all
from resolvers.tenants.tenants import own_tenant
from resolvers.venue.rooms import visible_rooms

_PATH = ("coupon_code",)

# ------------------------------------------------------------------------------ settings

Version = Annotated[
    int,
    Doc(
        "The version of the coupon that you read. If it has changed since, the mutation is refused "
        "with STALE_VERSION."
    ),
]


def visible_coupons(scope: Scope) -> Select[Coupon]:
    return coupons_of(scope.tenant_id)


def coupons(scope: Scope) -> Listing[Coupon]:
    """The venue's coupons, archived ones too, the newest first."""
    return Listing(Coupon, visible_coupons(scope), (Order(Coupon.created_at, descending=True),))


async def create_coupon(
    scope: Scope,
    *,
    code: Annotated[
        str,
        Doc(
            "The code that customers enter, in upper or lower case: 3 to 40 of the letters A to Z, "
            "digits, '-' and '_'. No two coupons of a venue have the same one."
        ),
    ],
    discount: Annotated[DiscountChoice, Doc("What the coupon takes off the price.")],
    valid_from: Annotated[
        datetime | None, Doc("When the coupon becomes valid; at once by default.")
    ] = None,
    valid_until: Annotated[
        datetime | None, Doc("When the coupon stops being valid; never by default.")
    ] = None,
    first_date: Annotated[
        date | None, Doc("The first local date on which bookings with it can start.")
    ] = None,
    last_date: Annotated[
        date | None, Doc("The last local date on which bookings with it can start.")
    ] = None,
    room_ids: Annotated[
        tuple[RoomId, ...], Doc("The rooms that it is for: at most 100. All rooms by default.")
    ] = (),
    first_booking_only: Annotated[
        bool, Doc("Whether only customers without other bookings can use it.")
    ] = False,
    total_limit: Annotated[
        int | None, Doc("How many bookings can use it: 1 to 10,000. Without limit by default.")
    ] = None,
    per_customer_limit: Annotated[
        int | None,
        Doc("How many bookings of one customer can use it: 1 to 10,000. Without limit by default."),
    ] = None,
) -> Coupon:
    """Add a code that lowers the price of bookings. What it takes off can't be changed later."""
    await scope.lock(("coupons",))
    new = Coupon(
        tenant_id=scope.tenant_id,
        code=coupon_code(code),
        amount_minor=None if discount.amount is None else discount.amount.amount_minor,
        currency_code=(await own_tenant(scope)).currency_code,
        percent=discount.percent,
        free_minutes=discount.free_minutes,
        valid_from=valid_from,
        valid_until=valid_until,
        first_date=first_date,
        last_date=last_date,
        room_ids=[*dict.fromkeys(room_ids)],
        first_booking_only=first_booking_only,
        total_limit=total_limit,
        per_customer_limit=per_customer_limit,
        created_at=scope.now(),
        updated_at=scope.now(),
    )
    refused = await _refusals(scope, new, discount)
    if await scope.one(_with_code(scope, new.code)) is not None:
        refused.append(Duplicate("code", path=("code",)))
    raise_all(refused)
    scope.add(new)
    scope.emit(Event(EventType.COUPON_CREATED, "Coupon", new.id, after=snapshot(new)))
    return new


async def update_coupon(
    scope: Scope,
    id: Annotated[CouponId, Doc("The id of the coupon.")],
    *,
    version: Version,
    valid_from: Annotated[
        datetime | Absent | None, Doc("When it becomes valid. Null: at once.")
    ] = ABSENT,
    valid_until: Annotated[
        datetime | Absent | None, Doc("When it stops being valid. Null: never.")
    ] = ABSENT,
    first_date: Annotated[
        date | Absent | None,
        Doc("The first local date on which bookings with it can start. Null: any."),
    ] = ABSENT,
    last_date: Annotated[
        date | Absent | None,
        Doc("The last local date on which bookings with it can start. Null: any."),
    ] = ABSENT,
    room_ids: Annotated[
        tuple[RoomId, ...] | Absent,
        Doc("The rooms that it is for: at most 100. An empty list: all rooms."),
    ] = ABSENT,
    first_booking_only: Annotated[
        bool | Absent, Doc("Whether only customers without other bookings can use it.")
    ] = ABSENT,
    total_limit: Annotated[
        int | Absent | None, Doc("How many bookings can use it. Null: without limit.")
    ] = ABSENT,
    per_customer_limit: Annotated[
        int | Absent | None,
        Doc("How many bookings of one customer can use it. Null: without limit."),
    ] = ABSENT,
) -> Coupon:
    """Change when, where and how often a coupon can be used. Bookings that use it keep it."""
    await scope.lock(("coupons",))
    coupon = await get_at_version(scope, visible_coupons(scope), id, version=version, what="coupon")
    before = snapshot(coupon)
    given = {
        "valid_from": valid_from,
        "valid_until": valid_until,
        "first_date": first_date,
        "last_date": last_date,
        "first_booking_only": first_booking_only,
        "total_limit": total_limit,
        "per_customer_limit": per_customer_limit,
    }
    for name, value in given.items():
        if value is not ABSENT:
            setattr(coupon, name, value)
    if room_ids is not ABSENT:
        coupon.room_ids = [*dict.fromkeys(room_ids)]
    raise_all(await _refusals(scope, coupon, coupon.rule.discount))
    return _changed(scope, EventType.COUPON_UPDATED, coupon, before)


async def archive_coupon(
    scope: Scope, id: Annotated[CouponId, Doc("The id of the coupon.")], *, version: Version
) -> Coupon:
    """Archive a coupon, so that it can't be used any more. Bookings that use it keep it."""
    await scope.lock(("coupons",))
    coupon = await get_at_version(scope, visible_coupons(scope), id, version=version, what="coupon")
    if coupon.archived_at is not None:
        return coupon
    before = snapshot(coupon)
    coupon.archived_at = scope.now()
    return _changed(scope, EventType.COUPON_ARCHIVED, coupon, before)


def _with_code(scope: Scope, code: str) -> Select[Coupon]:
    return visible_coupons(scope).where(col(Coupon.code) == code)


def _changed(scope: Scope, type: EventType, coupon: Coupon, before: Snapshot) -> Coupon:
    if log_change(scope, type, "Coupon", coupon, before):
        coupon.updated_at = scope.now()
    return coupon


async def _refusals(scope: Scope, coupon: Coupon, discount: DiscountChoice) -> list[Refusal]:
    rule = replace(coupon.rule, discount=discount)
    refused = list(field_refusals(rule, code=coupon.code, currency_code=coupon.currency_code))
    if coupon.room_ids:
        known = await scope.all(visible_rooms(scope).where(col(Room.id).in_(coupon.room_ids)))
        ids = {room.id for room in known}
        refused += [
            NotFound("room", path=("room_ids", place))
            for place, id in enumerate(coupon.room_ids)
            if id not in ids
        ]
    return refused


# ------------------------------------------------------------------------------ use


async def with_coupon(scope: Scope, claimed: Claim, code: str | None) -> Claim:
    """Returns a claim with the price that a coupon leaves, or with what refuses it to all."""
    if code is None:
        return claimed
    room_ids = [RoomId(each.id) for each in (claimed.room, *claimed.also_rooms)]
    found = await _found(scope, code, claimed.tenant, room_ids, claimed.wanted.start, claimed.price)
    if isinstance(found, list):
        return replace(claimed, refusals=(*claimed.refusals, *found))
    coupon, price = found
    return replace(claimed, price=price, coupon_id=coupon.id)


async def give_coupon(
    scope: Scope, hold: Booking, code: str | None, tenant: Tenant
) -> list[Refusal]:
    """Lowers the price of a hold by a coupon, instead of one that it has; returns the refusals."""
    if code is None:
        return []
    room_ids = [RoomId(each) for each in hold.room_ids]
    found = await _found(scope, code, tenant, room_ids, hold.starts_at, hold.breakdown)
    if isinstance(found, list):
        return found
    coupon, price = found
    hold.coupon_id = coupon.id
    for name, value in price_columns(price).items():
        setattr(hold, name, value)
    return []


@dataclass(frozen=True, slots=True)
class QuotedCoupon:
    """A coupon in a quote; without a problem, the price is lowered by it."""

    code: str
    problem: CouponProblem | None = None
    message: str | None = None


async def quoted_coupon(
    scope: Scope,
    code: str,
    tenant: Tenant,
    room_ids: Collection[RoomId],
    start: datetime,
    price: Price | None,
    *,
    customer_id: UUID | None,
) -> tuple[Price | None, QuotedCoupon]:
    """Returns what a booking would cost with a coupon, or why it can't be used.

    What depends on the customer is only decided where that is known.
    """
    shown = coupon_code(code)
    found = await _found(scope, code, tenant, room_ids, start, price)
    refused = found if isinstance(found, list) else []
    if not isinstance(found, list):
        refused = await refusals_by_uses(
            scope, tenant, found[0].id, customer_id, is_known=customer_id is not None
        )
        price = price if refused else found[1]
    if not refused:
        return price, QuotedCoupon(shown)
    first = refused[0]
    problem = first.problem if isinstance(first, CouponNotApplicable) else CouponProblem.UNKNOWN
    return price, QuotedCoupon(shown, problem, first.message)


async def refusals_by_uses(
    scope: Scope,
    tenant: Tenant,
    coupon_id: UUID | None,
    customer_id: UUID | None,
    *,
    without: UUID | None = None,
    is_known: bool = True,
    path: Path = _PATH,
) -> list[Refusal]:
    """Returns what refuses one more use of a coupon, ``without`` the booking that uses it already.

    ``is_known``: what depends on the customer is decided too.
    """
    if coupon_id is None:
        return []
    one = visible_coupons(scope).where(col(Coupon.id) == coupon_id)
    coupon = await scope.one(one)
    if scope.writes and coupon is not None and coupon.rule.is_counted:
        coupon = await scope.one(coupon_locked(scope.tenant_id, coupon_id))
    assert coupon is not None, "coupons are never removed"
    rule = coupon.rule
    if not is_known:
        rule = replace(rule, first_booking_only=False, per_customer_limit=None)
    if not rule.is_counted:
        return []
    if rule.depends_on_customer and customer_id is None:
        return [Required(path=("customer",))]
    now = scope.now()
    counted = uses_of(scope.tenant_id, coupon_id, customer_id, now=now, without=without)
    ((uses, customer_uses),) = await scope.rows(counted)
    bookings = 0
    if rule.first_booking_only and customer_id is not None:
        bookings = await scope.value(
            bookings_of_customer(scope.tenant_id, customer_id, now=now, without=without)
        )
    found = CouponUses(uses, customer_uses, bookings)
    return list(use_refusals(rule, found, zone=zone(tenant.time_zone), path=path))


async def _found(
    scope: Scope,
    code: str,
    tenant: Tenant,
    room_ids: Collection[RoomId],
    start: datetime,
    price: Price | None,
) -> tuple[Coupon, Price] | list[Refusal]:
    """Returns a coupon and the price that it leaves, or what refuses it to all."""
    coupon = await scope.one(_with_code(scope, coupon_code(code)))
    if coupon is None:
        return [NotFound("coupon", path=_PATH)]
    refused = list(
        coupon_refusals(
            coupon.rule,
            room_ids,
            start,
            has_price=price is not None,
            zone=zone(tenant.time_zone),
            now=scope.now(),
            path=_PATH,
        )
    )
    if refused or price is None:
        return refused
    return coupon, discounted(price, coupon.rule.discount.discount)
