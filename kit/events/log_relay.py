"""The log relay: reads new log entries and hands them to the listeners of this process.

Rows are read only below the log's horizon (``pg_snapshot_xmin``), in the order of transaction id
and position: transactions don't commit in the order of a sequence, and a reader that relies on it
alone loses entries that commit late.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from kit.events.event_cursors import LogOffset, LogPosition
from kit.postgres.database import Database
from kit.postgres.statements import PreparedStatement, Values

QUEUE_LENGTH: Final = 1_000
BATCH: Final = 500
POLL_SECONDS: Final = 1.0
"""How late an event is if its notification was lost."""
HELD_BACK_POLL_SECONDS: Final = 0.02
READ_TIMEOUT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the log, as listeners get it."""

    bookmark: LogPosition
    type: str
    at: datetime
    subject_type: str
    subject_id: UUID
    before: Mapping[str, Any] | None

    @property
    def place(self) -> LogOffset:
        return self.bookmark.place


@dataclass(frozen=True, slots=True)
class Overflow:
    """Entries up to a position were dropped: the queue was full, or another generation began."""

    bookmark: LogPosition

    @property
    def place(self) -> LogOffset:
        return self.bookmark.place


@dataclass(frozen=True, slots=True)
class LogStatements:
    """The statements that read the log, for ``entries_of`` and ``end_of``.

    ``end`` takes a ``tenant_id``, ``grown`` the values of ``read_after``.
    """

    end: PreparedStatement
    grown: PreparedStatement


class Listener:
    """The queue of entries of one subscription, in order."""

    def __init__(self, wants: Callable[[Entry], bool], *, length: int = QUEUE_LENGTH) -> None:
        self._wants = wants
        self._length = length
        self._entries: deque[Entry] = deque()
        self._overflow: Overflow | None = None
        self._filled = asyncio.Event()

    def put(self, entry: Entry) -> None:
        if not self._wants(entry):
            return
        if len(self._entries) == self._length:
            self.drop_until(entry.bookmark)
        else:
            self._entries.append(entry)
            self._filled.set()

    def drop_until(self, end: LogPosition) -> None:
        """Drops all entries up to a position, including those not put yet."""
        self._entries.clear()
        self._overflow = Overflow(end)
        self._filled.set()

    async def next(self) -> Entry | Overflow:
        """Waits for the next entry; once after an overflow, returns the Overflow."""
        while True:
            await self._filled.wait()
            if (overflow := self.take_overflow()) is not None:
                return overflow
            if self._entries:
                return self._entries.popleft()
            self._filled.clear()

    def waiting(self, most: int) -> list[Entry]:
        """Returns up to ``most`` queued entries, in order; none before an Overflow was taken."""
        number = 0 if self._overflow else min(most, len(self._entries))
        return [self._entries.popleft() for _ in range(number)]

    def take_overflow(self) -> Overflow | None:
        """Returns the Overflow, if there is one, and resets it."""
        overflow, self._overflow = self._overflow, None
        return overflow


@dataclass(slots=True, eq=False)
class _Followed:
    """A tenant with listeners; ``head`` is the position up to which its log was read."""

    head: LogPosition | None = None
    listeners: set[Listener] = field(default_factory=set)


class Relay:
    """Reads the logs of all tenants with listeners in this process, in one statement."""

    def __init__(self, database: Database, log: LogStatements) -> None:
        self._database = database
        self._log = log
        self._followed: dict[UUID, _Followed] = {}
        self._woken: set[UUID] = set()
        self._held_back: set[UUID] = set()
        self._wake = asyncio.Event()
        self._up_to_date_at: float | None = None

    def lag_seconds(self) -> float:
        """Returns how long an entry may have waited for its listeners; about 1 s when idle."""
        if not self._followed or self._up_to_date_at is None:
            return 0.0
        return asyncio.get_running_loop().time() - self._up_to_date_at

    def notify(self, tenant_ids: frozenset[UUID] | None) -> None:
        """Reads the logs of these tenants soon; None: of all tenants."""
        woken = self._followed.keys() if tenant_ids is None else tenant_ids & self._followed.keys()
        if woken:
            self._woken |= woken
            self._wake.set()

    @asynccontextmanager
    async def listening(
        self, tenant_id: UUID, *, wants: Callable[[Entry], bool]
    ) -> AsyncIterator[Listener]:
        """Listens to entries that are added to a tenant's log from now on.

        There is no gap between these and the log's end in a snapshot taken inside the block. If the
        log's generation changes meanwhile, the listener gets an Overflow.
        """
        followed = self._followed.setdefault(tenant_id, _Followed())
        listener = Listener(wants)
        followed.listeners.add(listener)
        try:
            if followed.head is None:
                start = await self._end(tenant_id)
                # If two start at once, either position is right: both read their snapshots later.
                followed.head = followed.head or start
            yield listener
        finally:
            followed.listeners.discard(listener)
            if not followed.listeners:
                self._followed.pop(tenant_id, None)

    async def run(self) -> None:
        """Reads and hands out entries until the database fails."""
        clock = asyncio.get_running_loop().time
        all_due_at = clock()
        while True:
            self._woken |= self._held_back
            if clock() >= all_due_at:
                self._woken |= self._followed.keys()
                all_due_at = clock() + POLL_SECONDS
            woken, self._woken = self._woken, set()
            self._wake.clear()
            await self._read(woken)
            pause = HELD_BACK_POLL_SECONDS if self._held_back else all_due_at - clock()
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _read(self, tenant_ids: Iterable[UUID]) -> None:
        heads = {
            each: followed.head.place
            for each in tenant_ids
            if (followed := self._followed.get(each)) and followed.head
        }
        started = asyncio.get_running_loop().time()
        if heads:
            rows = await self._rows(self._log.grown, read_after(heads))
            self._held_back -= heads.keys()
            self._held_back |= {row["wanted_id"] for row in rows if row["is_held_back"]}
            entries = list(entries_of(rows))
            await self._restart_changed({row["wanted_id"]: row["present"] for row in rows})
            for entry in entries:
                self._hand_out(entry)
            if len(entries) >= BATCH:
                self.notify(frozenset(heads))
                return
        self._held_back &= self._followed.keys()
        if not self._held_back:
            self._up_to_date_at = started

    def _hand_out(self, entry: Entry) -> None:
        followed = self._followed.get(entry.bookmark.tenant_id)
        if followed and followed.head and entry.bookmark.sort_key > followed.head.sort_key:
            followed.head = entry.bookmark
            for listener in followed.listeners:
                listener.put(entry)

    async def _restart_changed(self, generations: Mapping[UUID, int]) -> None:
        """Continues at the end of logs whose generation changed: their offsets start again."""
        for tenant_id, generation in generations.items():
            followed = self._followed.get(tenant_id)
            if followed and followed.head and followed.head.generation != generation:
                followed.head = await self._end(tenant_id)
                for listener in followed.listeners:
                    listener.drop_until(followed.head)

    async def _end(self, tenant_id: UUID) -> LogPosition:
        return end_of(tenant_id, await self._rows(self._log.end, {"tenant_id": tenant_id}))

    async def _rows(self, statement: PreparedStatement, values: Values) -> Sequence[Any]:
        # A connection that died silently would otherwise stall all listeners.
        async with asyncio.timeout(READ_TIMEOUT_SECONDS):
            return await self._database.rows(statement, values)


def read_after(heads: Mapping[UUID, LogOffset]) -> dict[str, object]:
    """Returns the values of ``grown``: where to read on in each tenant's log, and how much."""
    return {
        "tenant_ids": list(heads),
        "xids": [head.xid for head in heads.values()],
        "positions": [head.position for head in heads.values()],
        "batch": BATCH,
    }


def end_of(tenant_id: UUID, rows: Any) -> LogPosition:
    """Returns the end of a tenant's log, below the horizon."""
    ((generation, xid, position),) = rows
    return LogPosition(tenant_id, generation, LogOffset(xid, position))


def entries_of(rows: Any) -> Iterable[Entry]:
    """Returns the entries of the rows, in the order of each tenant's log."""
    return (
        Entry(
            LogPosition(
                row["tenant_id"], row["generation"], LogOffset(row["xid"], row["position"])
            ),
            type=row["type"],
            at=row["at"],
            subject_type=row["subject_type"],
            subject_id=row["subject_id"],
            before=None if row["before"] is None else orjson.loads(row["before"]),
        )
        for row in rows
        if row["position"] is not None
    )
