"""Notifies all processes, by LISTEN and NOTIFY, of tenants whose log has grown.

A notification only saves time: if one is lost, the log is read a second later. Messages on further
channels may be lost too. So the transport needs no guarantees: ``_Postgres`` is a backend for
broadcaster, and another (Redis, by its URL) could replace it in ``Bus`` without a change to the
relay.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final
from uuid import UUID

import asyncpg
from broadcaster import Broadcast, BroadcastBackend, Event

CHANNEL: Final = "boom_log"
_RESYNC: Final = "*"

# One NOTIFY for all commits of a few milliseconds: a NOTIFY in each commit halves their rate. While
# commits go on, there is a pause after each one: a lone change is still told at once.
_GATHERED_SECONDS: Final = 0.003
_PAUSE_SECONDS: Final = 0.025
MAX_MESSAGE_BYTES: Final = 7_900
"""The longest message on a channel: PostgreSQL refuses 8,000 bytes."""
# An id takes 33 bytes.
_IDS_A_MESSAGE: Final = 200
_MESSAGES_KEPT: Final = 1_000
_SILENCE_SECONDS: Final = 5.0
_TIMEOUT_SECONDS: Final = 5.0


class Bus:
    """A process's connection to the bus; ``on_notify`` is called with tenants, or None for all.

    ``channels`` are further channels, each with what is called with its messages.
    """

    def __init__(
        self,
        url: str,
        *,
        on_notify: Callable[[frozenset[UUID] | None], None],
        channels: Mapping[str, Callable[[str], None]] | None = None,
    ) -> None:
        self._channels = channels or {}
        self._backend = _Postgres(url, (CHANNEL, *self._channels))
        self._broadcast = Broadcast(backend=self._backend)
        self._on_notify = on_notify
        self._grown: set[UUID] = set()
        self._requested = asyncio.Event()

    @property
    def is_listening(self) -> bool:
        return self._backend.is_open

    def wake(self, tenant_id: UUID) -> None:
        """Notifies every process, including this one, that a tenant's log has grown."""
        self._grown.add(tenant_id)
        self._requested.set()

    async def publish(self, channel: str, message: str) -> None:
        """Sends a message to every process, including this one. Raises ConnectionError."""
        await self._backend.publish(channel, message)

    async def run(self) -> None:
        """Listens and notifies until the connection is lost."""
        async with self._broadcast, asyncio.TaskGroup() as tasks:
            for channel, on_message in self._channels.items():
                tasks.create_task(self._hear(channel, on_message))
            tasks.create_task(self._backend.stay_open())
            tasks.create_task(self._notify())
            tasks.create_task(self._listen())

    async def _listen(self) -> None:
        async with self._broadcast.subscribe(CHANNEL) as messages:
            # Notifications from before the connection are lost: all logs are read once.
            self._on_notify(None)
            while True:
                self._on_notify(_decoded((await messages.get()).message))

    async def _hear(self, channel: str, on_message: Callable[[str], None]) -> None:
        async with self._broadcast.subscribe(channel) as messages:
            while True:
                on_message((await messages.get()).message)

    async def _notify(self) -> None:
        elapsed = asyncio.get_running_loop().time
        due_at = elapsed()
        while True:
            await self._requested.wait()
            await asyncio.sleep(max(_GATHERED_SECONDS, due_at - elapsed()))
            due_at = elapsed() + _PAUSE_SECONDS
            self._requested.clear()
            grown, self._grown = self._grown, set()
            for message in _encoded(grown):
                await self._broadcast.publish(CHANNEL, message)


class _Postgres(BroadcastBackend):
    """A broadcaster backend: one connection that listens and notifies on some channels.

    Broadcaster's own loses listeners, can't publish concurrently and never reconnects.
    """

    def __init__(self, url: str, channels: Iterable[str]) -> None:
        self._url = url
        self._channels = channels
        self._connection: asyncpg.Connection | None = None
        self._closed = asyncio.Event()
        self._lock = asyncio.Lock()
        self._messages: asyncio.Queue[Event] = asyncio.Queue(_MESSAGES_KEPT)

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
            for channel in self._channels:
                await connection.add_listener(channel, self._put)
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection

    async def disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def stay_open(self) -> None:
        """Raises ConnectionError once the connection is lost or has died silently."""
        while not self._closed.is_set():
            try:
                async with asyncio.timeout(_SILENCE_SECONDS):
                    await self._closed.wait()
            except TimeoutError:
                await self._run("SELECT 1")
        raise ConnectionError("the bus has lost its connection")

    async def subscribe(self, group: str) -> None:
        """Does nothing: all channels are listened to from the start."""

    async def unsubscribe(self, group: str) -> None:
        """Does nothing, as above."""

    async def publish(self, channel: str, message: Any) -> None:
        await self._run("SELECT pg_notify($1, $2)", channel, message)

    async def next_published(self) -> Event:
        return await self._messages.get()

    def _put(self, _connection: object, _pid: int, channel: str, message: object) -> None:
        try:
            self._messages.put_nowait(Event(channel, str(message)))
        except asyncio.QueueFull:
            while not self._messages.empty():
                self._messages.get_nowait()
            self._messages.put_nowait(Event(CHANNEL, _RESYNC))

    async def _run(self, statement: str, *values: object) -> None:
        async with self._lock:
            if self._connection is None:
                raise ConnectionError("the bus has no connection")
            await self._connection.execute(statement, *values)


def _encoded(tenant_ids: Iterable[UUID]) -> Iterator[str]:
    ids = [each.hex for each in tenant_ids]
    for start in range(0, len(ids), _IDS_A_MESSAGE):
        yield ",".join(ids[start : start + _IDS_A_MESSAGE])


def _decoded(message: str) -> frozenset[UUID] | None:
    if message == _RESYNC:
        return None
    return frozenset(UUID(hex=each) for each in message.split(","))
