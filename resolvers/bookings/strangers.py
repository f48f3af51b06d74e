"""Limits what strangers and customers may hold at a venue, in the transaction that holds it.

Callers hold ``lock_rooms``, which serialises the strangers of a venue, and the sessions of one
customer.
"""

from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement

from domain.bookings.strangers import (
    A_DAY,
    CONFIRM_WITHIN,
    OPEN_HOLDS,
    UNCONFIRMED_BOOKINGS,
    most_at_once,
    rooms_for_strangers,
)
from domain.core.formatting import counted
from domain.core.intervals import Interval
from domain.core.local_time import zone
from domain.core.refusals import LimitReached, Refusal
from kit.scope import Scope
from kit.security.network_addresses import Networks
from kit.settings import Settings
from models.bookings.bookings import Booking
from models.bookings.strangers import (
    held_by,
    held_by_strangers,
    held_from,
    open_holds,
    rooms_in_use,
    unconfirmed,
)
from models.tenants import Tenant, counted_less
from permissions.policy import is_guest, is_stranger, only_own
from permissions.roles import P
from resolvers.bookings.quotas import most_open_holds
from resolvers.tenants.usage import Meter, period_of

_SHARE_IS_HELD: Final = (
    "Too much of this time is held for guests who have yet to confirm or pay; try another time, or "
    "again in a while."
)


def network_of_stranger(scope: Scope) -> bytes | None:
    """Returns the keyed hash of a stranger's network, for their holds; None for known callers."""
    if not is_stranger(scope.actor):
        return None
    return scope.service(Networks).name(scope.request.ip_address, tenant_id=scope.tenant_id)


async def hold_refusals(
    scope: Scope, tenant: Tenant, room_id: UUID, wanted: Interval
) -> list[Refusal]:
    """Returns the refusals of one more hold of the caller."""
    if not is_counted(scope):
        return []
    refused: list[Refusal] = []
    network, actor = network_of_stranger(scope), scope.actor
    if network is not None:
        refused += await _too_many_open(
            scope, held_from(network), OPEN_HOLDS, "from one network address"
        )
        refused += await _share_refusals(scope, room_id, wanted)
    if not is_guest(actor):
        own = held_by(actor.own_id, actor.user_id)
        most = await most_open_holds(scope, tenant, actor.own_id)
        refused += await _too_many_open(scope, own, most, "by one customer")
    return refused


async def booking_refusals(
    scope: Scope, customer_id: UUID | None, *, room_id: UUID, wanted: Interval, held: bool
) -> list[Refusal]:
    """Returns the refusals of one more unconfirmed booking of a guest.

    ``held``: the guest holds the time already.
    """
    network = network_of_stranger(scope)
    if network is None or not is_counted(scope):
        return []
    since = scope.now() - A_DAY
    row = (
        await scope.rows(
            unconfirmed(scope.tenant_id, network=network, customer_id=customer_id, since=since)
        )
    )[0]
    refused: list[Refusal] = []
    for (used, first), whose in (
        ((row[0], row[1]), "from one network address"),
        ((row[2], row[3]), "under one e-mail address"),
    ):
        if used >= UNCONFIRMED_BOOKINGS:
            problem = (
                f"At most {counted(UNCONFIRMED_BOOKINGS, 'booking')} of a day can wait to be "
                f"confirmed or paid {whose}: confirm one by the code in its mail, or pay where the "
                "mail says so, or book tomorrow."
            )
            refused.append(
                LimitReached(
                    "unconfirmed bookings", UNCONFIRMED_BOOKINGS, used, first + A_DAY, problem
                )
            )
    if not held:
        refused += await _share_refusals(scope, room_id, wanted)
    return refused


async def _too_many_open(
    scope: Scope, holder: ColumnElement[bool], limit: int, whose: str
) -> list[Refusal]:
    ((used, first_ends),) = await scope.rows(open_holds(scope.tenant_id, holder, now=scope.now()))
    if used < limit:
        return []
    problem = (
        f"At most {counted(limit, 'hold')} can be open at once {whose}: book or cancel one first."
    )
    return [LimitReached("open holds", limit, used, first_ends, problem)]


async def _share_refusals(scope: Scope, room_id: UUID, wanted: Interval) -> list[Refusal]:
    rows = await scope.rows(held_by_strangers(scope.tenant_id, wanted, now=scope.now()))
    others = [each for each in rows if each.room_id != room_id]
    if not others:
        return []
    limit = rooms_for_strangers(await scope.value(rooms_in_use(scope.tenant_id)))
    used = most_at_once(
        ((each.room_id, Interval(each.starts_at, each.ends_at)) for each in others), wanted
    )
    if used < limit:
        return []
    frees_at = min(each.hold_expires_at for each in others)
    return [LimitReached("rooms held by strangers", limit, used, frees_at, _SHARE_IS_HELD)]


def is_counted(scope: Scope) -> bool:
    """Returns whether the caller is counted: not the venue's team, and not without limits."""
    is_confined = is_stranger(scope.actor) or only_own(scope.actor, P.BOOKINGS_WRITE)
    return is_confined and scope.service(Settings).rate_limit


def is_counted_back(scope: Scope, booking: Booking) -> bool:
    """Returns whether a guest's booking stops counting if it is cancelled now.

    So nobody's month is used up by guests who think better of it.
    """
    confirmed_at = booking.guest_confirmed_at
    return confirmed_at is not None and scope.now() - confirmed_at < CONFIRM_WITHIN


async def count_back(scope: Scope, tenant: Tenant, booking: Booking) -> None:
    """Takes a guest's booking off the plan's count for the month of its confirmation."""
    assert booking.guest_confirmed_at is not None
    period = period_of(booking.guest_confirmed_at, zone(tenant.time_zone))
    await scope.run(counted_less(tenant.id, Meter.BOOKINGS, period))
