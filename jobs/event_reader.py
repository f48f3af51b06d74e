"""Reads the log for those who follow it, and enqueues jobs for the handlers of events."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, Final, Literal, Protocol
from uuid import UUID

from sqlalchemy import Select, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.core.log_events import EventType
from jobs.event_handlers import EventHandler
from kit.clock import Clock
from kit.jobs.queue import enqueue_for_tenants
from kit.postgres.advisory_locks import advisory_key
from kit.postgres.database import Database
from models.audit.event_handlers import (
    UNREAD,
    PendingEvent,
    handler_begun,
    handlers_moved,
    oldest_pending,
    oldest_unread,
)
from models.core.job_queue import are_due, waiting_or_dead
from models.tenants import Tenant

BATCH: Final = 250
"""The number of entries that are read of one tenant at once."""
TENANTS_AT_ONCE: Final = 100
MAX_DUE: Final = 100
"""The number of due jobs from which on a handler gets no more: other jobs come after them.

One read stores at most about as many pending entries, and a BATCH.
"""
POLL_SECONDS: Final = 15.0
"""The interval at which all tenants are read, in case a notification was lost."""
# A reader spends at most about a fifth of its time on reading. The maximum is for a slow read, such
# as the first of a process: later entries must not wait for four times as long.
_PAUSE_SECONDS: Final = 0.2
_PAUSE_RATIO: Final = 4
_MAX_PAUSE_SECONDS: Final = 0.4


@dataclass(frozen=True, slots=True)
class _News:
    """New entries for a handler, its new positions, and the tenants with more to read."""

    wanted: Sequence[Any]
    moved: Sequence[Mapping[str, object]]
    unfinished: Set[UUID]


class Follower(Protocol):
    """Someone for whom the log is read, such as an ``EventHandler``, which describes the parts."""

    @property
    def name(self) -> str: ...
    @property
    def event_types(self) -> frozenset[EventType]: ...
    @property
    def starts(self) -> Literal["now", "beginning"]: ...
    @property
    def only_of(self) -> Callable[[Collection[UUID]], Select[UUID]] | None: ...
    @property
    def skips_silent(self) -> bool: ...


class LogReader(ABC):
    """Reads the log for one follower; one process reads at a time.

    ``database`` is the relay's, which sees every tenant's log.
    """

    def __init__(self, database: Database, follower: Follower) -> None:
        self._database = database
        self._follower = follower
        self._grown: set[UUID] = set()
        self._any_may_have_grown = True
        self._woken = asyncio.Event()

    @property
    def name(self) -> str:
        return self._follower.name

    async def _has_enough(self, session: AsyncSession) -> bool:  # noqa: ARG002 - for subclasses
        """Returns whether so much is to be done for earlier entries that no more are read."""
        return False

    @abstractmethod
    async def _store(self, session: AsyncSession, wanted: Sequence[Any]) -> None:
        """Stores what follows entries, in their order; it is committed with the position."""

    @abstractmethod
    def _stored(self) -> None:
        """Is called once that is committed."""

    def notify(self, tenant_ids: frozenset[UUID] | None) -> None:
        """Reports that the logs of these tenants have grown; None: any log may have."""
        if tenant_ids is None:
            self._any_may_have_grown = True
        else:
            self._grown |= tenant_ids
        self._woken.set()

    async def run(self) -> None:
        """Reads until it is cancelled or the database fails."""
        elapsed = asyncio.get_running_loop().time
        await begin(self._database, self._follower)
        all_due_at = elapsed()
        while True:
            self._woken.clear()
            started = elapsed()
            if self._any_may_have_grown or started >= all_due_at:
                self._any_may_have_grown = False
                await self.read_all()
                all_due_at = elapsed() + POLL_SECONDS
            else:
                some = frozenset(islice(self._grown, TENANTS_AT_ONCE))
                self._grown -= some
                self._grown |= some - await self.read(some)
            await asyncio.sleep(_pause_after(elapsed() - started))
            if not self._grown:
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(all_due_at - elapsed(), 0)):
                        await self._woken.wait()

    async def read_all(self) -> None:
        """Reads a batch of every tenant's log and stores the positions; ``run`` reads the rest."""
        async with self._database.session(writes=False) as session:
            tenant_ids = (await session.scalars(select(col(Tenant.id)))).all()
        for start in range(0, len(tenant_ids), TENANTS_AT_ONCE):
            some = frozenset(tenant_ids[start : start + TENANTS_AT_ONCE])
            self._grown |= some - await self.read(some, notes_all=True)

    async def read(
        self, tenant_ids: frozenset[UUID], *, notes_all: bool = False
    ) -> frozenset[UUID]:
        """Stores what follows new entries, and the follower's positions, all or nothing.

        Returns the tenants without more to read: none while another process reads, or while the
        follower has enough. Entries that don't concern it are read again, up to a BATCH, unless
        ``notes_all``.
        """
        values = {
            "tenant_ids": list(tenant_ids),
            "handler": self._follower.name,
            "types": list(self._follower.event_types),
            "batch": BATCH,
        }
        # Usually nothing has to be stored; then one statement is enough, without a transaction.
        rows = await self._database.rows(UNREAD, values)
        concerned = await self._concerned(rows)
        news = self._news_in(rows, concerned, notes_all=notes_all)
        if news.moved:
            async with await self._database.begin(writes=True) as transaction:
                # Not by a lock on a row: that takes a transaction id, which holds back the log.
                lock = advisory_key("event reader", self._follower.name)
                taken = await transaction.text(f"SELECT pg_try_advisory_xact_lock({lock})", [])
                if not (taken and taken[0]):
                    return frozenset()
                rows = await transaction.rows(UNREAD, values)
                news = self._news_in(rows, await self._concerned(rows), notes_all=notes_all)
                session = transaction.session
                if news.wanted and await self._has_enough(session):
                    return frozenset()
                if news.moved:
                    await session.execute(handlers_moved(news.moved))
                if news.wanted:
                    await self._store(session, news.wanted)
                await transaction.commit()
            if news.wanted:
                self._stored()
        return tenant_ids - news.unfinished

    async def _concerned(self, rows: Sequence[Any]) -> Set[UUID]:
        """Returns the tenants of entries for the handler that it doesn't leave out."""
        types, only_of = self._follower.event_types, self._follower.only_of
        tenants = {row["tenant_id"] for row in rows if row["type"] in types}
        if only_of is None or not tenants:
            return tenants
        async with self._database.session(writes=False) as session:
            return {*(await session.scalars(only_of(tenants))).all()}

    def _news_in(self, rows: Sequence[Any], concerned: Set[UUID], *, notes_all: bool) -> "_News":
        wanted: list[Any] = []
        moved: list[Mapping[str, object]] = []
        unfinished = {row["tenant_id"] for row in rows if row["is_held_back"]}
        entries = (row for row in rows if row["position"] is not None)
        for tenant_id, of_tenant in groupby(entries, key=itemgetter("tenant_id")):
            if len(wanted) >= MAX_DUE:
                unfinished.add(tenant_id)
                continue
            read = list(of_tenant)
            types = self._follower.event_types if tenant_id in concerned else frozenset()
            of_types = [each for each in read if each["type"] in types]
            skips = self._follower.skips_silent
            wanted += [each for each in of_types if not (skips and each["is_silent"])]
            last = read[-1]
            is_full = last["number"] == BATCH
            if is_full:
                unfinished.add(tenant_id)
            if of_types or is_full or notes_all:
                moved.append(self._place(last))
        return _News(wanted, moved, unfinished)

    def _place(self, entry: Any) -> dict[str, object]:
        """Returns the follower's position at an entry."""
        return {
            "tenant_id": entry["tenant_id"],
            "handler": self._follower.name,
            "generation": entry["generation"],
            "xid": entry["xid"],
            "position": entry["position"],
        }


class EventReader(LogReader):
    """Stores which entries are pending for a handler of events, and their jobs."""

    def __init__(
        self,
        database: Database,
        handler: EventHandler,
        *,
        clock: Clock,
        notify_jobs: Callable[[], None],
    ) -> None:
        super().__init__(database, handler)
        self._handler = handler
        self._clock = clock
        self._notify_jobs = notify_jobs

    async def _has_enough(self, session: AsyncSession) -> bool:
        return bool(await session.scalar(are_due(self._handler.job_name, MAX_DUE)))

    async def _store(self, session: AsyncSession, wanted: Sequence[Any]) -> None:
        pending = [
            {**self._place(entry), "subject_id": entry["subject_id"], "at": entry["at"]}
            for entry in wanted
        ]
        await session.execute(insert(PendingEvent), pending)
        concerned = ((entry["tenant_id"], entry["subject_id"]) for entry in wanted)
        subjects = dict.fromkeys(concerned)
        # A job that will be retried handles all entries of its subject; a dead one blocks them.
        keys = [str(subject_id) for _, subject_id in subjects]
        known = await session.execute(waiting_or_dead(self._handler.job_name, keys))
        there = {(tenant_id, key) for tenant_id, key in known}
        jobs = [
            (tenant_id, self._handler.job_for(subject_id))
            for tenant_id, subject_id in subjects
            if (str(tenant_id), str(subject_id)) not in there
        ]
        if jobs:
            await enqueue_for_tenants(session, jobs, now=self._clock())

    def _stored(self) -> None:
        self._notify_jobs()


def _pause_after(seconds: float) -> float:
    """Returns how long to pause after a read that took ``seconds``."""
    return min(max(_PAUSE_SECONDS, _PAUSE_RATIO * seconds), _MAX_PAUSE_SECONDS)


async def begin(database: Database, follower: Follower) -> None:
    """Stores where a new follower starts in the log."""
    begun = handler_begun(follower.name, at_end=follower.starts == "now")
    async with database.session(writes=True) as session, session.begin():
        await session.execute(begun)


async def find_oldest(
    database: Database, followers: Sequence[Follower]
) -> Mapping[str, datetime | None]:
    """Returns the time of the oldest unhandled entry of each follower."""
    oldest: dict[str, datetime | None] = {}
    async with database.session(writes=False) as session:
        pending = {row[0]: row[1] for row in await session.execute(oldest_pending())}
        for follower in followers:
            not_read = await session.scalar(oldest_unread(follower.name, follower.event_types))
            known = [at for at in (pending.get(follower.name), not_read) if at is not None]
            oldest[follower.name] = min(known, default=None)
    return oldest
