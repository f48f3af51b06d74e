"""Streams how many others look at the rooms of a day."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from itertools import count
from typing import Annotated, Final
from uuid import UUID

from sqlmodel import col
from typing_extensions import Doc

from domain.core.ids import RoomId
from domain.notifications.presence import Day, OthersCount, Rooms
from kit.errors import BadInput
from kit.events.event_cursors import EventCursor
from kit.events.event_streams import EventStream, StreamItem
from kit.operation_context import Operation
from kit.scope import Scope
from models.venue.rooms import Room
from permissions.policy import may, refusal
from permissions.roles import P
from resolvers.venue.rooms import visible_rooms
from subscriptions.log_replay import read_with_retry
from subscriptions.presence import PAUSE_SECONDS, Presence

_NO_CURSOR: Final = EventCursor("")
_sort_keys: Final = count()


@dataclass(frozen=True, slots=True)
class RoomCount:
    """How many others look at a room."""

    room_id: UUID
    others: int


async def rooms_of(_: Scope, counted: OthersCount) -> list[RoomCount]:
    """How many others look at each room.

    Of the rooms given as `roomIds`, those at which somebody looks; without `roomIds`, those that
    others have named.
    """
    return [RoomCount(room_id, others) for room_id, others in counted.rooms.items()]


def presence_changed(
    operation: Operation,
    *,
    date: Annotated[date, Doc("The day, in the venue's time zone.")],
    room_ids: Annotated[
        tuple[RoomId, ...] | None, Doc("The rooms that the caller looks at; all by default.")
    ] = None,
) -> EventStream[OthersCount]:
    """Receive how many others look at a day of the venue: now, and whenever that has changed.

    While the subscription is open, its caller counts as looking at the rooms of that day. Users
    are counted once, however many devices they use. Others are gone when their subscriptions end,
    at the latest 30 seconds after their connection was lost. Events come at most once a second.
    """
    rooms = None if room_ids is None else frozenset(room_ids)
    return EventStream(operation, PresenceCounts(date, rooms), None, is_personal=True)


@dataclass(slots=True)
class PresenceCounts:
    """The source of the counts for one caller, who counts as a viewer while it is open."""

    date: date
    rooms: Rooms
    _last: OthersCount | None = field(default=None)

    @asynccontextmanager
    async def live(
        self, operation: Operation
    ) -> AsyncIterator[AsyncGenerator[StreamItem[OthersCount]]]:
        await read_with_retry(operation, self._check)
        # No connection is held while waiting.
        await operation.release()
        presence, (day, viewer) = operation.scope.service(Presence), self._place(operation)
        with presence.looking(day, viewer, self.rooms) as changed:
            begun = self._count(operation)
            async with aclosing(self._changes(operation, changed, begun)) as steps:
                yield steps

    async def replay(
        self,
        operation: Operation,
        after: EventCursor | None,  # noqa: ARG002 - the counts are all there is to replay
    ) -> AsyncGenerator[Sequence[StreamItem[OthersCount]]]:
        yield [_step(self._count(operation))]

    def gap_event(self, cursor: EventCursor) -> OthersCount:  # noqa: ARG002
        # Each event has all counts, so that the last one makes up for those dropped.
        assert self._last is not None
        return self._last

    async def _changes(
        self, operation: Operation, changed: asyncio.Event, last: OthersCount
    ) -> AsyncGenerator[StreamItem[OthersCount]]:
        while True:
            await changed.wait()
            changed.clear()
            found = self._count(operation)
            if found != last:
                last = found
                yield _step(found)
                await asyncio.sleep(PAUSE_SECONDS)

    def _count(self, operation: Operation) -> OthersCount:
        day, viewer = self._place(operation)
        self._last = operation.scope.service(Presence).others(day, viewer, self.rooms)
        return self._last

    def _place(self, operation: Operation) -> tuple[Day, str]:
        """Returns the day, and a name for the caller that tells other processes nothing else."""
        actor = operation.actor
        assert actor.tenant_id is not None and actor.id is not None
        viewer = blake2b(actor.id.bytes, digest_size=8).hexdigest()
        return Day(actor.tenant_id, self.date), viewer

    async def _check(self, scope: Scope) -> None:
        """Raises an error if the caller may not see availability, or there is no such room."""
        if not may(scope.actor, P.AVAILABILITY_READ):
            raise refusal(scope.actor, P.AVAILABILITY_READ)
        if self.rooms is not None:
            known = await scope.all(visible_rooms(scope).where(col(Room.id).in_(self.rooms)))
            if len(known) < len(self.rooms):
                raise BadInput("There is no such room.")


def _step(found: OthersCount) -> StreamItem[OthersCount]:
    return StreamItem((next(_sort_keys),), _NO_CURSOR, found)
