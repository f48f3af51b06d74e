"""Blackouts: periods in which a room or the whole venue can't be booked."""

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
    overlaps: Annotated[DateTimeRange, Doc("Return the blackouts that overlap this period.")],
    room_id: Annotated[
        RoomId | None,
        Doc(
            "Return only the blackouts that apply to this room, which includes "
            "those of the whole venue. All by default."
        ),
    ] = None,
) -> list[Blackout] | None:
    """The blackouts in a period, sorted by their start.

    Null if there is no such room. If there are more than 1,000, the query is refused: choose a
    shorter period.
    """
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
    room_id: Annotated[RoomId | None, Doc("The room to block; the whole venue by default.")] = None,
    starts_at: Annotated[datetime, Doc("When the blackout starts.")],
    ends_at: Annotated[
        datetime, Doc("When the blackout ends: after the start, at most 366 days later.")
    ],
    reason: Annotated[
        str | None, Doc("Why the time is blocked, shown to guests too: at most 500 characters.")
    ] = None,
) -> Blackout:
    """Block a room or the whole venue for a period, regardless of the opening hours. Existing
    bookings are kept.
    """
    await scope.lock(CALENDAR)
    refused = [*await room_refusals(scope, room_id), *reason_refusals(reason)]
    if not timedelta() < ends_at - starts_at <= LONGEST:
        problem = f"The end must be after the start, by at most {LONGEST.days} days."
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
    """Delete a blackout, so that its period can be booked again."""
    await scope.lock(CALENDAR)
    blackout = await get_or_refuse(scope, visible_blackouts(scope), id, what="blackout")
    await scope.remove(blackout)
    scope.emit(
        Event(EventType.BLACKOUT_DELETED, "Blackout", blackout.id, before=snapshot(blackout))
    )
    return id
