"""Shares among the processes who looks at the rooms of a day.

Each process says who looks at what there, by NOTIFY: when that changes, and again every few
seconds. Nothing is stored, and what is said by a process that has died is forgotten.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Final
from uuid import UUID

import orjson

from domain.notifications.presence import Day, OthersCount, PresenceBoard, Rooms, Sighting
from kit.events.notify_bus import MAX_MESSAGE_BYTES
from kit.ids import new_id

TTL_SECONDS: Final = 30.0
"""For how long a viewer counts of whom nothing more is heard, because a process has died."""
SAID_AGAIN: Final = 3
"""How often within that time a process says who looks at what, so that one may be lost."""
PAUSE_SECONDS: Final = 1.0
"""The shortest time between two counts for one subscriber."""

_GATHERED_SECONDS: Final = 0.05


class Presence:
    """The viewers of all processes, as this one has heard of them."""

    channel: Final = "boom_presence"

    def __init__(self, *, ttl_seconds: float = TTL_SECONDS) -> None:
        self._process = new_id().hex
        self._ttl_seconds = ttl_seconds
        self._board = PresenceBoard(ttl_seconds)
        self._unsaid: list[Sighting] = []
        self._has_unsaid = asyncio.Event()
        self._watching: defaultdict[Day, set[asyncio.Event]] = defaultdict(set)

    async def run(self, publish: Callable[[str, str], Awaitable[None]]) -> None:
        """Says who looks at what here, and forgets what is no longer said, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._say_changes(publish))
            tasks.create_task(self._say_again())
            tasks.create_task(self._forget())

    def hear(self, message: str) -> None:
        """Notes a message of a process."""
        process, *said = orjson.loads(message)
        if process == self._process:
            return
        now = asyncio.get_running_loop().time()
        for sighting in map(_decoded, said):
            if self._board.hear(process, sighting, now=now):
                self._wake(sighting.day)

    @contextmanager
    def looking(self, day: Day, viewer: str, rooms: Rooms) -> Iterator[asyncio.Event]:
        """Counts a viewer during the block; the event is set when the counts may have changed."""
        changed = asyncio.Event()
        self._watching[day].add(changed)
        self._say(self._board.enter(day, viewer, rooms))
        try:
            yield changed
        finally:
            self._say(self._board.leave(day, viewer, rooms))
            self._watching[day].discard(changed)
            if not self._watching[day]:
                del self._watching[day]

    def others(self, day: Day, viewer: str, rooms: Rooms) -> OthersCount:
        return self._board.others(day, viewer, rooms)

    def _say(self, sighting: Sighting) -> None:
        self._unsaid.append(sighting)
        self._has_unsaid.set()
        self._wake(sighting.day)

    def _wake(self, day: Day) -> None:
        for changed in self._watching.get(day, ()):
            changed.set()

    async def _say_changes(self, publish: Callable[[str, str], Awaitable[None]]) -> None:
        while True:
            await self._has_unsaid.wait()
            await asyncio.sleep(_GATHERED_SECONDS)
            self._has_unsaid.clear()
            unsaid, self._unsaid = self._unsaid, []
            # Of each viewer, what they look at now is enough.
            latest = {(each.day, each.viewer): each for each in unsaid}
            for message in _messages(self._process, [*latest.values()]):
                await publish(self.channel, message)

    async def _say_again(self) -> None:
        while True:
            await asyncio.sleep(self._ttl_seconds / SAID_AGAIN)
            self._unsaid += self._board.sightings()
            if self._unsaid:
                self._has_unsaid.set()

    async def _forget(self) -> None:
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            for day in self._board.expire(asyncio.get_running_loop().time()):
                self._wake(day)


def _messages(process: str, sightings: Sequence[Sighting]) -> Iterator[str]:
    """Yields messages that say all sightings, each short enough for a NOTIFY."""
    said: list[bytes] = []
    size = 0
    for encoded in (orjson.dumps(_encoded(each)) for each in sightings):
        if said and size + len(encoded) > MAX_MESSAGE_BYTES - 100:
            yield _message(process, said)
            said, size = [], 0
        said.append(encoded)
        size += len(encoded) + 1
    if said:
        yield _message(process, said)


def _message(process: str, said: Sequence[bytes]) -> str:
    return orjson.dumps([process, *map(orjson.Fragment, said)]).decode()


def _encoded(sighting: Sighting) -> list[object]:
    (tenant_id, day), viewer, rooms = sighting
    ids = None if rooms is None else [room.hex for room in rooms]
    return [tenant_id.hex, day.isoformat(), viewer, ids]


def _decoded(said: list[object]) -> Sighting:
    match said:
        case [str(tenant_id), str(day), str(viewer), None]:
            rooms: Rooms = None
        case [str(tenant_id), str(day), str(viewer), list(ids)]:
            rooms = frozenset(UUID(hex=each) for each in ids)
        case _:
            raise ValueError("this is no sighting")
    return Sighting(Day(UUID(hex=tenant_id), date.fromisoformat(day)), viewer, rooms)
