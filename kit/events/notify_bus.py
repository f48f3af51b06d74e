"""Wakes between processes: whose log has grown, by LISTEN and NOTIFY, after the commit.

A wake only saves time. One that is lost costs the second until the log is next looked at. So what
carries wakes promises nothing: ``_Postgres`` is one backend of broadcaster's, and another (Redis,
by its URL) would take its place in ``Bus`` without a change to the relay.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final
from uuid import UUID

import asyncpg
from broadcaster import Broadcast, BroadcastBackend, Event

CHANNEL: Final = "boom_log"
_RESYNC: Final = "*"

# One NOTIFY for all commits of these few milliseconds: a NOTIFY in each takes half their rate.
_GATHERED_SECONDS: Final = 0.003
# PostgreSQL refuses 8,000 bytes; an id takes 33.
_IDS_A_MESSAGE: Final = 200
_MESSAGES_KEPT: Final = 1_000
_SILENCE_SECONDS: Final = 5.0
_TIMEOUT_SECONDS: Final = 5.0


class Bus:
    """One process's place on the bus; ``heard`` is told of tenants, or of None: look at all."""

    def __init__(self, url: str, *, heard: Callable[[frozenset[UUID] | None], None]) -> None:
        self._backend = _Postgres(url)
        self._broadcast = Broadcast(backend=self._backend)
        self._heard = heard
        self._grown: set[UUID] = set()
        self._told = asyncio.Event()

    @property
    def is_listening(self) -> bool:
        return self._backend.is_open

    def wake(self, tenant_id: UUID) -> None:
        """Tell every process, this one too, that a tenant's log has grown."""
        self._grown.add(tenant_id)
        self._told.set()

    async def run(self) -> None:
        """Listen and tell until the connection is lost."""
        async with self._broadcast, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._backend.stay_open())
            tasks.create_task(self._tell())
            tasks.create_task(self._listen())

    async def _listen(self) -> None:
        async with self._broadcast.subscribe(CHANNEL) as messages:
            # What was said while nobody listened is not said again.
            self._heard(None)
            while True:
                self._heard(_read((await messages.get()).message))

    async def _tell(self) -> None:
        while True:
            await self._told.wait()
            await asyncio.sleep(_GATHERED_SECONDS)
            self._told.clear()
            grown, self._grown = self._grown, set()
            for message in _written(grown):
                await self._broadcast.publish(CHANNEL, message)


class _Postgres(BroadcastBackend):
    """One connection that listens on one channel and notifies on it.

    Broadcaster's own loses listeners, can't publish twice at once and never connects again.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: asyncpg.Connection | None = None
        self._closed = asyncio.Event()
        self._turn = asyncio.Lock()
        self._said: asyncio.Queue[Event] = asyncio.Queue(_MESSAGES_KEPT)

    @property
    def is_open(self) -> bool:
        return self._connection is not None and not self._connection.is_closed()

    async def connect(self) -> None:
        self._closed.clear()
        connection = await asyncpg.connect(
            self._url,
            timeout=_TIMEOUT_SECONDS,
            command_timeout=_TIMEOUT_SECONDS,
            server_settings={"application_name": "boom bus"},
        )
        try:
            connection.add_termination_listener(lambda _: self._closed.set())
            await connection.add_listener(CHANNEL, self._hear)
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection

    async def disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def stay_open(self) -> None:
        """Raises ConnectionError once the connection is lost, or has died without a word."""
        while not self._closed.is_set():
            try:
                async with asyncio.timeout(_SILENCE_SECONDS):
                    await self._closed.wait()
            except TimeoutError:
                await self._run("SELECT 1")
        raise ConnectionError("the bus has lost its connection")

    async def subscribe(self, group: str) -> None:
        """Nothing to do: the one channel is listened to from the start."""

    async def unsubscribe(self, group: str) -> None:
        """Nothing to do, as above."""

    async def publish(self, channel: str, message: Any) -> None:
        await self._run("SELECT pg_notify($1, $2)", channel, message)

    async def next_published(self) -> Event:
        return await self._said.get()

    def _hear(self, _connection: object, _pid: int, channel: str, message: object) -> None:
        try:
            self._said.put_nowait(Event(channel, str(message)))
        except asyncio.QueueFull:
            while not self._said.empty():
                self._said.get_nowait()
            self._said.put_nowait(Event(channel, _RESYNC))

    async def _run(self, statement: str, *values: object) -> None:
        async with self._turn:
            if self._connection is None:
                raise ConnectionError("the bus has no connection")
            await self._connection.execute(statement, *values)


def _written(tenant_ids: Iterable[UUID]) -> Iterator[str]:
    ids = [each.hex for each in tenant_ids]
    for start in range(0, len(ids), _IDS_A_MESSAGE):
        yield ",".join(ids[start : start + _IDS_A_MESSAGE])


def _read(message: str) -> frozenset[UUID] | None:
    if message == _RESYNC:
        return None
    return frozenset(UUID(hex=each) for each in message.split(","))
