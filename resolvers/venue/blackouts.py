"""Blackouts: time nobody can book, in one room or in the whole venue."""

from datetime import datetime, timedelta
from typing import Annotated, Final

from sqlalchemy import Select
from sqlmodel import col
from typing_extensions import Doc

from domain.core.ids import BlackoutId, RoomId
from domain.core.log_events import Event, EventType
from domain.core.refusals import Invalid
from kit.scope import Scope
from models.core.base import snapshot
from models.core.filters import DateTimeRange
from models.venue.hours import Blackout, blackouts_for, blackouts_of, blackouts_within
from resolvers.core.lookups import CALENDAR, get_or_refuse, raise_all
from resolvers.venue.hours import MAX_ROWS, reason_refusals, room_refusals, whole
from resolvers.venue.rooms import room

LONGEST: Final = timedelta(days=366)


def visible_blackouts(scope: Scope) -> Select[Blackout]:
    return blackouts_of(scope.tenant_id)


async def blackouts(
    scope: Scope,
    *,
    overlaps: Annotated[DateTimeRange, Doc("Those that share any time with this range.")],
    room_id: Annotated[
        RoomId | None, Doc("Only those that block this room: its own and the venue's.")
    ] = None,
) -> list[Blackout] | None:
    """The times that nobody can book, by their start. At most 1,000."""
    wanted = blackouts_within(visible_blackouts(scope), overlaps)
    if room_id is not None:
        if await room(scope, room_id) is None:
            return None
        wanted = blackouts_for(wanted, [room_id])
    order = (col(Blackout.starts_at), col(Blackout.id))
    return whole(await scope.all(wanted.order_by(*order).limit(MAX_ROWS + 1)))


async def create_blackout(
    scope: Scope,
    *,
    room_id: Annotated[RoomId | None, Doc("Which room; absent: the whole venue.")] = None,
    starts_at: Annotated[datetime, Doc("The first blocked moment.")],
    ends_at: Annotated[datetime, Doc("The end: at most 366 days later.")],
    reason: Annotated[str | None, Doc("Why, for guests too; at most 500 characters.")] = None,
) -> Blackout:
    """Block time, whatever the opening hours say. Bookings that exist in it stay."""
    await scope.lock(CALENDAR)
    refused = [*await room_refusals(scope, room_id), *reason_refusals(reason)]
    if not timedelta() < ends_at - starts_at <= LONGEST:
        problem = f"The end lies after the start, by at most {LONGEST.days} days."
        refused.append(Invalid(problem, path=("ends_at",)))
    raise_all(refused)
    new = scope.add(
        Blackout(
            tenant_id=scope.tenant_id,
            room_id=room_id,
            starts_at=starts_at,
            ends_at=ends_at,
            reason=reason,
            created_at=scope.now(),
        )
    )
    scope.emit(Event(EventType.BLACKOUT_CREATED, "Blackout", new.id, after=snapshot(new)))
    return new


async def delete_blackout(
    scope: Scope, id: Annotated[BlackoutId, Doc("The id of the blackout.")]
) -> BlackoutId:
    """Give blocked time back; the opening hours hold again."""
    await scope.lock(CALENDAR)
    blackout = await get_or_refuse(scope, visible_blackouts(scope), id, what="blackout")
    await scope.remove(blackout)
    scope.emit(
        Event(EventType.BLACKOUT_DELETED, "Blackout", blackout.id, before=snapshot(blackout))
    )
    return id
