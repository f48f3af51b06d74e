"""Concurrent callers that want the same slot, each with a session and a connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from statistics import quantiles
from typing import Any, TypeVar

from domain.core.intervals import Interval
from domain.core.log_events import EventType
from kit.actor import Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from kit.security.tokens import Tokens
from models.accounts.sessions import Session
from models.venue.rooms import Room
from resolvers.core.transactions import perform
from tests.races.clients import Client
from tests.support.client import Answer
from tests.support.factories import Person, api_id

T = TypeVar("T")

_BOOKING = "{ booking { id version status } userErrors { code } }"
_HOLD = f"""mutation ($room: ID!, $at: DateTime!, $minutes: Int!) {{
  holdBooking(input: {{roomId: $room, start: {{at: $at}}, durationMinutes: $minutes}}) {_BOOKING}
}}"""
_CREATE = """mutation ($room: ID!, $at: DateTime!, $minutes: Int!, $key: String) {
  createBooking(input: {
    roomId: $room, start: {at: $at}, durationMinutes: $minutes, idempotencyKey: $key
  }) { booking { id version status } replayed userErrors { code } }
}"""
_CONVERT = f"mutation ($hold: ID!) {{ createBooking(input: {{holdId: $hold}}) {_BOOKING} }}"
_CONFIRM = f"""mutation ($id: ID!, $version: Int!) {{
  confirmBooking(id: $id, version: $version) {_BOOKING}
}}"""
_REJECT = f"""mutation ($id: ID!, $version: Int!) {{
  rejectBooking(id: $id, version: $version) {_BOOKING}
}}"""
_NOTE = """mutation ($id: ID!, $version: Int!, $note: String!) {
  updateBooking(id: $id, version: $version, input: {note: $note}) {
    booking { id version note }
    userErrors { code ... on StaleVersionError { current { ... on Booking { version note } } } }
  }
}"""
_MOVE = """mutation ($id: ID!, $version: Int!, $room: ID!, $at: DateTime!, $minutes: Int!) {
  rescheduleBooking(id: $id, version: $version, input: {
    roomId: $room, start: {at: $at}, durationMinutes: $minutes
  }) { bookings { id version status } userErrors { code } }
}"""
_SWAP = """mutation ($one: ID!, $oneVersion: Int!, $other: ID!, $otherVersion: Int!) {
  swapBookings(
    firstId: $one, firstVersion: $oneVersion, secondId: $other, secondVersion: $otherVersion
  ) { booking: first { id version status } second { id } userErrors { code } }
}"""
_EXTEND = f"""mutation ($id: ID!, $version: Int!, $minutes: Int!) {{
  extendBooking(id: $id, version: $version, input: {{minutes: $minutes}}) {_BOOKING}
}}"""
_BLACK_OUT = """mutation ($from: DateTime!, $to: DateTime!) {
  createBlackout(input: {startsAt: $from, endsAt: $to}) { blackout { id } userErrors { code } }
}"""
_CLOSE = """mutation {
  setBusinessHours(input: {hours: []}) { hours { weekday } userErrors { code } }
}"""
_ARCHIVE = """mutation ($id: ID!, $version: Int!) {
  archiveRoom(id: $id, version: $version) { room { id } userErrors { code } }
}"""
_KEEP_CLEAR = """mutation ($id: ID!, $version: Int!, $minutes: Int!) {
  updateRoom(id: $id, version: $version, input: {
    bufferBeforeMinutes: $minutes, bufferAfterMinutes: $minutes
  }) { room { id } userErrors { code } }
}"""


@dataclass(frozen=True, slots=True)
class Slot:
    """A time of a room."""

    room: Room
    time: Interval

    @property
    def variables(self) -> dict[str, Any]:
        return {"room": api_id(self.room), "at": self.time.start, "minutes": self.time.minutes}


@dataclass(frozen=True, slots=True)
class Ref:
    """A booking as a client knows it."""

    id: str
    version: int


@dataclass(slots=True)
class Racer:
    """A caller with a connection; ``changes`` are the events of acknowledged changes."""

    client: Client
    changes: list[tuple[EventType, str]] = field(default_factory=list)

    async def hold(self, slot: Slot) -> Answer:
        return self._seen(EventType.BOOKING_HELD, await self.client.ask(_HOLD, slot.variables))

    async def book(self, slot: Slot, *, key: str | None = None) -> Answer:
        answer = await self.client.ask(_CREATE, {**slot.variables, "key": key})
        return self._seen(EventType.BOOKING_CREATED, answer)

    async def book_and_hang_up(self, slot: Slot) -> None:
        await self.client.ask_and_hang_up(_CREATE, slot.variables)

    async def convert(self, hold: Ref) -> Answer:
        answer = await self.client.ask(_CONVERT, {"hold": hold.id})
        return self._seen(EventType.BOOKING_CREATED, answer)

    async def confirm(self, booking: Ref) -> Answer:
        answer = await self.client.ask(_CONFIRM, {"id": booking.id, "version": booking.version})
        return self._seen(EventType.BOOKING_CONFIRMED, answer)

    async def reject(self, booking: Ref) -> Answer:
        answer = await self.client.ask(_REJECT, {"id": booking.id, "version": booking.version})
        return self._seen(EventType.BOOKING_REJECTED, answer)

    async def move(self, booking: Ref, slot: Slot) -> Answer:
        variables = {"id": booking.id, "version": booking.version, **slot.variables}
        answer = await self.client.ask(_MOVE, variables)
        return self._seen(EventType.BOOKING_RESCHEDULED, answer)

    async def swap(self, one: Ref, other: Ref) -> Answer:
        variables = {
            "one": one.id,
            "oneVersion": one.version,
            "other": other.id,
            "otherVersion": other.version,
        }
        return self._seen(EventType.BOOKING_RESCHEDULED, await self.client.ask(_SWAP, variables))

    async def extend(self, booking: Ref, *, minutes: int) -> Answer:
        variables = {"id": booking.id, "version": booking.version, "minutes": minutes}
        answer = await self.client.ask(_EXTEND, variables)
        return self._seen(EventType.BOOKING_EXTENDED, answer)

    async def note(self, booking: Ref, text: str) -> Answer:
        variables = {"id": booking.id, "version": booking.version, "note": text}
        return self._seen(EventType.BOOKING_UPDATED, await self.client.ask(_NOTE, variables))

    async def black_out(self, time: Interval) -> Answer:
        return await self.client.ask(_BLACK_OUT, {"from": time.start, "to": time.end})

    async def close_venue(self) -> Answer:
        return await self.client.ask(_CLOSE, {})

    async def archive(self, room: Room) -> Answer:
        variables = {"id": api_id(room), "version": room.version}
        return await self.client.ask(_ARCHIVE, variables)

    async def keep_clear(self, room: Room, *, minutes: int) -> Answer:
        """Sets the room's buffers."""
        variables = {"id": api_id(room), "version": room.version, "minutes": minutes}
        return await self.client.ask(_KEEP_CLEAR, variables)

    def _seen(self, type: EventType, answer: Answer) -> Answer:
        assert answer.status == 200
        if not answer.refusals and not answer.payload.get("replayed"):
            self.changes.append((type, ref(answer).id))
        return answer


def ref(answer: Answer) -> Ref:
    """Returns the booking that an answer shows."""
    payload = answer.payload
    shown = payload["booking"] if "booking" in payload else payload["bookings"][0]
    return Ref(shown["id"], shown["version"])


def winners(answers: Iterable[Answer]) -> list[Answer]:
    return [answer for answer in answers if not answer.refusals]


def refusals(answers: Iterable[Answer]) -> set[str]:
    return {code for answer in answers for code in answer.refusals}


@asynccontextmanager
async def racers(
    runtime: Runtime, addresses: Sequence[str], people: Sequence[Person], *, count: int
) -> AsyncIterator[list[Racer]]:
    """Yields so many racers, with people and addresses dealt out in turn."""
    faces = [person for person, _ in zip(cycle(people), range(count), strict=False)]
    tokens = await _tokens(runtime, faces)
    made = [
        Racer(await Client.connect(address, token=token))
        for token, address in zip(tokens, cycle(addresses), strict=False)
    ]
    try:
        yield made
    finally:
        await asyncio.gather(*(racer.client.close() for racer in made))


async def at_once(attempts: Iterable[Awaitable[T]]) -> list[T]:
    """Returns all results, in the order given."""
    return await asyncio.gather(*attempts)


def waits(crowd: Iterable[Racer]) -> list[float]:
    """Returns the seconds of each response since the last call."""
    seconds = []
    for racer in crowd:
        seconds += racer.client.waits
        racer.client.waits.clear()
    return seconds


def summary(seconds: Sequence[float]) -> str:
    """Returns the middle, the slow end and the slowest, in milliseconds."""
    hundredths = quantiles(seconds, n=100, method="inclusive")
    middle, slow, slowest = (1000 * each for each in (hundredths[49], hundredths[98], max(seconds)))
    return f"{len(seconds)} answers: p50 {middle:.0f} ms, p99 {slow:.0f} ms, max {slowest:.0f} ms"


async def _tokens(runtime: Runtime, people: Sequence[Person]) -> list[str]:
    async def begin(scope: Scope) -> list[str]:
        await scope.lock()
        now = scope.now()
        sessions = [
            scope.add(Session(tenant_id=scope.tenant_id, user_id=person.user.id, created_at=now))
            for person in people
        ]
        await scope.flush()
        sign = scope.service(Tokens).sign
        return [
            sign(tenant_id=each.tenant_id, user_id=each.user_id, session_id=each.id, now=now)[0]
            for each in sessions
        ]

    return (await perform(runtime, people[0].actor, Request(new_id()), begin)).result
