"""Makes changes of bookings over HTTP as fast as possible, and reads their log."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final

from domain.core.log_events import EventType
from kit.clock import system_clock
from kit.events.event_cursors import (
    EventCursor,
    LogOffset,
    LogPosition,
    decode_cursor,
    encode_cursor,
)
from models.venue.rooms import Room
from tests.faults.postgres_faults import FaultyPostgres
from tests.races.clients import Client
from tests.support.client import Answer
from tests.support.factories import Venue, api_id

_BOOK: Final = """mutation ($room: ID!, $at: DateTime!) {
  createBooking(input: {roomId: $room, start: {at: $at}, durationMinutes: 60}) {
    booking { id } userErrors { code }
  }
}"""
_EDIT: Final = """mutation ($id: ID!) {
  updateBooking(id: $id, version: 1, input: {partySize: 2}) { userErrors { code } }
}"""
_MOVE: Final = """mutation ($id: ID!, $at: DateTime!) {
  rescheduleBooking(id: $id, version: 2, input: {start: {at: $at}}) { userErrors { code } }
}"""
_CANCEL: Final = """mutation ($id: ID!) {
  cancelBooking(id: $id, version: 3, input: {}) { userErrors { code } }
}"""
_PATIENCE_SECONDS: Final = 300

_KEY: Final = """mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { secret userErrors { code } }
}"""
_NOW: Final = "{ bookings { eventCursor } }"
_LOG: Final = """
    SELECT log.generation, log.xid::text::bigint AS xid, log.position
    FROM log JOIN bookings ON bookings.tenant_id = log.tenant_id AND bookings.id = log.subject_id
    WHERE log.tenant_id = $1 AND log.type = ANY($2) AND bookings.room_id = ANY($3)
    AND (log.generation, log.xid, log.position) > ($4, $5::text::xid8, $6)
    ORDER BY log.generation, log.xid, log.position
"""


class Changes:
    """A venue's bookings, changed by a writer in each room: booked, edited, moved, cancelled.

    No booking ever leaves its room. ``done`` counts those that were acknowledged.
    """

    def __init__(self, address: str, venue: Venue, token: str, *, at_most: int) -> None:
        self.allowed = at_most
        self.done = 0
        self._address = address
        self._venue = venue
        self._token = token
        self._at_most = at_most
        self._begun = 0
        tomorrow = system_clock() + timedelta(days=1)
        self._first = tomorrow.replace(minute=0, second=0, microsecond=0)

    async def make(self) -> None:
        """Makes all changes, at most ``allowed`` until that is raised."""
        async with asyncio.TaskGroup() as tasks:
            for room in self._venue.rooms:
                tasks.create_task(self._write(room))

    async def until(self, done: int) -> None:
        """Waits until a number of changes, or all, are acknowledged. Raises TimeoutError."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while self.done < min(done, self._at_most):  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.002)

    async def _write(self, room: Room) -> None:
        for number in count():
            at = self._first + timedelta(hours=2 * number)
            if not await self._live_through(api_id(room), at):
                break

    async def _live_through(self, room: str, at: datetime) -> bool:
        """Takes a booking to its end; returns False if there is to be no other change."""
        if not await self._may_go_on():
            return False
        booking = (await self._change(_BOOK, room=room, at=at)).payload["booking"]["id"]
        for change, arguments in (
            (_EDIT, {}),
            (_MOVE, {"at": at + timedelta(hours=1)}),
            (_CANCEL, {}),
        ):
            if not await self._may_go_on():
                return False
            await self._change(change, id=booking, **arguments)
        return True

    async def _may_go_on(self) -> bool:
        if self._begun >= self._at_most:
            return False
        self._begun += 1
        number = self._begun
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while number > self.allowed:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.002)
        return True

    async def _change(self, change: str, **variables: Any) -> Answer:
        # By a connection of its own: the server ends those that say nothing for a while.
        client = await Client.connect(self._address, token=self._token)
        answer = await client.ask(change, variables)
        await client.close()
        assert answer.refusals == [], answer
        self.done += 1
        return answer


@dataclass(frozen=True, slots=True)
class Wanted:
    """The changes that a subscriber wants."""

    rooms: tuple[Room, ...]
    types: Collection[EventType]

    @property
    def variables(self) -> dict[str, Any]:
        return {"rooms": [api_id(room) for room in self.rooms], "types": list(self.types)}


async def lasting_key(address: str, venue: Venue) -> str:
    """Returns a credential that doesn't expire during the test."""
    given = {"name": "Calendar", "permissions": ["bookings:read", "bookings:write"]}
    client = await Client.connect(address, token=venue.owner.token)
    answer = await client.ask(_KEY, {"input": given})
    await client.close()
    assert answer.refusals == [], answer
    return str(answer.payload["secret"])


async def cursor_now(address: str, venue: Venue) -> EventCursor:
    client = await Client.connect(address, token=venue.owner.token)
    answer = await client.ask(_NOW, {})
    await client.close()
    return EventCursor(answer.payload["eventCursor"])


async def logged(
    house: FaultyPostgres, venue: Venue, wanted: Wanted, *, after: EventCursor
) -> list[EventCursor]:
    """Returns the cursors of all wanted entries that the log has after one, in its order."""
    start = decode_cursor(after)
    assert start is not None
    async with house.connected() as connection:
        rows = await connection.fetch(
            _LOG,
            venue.tenant.id,
            list(wanted.types),
            [room.id for room in wanted.rooms],
            start.generation,
            str(start.place.xid),
            start.place.position,
        )
    return [
        encode_cursor(
            LogPosition(venue.tenant.id, row["generation"], LogOffset(row["xid"], row["position"]))
        )
        for row in rows
    ]
