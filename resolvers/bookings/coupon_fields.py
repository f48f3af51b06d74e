"""What is read of coupons, and of the coupon of a booking."""

from uuid import UUID

from sqlmodel import col

from kit.scope import Scope
from models.bookings.bookings import Booking
from models.bookings.coupon_uses import uses_by_coupon
from models.bookings.coupons import Coupon
from models.venue.rooms import Room
from resolvers.venue.rooms import visible_rooms


async def code_of(scope: Scope, booking: Booking) -> str | None:
    """The code of the coupon that lowers the price, in upper case; null if there is none."""
    coupon: Coupon | None = await scope.loaders.related(booking, "coupon")
    return coupon.code if coupon else None


async def use_count(scope: Scope, coupon: Coupon) -> int:
    """How many bookings use the coupon: held ones too, and none that were cancelled."""

    async def load(ids: list[UUID]) -> list[int]:
        counted = uses_by_coupon(scope.tenant_id, ids, now=scope.now())
        found: dict[UUID, int] = dict(await scope.rows(counted))
        return [found.get(id, 0) for id in ids]

    return await scope.loaders.batch("uses of coupons", load, coupon.id)


async def rooms_of(scope: Scope, coupon: Coupon) -> list[Room]:
    """The rooms that the coupon is for, or an empty list if it is for all: at most 100."""
    if not coupon.room_ids:
        return []

    async def load(wanted: list[tuple[UUID, ...]]) -> list[list[Room]]:
        ids = {id for each in wanted for id in each}
        order = (col(Room.name_key), col(Room.id))
        rooms = await scope.all(visible_rooms(scope).where(col(Room.id).in_(ids)).order_by(*order))
        return [[room for room in rooms if room.id in each] for each in wanted]

    return await scope.loaders.batch("rooms of coupons", load, tuple(coupon.room_ids))
