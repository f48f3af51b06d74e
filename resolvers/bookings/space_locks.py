"""Locks the spaces of rooms, so that nobody else decides on their time."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from kit.scope import Scope
from models.bookings.availability import VENUE
from models.bookings.bookings import Booking
from models.venue.rooms import Room
from permissions.policy import is_stranger, only_own
from permissions.roles import P
from resolvers.bookings.venue_facts import venue_facts
from resolvers.core.lookups import CALENDAR
from resolvers.core.transactions import OtherLocksNeeded

STRANGERS: Final = ("strangers",)


async def lock_rooms(scope: Scope, *room_ids: UUID, spaces: Sequence[UUID] = ()) -> None:
    """Locks the time of rooms and of other ``spaces``, and the venue's rules against changes.

    Holds of unverified people share a lock, and so do those of one customer, because they are
    counted together. Which spaces the rooms consist of may have changed: compare them by
    ``check_spaces`` with what is read under the locks.
    """
    names = space_locks(scope, *spaces, *await spaces_of(scope, *room_ids))
    if not scope.may_still_lock(*names):
        scope.leave_queue()
    await scope.lock(*names, shared=[CALENDAR])


async def spaces_of(scope: Scope, *room_ids: UUID) -> list[UUID]:
    """Returns the spaces that rooms consist of, as they were a moment ago."""
    if not room_ids:
        return []
    facts = await venue_facts(scope)
    if facts is None:
        _, rooms, *_ = await scope.read_batch_outside(VENUE, room_ids=room_ids)
        return [space for room in rooms for space in room.spaces]
    return facts.spaces_of(*room_ids)


def check_spaces(scope: Scope, *rows: Room | Booking) -> None:
    """Raises OtherLocksNeeded unless all spaces of rooms and bookings are locked."""
    if not scope.has_locked(*(_lock(space) for row in rows for space in row.spaces)):
        raise OtherLocksNeeded


def _lock(space_id: UUID) -> tuple[object, ...]:
    # A plain room is one space, and was locked by this name before there were others.
    return "room", space_id


def space_locks(scope: Scope, *space_ids: UUID) -> list[tuple[object, ...]]:
    """Returns the names of the exclusive locks of ``lock_rooms``."""
    names = [*map(_lock, space_ids)]
    if is_stranger(scope.actor):
        names.append(STRANGERS)
    elif only_own(scope.actor, P.BOOKINGS_WRITE):
        names.append(("holds of", scope.actor.own_id))
    return names
