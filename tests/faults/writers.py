"""Writers that retry each request until they get a response."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from time import monotonic
from typing import Any, Final

from kit.clock import system_clock
from tests.races.clients import Client
from tests.support.client import Answer
from tests.support.factories import Person, Venue, api_id

PAUSE_SECONDS: Final = 0.1

_BOOK: Final = """mutation ($room: ID!, $at: DateTime!, $key: String!) {
  createBooking(input: {
    roomId: $room, start: {at: $at}, durationMinutes: 60, idempotencyKey: $key
  }) { booking { id } userErrors { code } }
}"""
_ADD_ROOM: Final = """mutation ($name: String!, $key: String!) {
  createRoom(input: {name: $name, capacity: 1, idempotencyKey: $key}) {
    room { id }
    userErrors { code }
  }
}"""


@dataclass(frozen=True, slots=True)
class Wait:
    """A request: its start, its duration, and the code of its error, if any."""

    began: float
    seconds: float
    code: str | None
    status: int
    retry_after: str | None


@dataclass(slots=True)
class Report:
    """The writers' responses; ``won`` has the ids of bookings by time and room.

    ``hung_up`` counts the connections that broke before their answer.
    """

    won: dict[tuple[str, datetime], list[str]] = field(default_factory=dict)
    rooms: list[str] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    hung_up: int = 0

    @property
    def bookings(self) -> list[str]:
        return [id for ids in self.won.values() for id in ids]

    @property
    def codes(self) -> set[str]:
        """The codes of top-level errors."""
        return {each.code for each in self.waits if each.code}

    @property
    def ways(self) -> set[tuple[int, str | None]]:
        """The status and Retry-After of responses during an outage of the database."""
        return {(each.status, each.retry_after) for each in self.waits if each.code}

    @property
    def slowest(self) -> float:
        return max(each.seconds for each in self.waits)

    def failed_after(self, moment: float) -> list[Wait]:
        """Returns the requests begun after a moment that failed."""
        return [each for each in self.waits if each.code and each.began > moment]

    def first_success_after(self, moment: float) -> float:
        """Returns how many seconds after a moment a request begun since then first succeeded."""
        ends = [
            each.began + each.seconds
            for each in self.waits
            if each.code is None and each.began > moment
        ]
        return min(ends) - moment

    def __str__(self) -> str:
        failed = [each for each in self.waits if each.code]
        return (
            f"{len(self.bookings)} bookings, {len(self.rooms)} rooms, {len(self.waits)} tries, "
            f"{len(failed)} unavailable, {self.hung_up} hung up, slowest {self.slowest:.1f} s"
        )


class Writers:
    """Books slots, two writers for each, and sometimes adds rooms, as fast as possible."""

    def __init__(self, address: str, venue: Venue, people: Sequence[Person]) -> None:
        self.report = Report()
        self._address = address
        self._venue = venue
        self._people = people
        self._numbers = count()
        self._enough = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        tomorrow = system_clock() + timedelta(days=1)
        self._first = tomorrow.replace(minute=0, second=0, microsecond=0)

    @asynccontextmanager
    async def at_work(self, *, number: int, pause_seconds: float = 0) -> AsyncIterator[Report]:
        """Runs a number of writers during the block, and waits for their responses."""
        async with asyncio.TaskGroup() as tasks:
            for each in range(number):
                person = self._people[each % len(self._people)]
                line = _Line(self._address, person.token, self.report)
                self._tasks.append(tasks.create_task(self._work(line, pause_seconds)))
            try:
                yield self.report
            finally:
                self._enough.set()

    async def finish(self) -> None:
        """Stops new requests, and waits for all responses."""
        self._enough.set()
        await asyncio.wait(self._tasks)

    async def gain(self, wins: int) -> None:
        """Waits until a number of further bookings have been made."""
        goal = len(self.report.won) + wins
        async with asyncio.timeout(120):
            while len(self.report.won) < goal:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.02)

    async def _work(self, line: "_Line", pause_seconds: float) -> None:
        while not self._enough.is_set():
            number = next(self._numbers)
            if number % 40 == 39:
                await self._add_room(line, number)
            else:
                await self._book(line, number)
            await asyncio.sleep(pause_seconds)
        await line.close()

    async def _book(self, line: "_Line", number: int) -> None:
        # Two ask for each time, so that there are losers as well.
        time = number // 2
        rooms = self._venue.rooms
        room, at = (
            api_id(rooms[time % len(rooms)]),
            self._first + timedelta(hours=time // len(rooms)),
        )
        answer = await line.ask(_BOOK, {"room": room, "at": at, "key": f"booking {number}"})
        if answer.refusals:
            self.report.refusals.update(answer.refusals)
        else:
            self.report.won.setdefault((room, at), []).append(answer.payload["booking"]["id"])

    async def _add_room(self, line: "_Line", number: int) -> None:
        variables = {"name": f"Added {number}", "key": f"room {number}"}
        answer = await line.ask(_ADD_ROOM, variables)
        assert answer.refusals == []
        self.report.rooms.append(answer.payload["room"]["id"])


class _Line:
    """A connection that is opened again whenever it breaks."""

    def __init__(self, address: str, token: str, report: Report) -> None:
        self._address = address
        self._token = token
        self._report = report
        self._client: Client | None = None

    async def ask(self, query: str, variables: dict[str, Any]) -> Answer:
        """Returns the first response that isn't a temporary failure. Raises TimeoutError."""
        while True:
            answer = await self._try(query, variables)
            if answer is not None and not answer.codes:
                return answer
            assert answer is None or answer.codes == ["UNAVAILABLE"], answer
            await asyncio.sleep(PAUSE_SECONDS)

    async def _try(self, query: str, variables: dict[str, Any]) -> Answer | None:
        began = monotonic()
        try:
            if self._client is None:
                self._client = await Client.connect(self._address, token=self._token)
            answer = await self._client.ask(query, variables)
        except (ConnectionError, asyncio.IncompleteReadError):
            self._report.hung_up += 1
            await self.close()
            return None
        code = answer.codes[0] if answer.codes else None
        retry_after = answer.headers.get("retry-after")
        self._report.waits.append(
            Wait(began, monotonic() - began, code, answer.status, retry_after)
        )
        return answer

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            try:
                await client.close()
            except ConnectionError:
                return
