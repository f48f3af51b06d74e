"""The log's relay: reads what was added and hands it to everybody in this process who listens.

Rows are read only below the log's horizon (``pg_snapshot_xmin``), in the order of transaction id
and position: commits don't follow the order of a sequence, and a reader that goes by it alone
loses what commits late.
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
"""How late an event is whose wake was lost."""
HELD_BACK_POLL_SECONDS: Final = 0.02
PATIENCE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log, as those who listen get it."""

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
    """Everything up to here was dropped: more came than a queue holds, or another log began."""

    bookmark: LogPosition

    @property
    def place(self) -> LogOffset:
        return self.bookmark.place


@dataclass(frozen=True, slots=True)
class LogStatements:
    """How the log is read; rows are as ``entries_of`` and ``end_of`` take them.

    ``end`` is told a ``tenant_id``, ``grown`` what ``beyond`` gives.
    """

    end: PreparedStatement
    grown: PreparedStatement


class Listener:
    """What one subscriber has yet to take, in order."""

    def __init__(self, wants: Callable[[Entry], bool], *, length: int = QUEUE_LENGTH) -> None:
        self._wants = wants
        self._length = length
        self._entries: deque[Entry] = deque()
        self._lost: Overflow | None = None
        self._filled = asyncio.Event()

    def put(self, entry: Entry) -> None:
        if not self._wants(entry):
            return
        if len(self._entries) == self._length:
            self.lose(entry.bookmark)
        else:
            self._entries.append(entry)
            self._filled.set()

    def lose(self, end: LogPosition) -> None:
        """Drop everything up to here, what was put as well as what wasn't."""
        self._entries.clear()
        self._lost = Overflow(end)
        self._filled.set()

    async def next(self) -> Entry | Overflow:
        """Wait for the next entry; once after an overflow, what was lost."""
        while True:
            await self._filled.wait()
            if (lost := self.forgive()) is not None:
                return lost
            if self._entries:
                return self._entries.popleft()
            self._filled.clear()

    def waiting(self, most: int) -> list[Entry]:
        """What may be taken at once, in order; nothing where something was lost before it."""
        number = 0 if self._lost else min(most, len(self._entries))
        return [self._entries.popleft() for _ in range(number)]

    def forgive(self) -> Overflow | None:
        """What was lost, if anything; it isn't told again."""
        lost, self._lost = self._lost, None
        return lost


@dataclass(slots=True, eq=False)
class _Followed:
    """A tenant with listeners; ``head`` is how far its log was read, None before the start."""

    head: LogPosition | None = None
    listeners: set[Listener] = field(default_factory=set)


class Relay:
    """Reads the logs of the tenants that have listeners here, all in one statement."""

    def __init__(self, database: Database, log: LogStatements) -> None:
        self._database = database
        self._log = log
        self._followed: dict[UUID, _Followed] = {}
        self._woken: set[UUID] = set()
        self._held_back: set[UUID] = set()
        self._wake = asyncio.Event()
        self._up_to_date_at: float | None = None

    def lag_seconds(self) -> float:
        """For how long something may have waited for its listeners; about a second when idle."""
        if not self._followed or self._up_to_date_at is None:
            return 0.0
        return asyncio.get_running_loop().time() - self._up_to_date_at

    def hear(self, tenant_ids: frozenset[UUID] | None) -> None:
        """These tenants' logs have grown; None: any may have."""
        woken = self._followed.keys() if tenant_ids is None else tenant_ids & self._followed.keys()
        if woken:
            self._woken |= woken
            self._wake.set()

    @asynccontextmanager
    async def listening(
        self, tenant_id: UUID, *, wants: Callable[[Entry], bool]
    ) -> AsyncIterator[Listener]:
        """Get what is added to a tenant's log from now on.

        Nothing lies between this and what a snapshot taken inside the block shows as settled. When
        the log's generation is raised meanwhile, what went before is told to be lost.
        """
        followed = self._followed.setdefault(tenant_id, _Followed())
        listener = Listener(wants)
        followed.listeners.add(listener)
        try:
            if followed.head is None:
                start = await self._end(tenant_id)
                # Of two that start at once either will do: both read their snapshots later.
                followed.head = followed.head or start
            yield listener
        finally:
            followed.listeners.discard(listener)
            if not followed.listeners:
                self._followed.pop(tenant_id, None)

    async def run(self) -> None:
        """Read and hand out until the database fails."""
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
            rows = await self._rows(self._log.grown, beyond(heads))
            self._held_back -= heads.keys()
            self._held_back |= {row["asked_id"] for row in rows if row["is_held_back"]}
            entries = list(entries_of(rows))
            await self._begin_anew({row["asked_id"]: row["present"] for row in rows})
            for entry in entries:
                self._hand_out(entry)
            if len(entries) >= BATCH:
                self.hear(frozenset(heads))
                return
        self._held_back &= self._followed.keys()
        if not self._held_back:
            self._up_to_date_at = started

    def _hand_out(self, entry: Entry) -> None:
        followed = self._followed.get(entry.bookmark.tenant_id)
        if followed and followed.head and entry.bookmark.mark > followed.head.mark:
            followed.head = entry.bookmark
            for listener in followed.listeners:
                listener.put(entry)

    async def _begin_anew(self, generations: Mapping[UUID, int]) -> None:
        """Go on from the end of logs whose generation was raised: their places start anew."""
        for tenant_id, generation in generations.items():
            followed = self._followed.get(tenant_id)
            if followed and followed.head and followed.head.generation != generation:
                followed.head = await self._end(tenant_id)
                for listener in followed.listeners:
                    listener.lose(followed.head)

    async def _end(self, tenant_id: UUID) -> LogPosition:
        return end_of(tenant_id, await self._rows(self._log.end, {"tenant_id": tenant_id}))

    async def _rows(self, statement: PreparedStatement, values: Values) -> Sequence[Any]:
        # A connection that died without a word would keep all listeners waiting.
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._database.rows(statement, values)


def beyond(heads: Mapping[UUID, LogOffset]) -> dict[str, object]:
    """What ``grown`` is told: how far each tenant's log is known, and how much to read."""
    return {
        "tenant_ids": list(heads),
        "xids": [head.xid for head in heads.values()],
        "positions": [head.position for head in heads.values()],
        "batch": BATCH,
    }


def end_of(tenant_id: UUID, rows: Any) -> LogPosition:
    """Where a tenant's log ends, of what has been decided."""
    ((generation, xid, position),) = rows
    return LogPosition(tenant_id, generation, LogOffset(xid, position))


def entries_of(rows: Any) -> Iterable[Entry]:
    """The entries that were found, in the order of each tenant's log."""
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
