"""The scope of one operation: its actor, tenant, transaction and time.

A resolver uses a scope and never sees a session, a commit or a connection.
"""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from datetime import datetime
from functools import cached_property
from typing import Any, Final, TypeVar, cast
from uuid import UUID

import structlog
from sqlalchemy import CursorResult, Select
from sqlalchemy.engine import Row
from sqlalchemy.sql.dml import UpdateBase

from kit.actor import Actor, Request
from kit.jobs.queue import Job, enqueue
from kit.loaders import Loaders
from kit.postgres.advisory_locks import advisory_key
from kit.postgres.failures import is_away
from kit.postgres.json_batch import JsonBatch
from kit.postgres.statements import PreparedStatement
from kit.postgres.transaction import Transaction
from kit.runtime import Runtime

Showing = Callable[[UUID], tuple[str, Sequence[object]]]
"""Returns the SQL and the values that read what to show of the row with an id."""

_CLOSED: Final = "the scope is closed: what it read for is answered"

T = TypeVar("T")
Ts = TypeVar("Ts", bound=tuple[Any, ...])

log = structlog.get_logger(__name__)


class Scope:
    """One read snapshot, or one write transaction.

    The first statement opens the connection. Concurrent statements share it, one at a time.
    Statements are values from ``models/``; only the scope executes them.
    """

    def __init__(
        self, runtime: Runtime, actor: Actor, request: Request, *, writes: bool = False
    ) -> None:
        self.runtime = runtime
        self.actor = actor
        self.request = request
        self.before_locks: Callable[[], Awaitable[None]] | None = None
        # Makes a change safe to repeat; its result is stored with it.
        self.idempotency_key: Any = None
        self._writes = writes
        self._tenant_id = actor.tenant_id
        self._transaction: Transaction | None = None
        self._seen_tenant_id: UUID | None = None
        self.is_closed = False
        self._root: Scope = self
        self._actor_views: dict[Actor, Scope] = {}
        self._connection_lock = asyncio.Lock()
        # The locks that are held in this process; None before they are waited for.
        self._queued: list[int] | None = None
        self._locked = False
        self._keys: frozenset[int] = frozenset()
        # Whether the caller does nothing more with the change than to answer it.
        self.may_write_at_once = False
        self.is_stored = False
        self._stored_events = 0
        # How to read what the caller wants to see of a stored row, and what was read of it.
        self.showing: Showing | None = None
        self.shown: str | None = None
        # Whether nothing of the change is kept, so that it may have no effect elsewhere either.
        self.is_dry_run = False
        self._now = runtime.clock()
        self._events: list[Any] = []
        self._jobs: list[Job] = []
        self._after_commit: list[Callable[[], Awaitable[None]]] = []

    # ------------------------------------------------------------------ who, where, when

    @cached_property
    def loaders(self) -> Loaders:
        """The loaders of rows for its fields."""
        return Loaders(self)

    @property
    def tenant_id(self) -> UUID:
        """The tenant whose rows are visible. Raises LookupError for an actor without one."""
        if self._tenant_id is None:
            raise LookupError("no tenant")
        return self._tenant_id

    @property
    def writes(self) -> bool:
        """Whether it is a write transaction, or becomes one."""
        return self._writes

    def now(self) -> datetime:
        """Returns the time of the operation, the same at every call; after a lock, the lock's."""
        return self._now

    def service(self, part: type[T]) -> T:
        """Returns the service that implements a protocol."""
        return cast("T", self.runtime.services[part])

    async def enter(self, tenant_id: UUID) -> None:
        """Switches to the rows of a tenant, for callers who log in or register."""
        self._tenant_id = tenant_id
        if self._transaction is not None:
            await self._transaction.text(_tenant_set(tenant_id), [])
            self._seen_tenant_id = tenant_id

    def as_actor(self, actor: Actor) -> "Scope":
        """Returns a read-only scope of another actor, on the same connection and snapshot.

        The actor may be of another tenant. The scope is valid as long as this one.
        """
        assert not self._writes and actor.tenant_id is not None
        scope = self._actor_views.get(actor)
        if scope is None:
            scope = self._actor_views[actor] = self.reading_as(actor)
        return scope

    def reading_as(self, actor: Actor) -> "Scope":
        """Returns the same for any actor, and for a dry run, whose changes it sees."""
        scope = Scope(self.runtime, actor, self.request)
        scope._root, scope._connection_lock, scope._now = (
            self._root,
            self._connection_lock,
            self._now,
        )
        return scope

    # ------------------------------------------------------------------ reading

    async def rows(self, statement: Any) -> Sequence[Row[*tuple[Any, ...]]]:
        async with self._connection_lock:
            session = (await self._open()).session
            return (await session.execute(statement)).all()

    async def all(self, statement: Select[T]) -> list[T]:
        async with self._connection_lock:
            session = (await self._open()).session
            return list((await session.execute(statement)).scalars())

    async def one(self, statement: Select[T]) -> T | None:
        """Returns the first row, or None."""
        async with self._connection_lock:
            session = (await self._open()).session
            return (await session.execute(statement.limit(1))).scalars().first()

    async def fetch_batch(self, json_batch: JsonBatch, **parameters: object) -> list[list[Any]]:
        """Returns the rows of several statements in one round trip, columns as attributes."""
        async with self._connection_lock:
            (row,) = await (await self._open()).rows(json_batch.statement, parameters)
        return json_batch.decode(tuple(row))

    async def fetch_prepared(self, statement: PreparedStatement, **values: object) -> Sequence[Any]:
        """Returns the driver's rows of a prepared statement: columns by name or index."""
        async with self._connection_lock:
            return await (await self._open()).rows(statement, values)

    async def fetch_batches(
        self, statement: PreparedStatement, *, size: int, **values: object
    ) -> AsyncGenerator[Sequence[Any]]:
        """Yields the driver's rows of a prepared statement by a cursor, ``size`` at a time."""
        async with self._connection_lock:
            cursor = await (await self._open()).cursor(statement, values)
        while True:
            async with self._connection_lock:
                rows: Sequence[Any] = await cursor.fetch(size)
            if not rows:
                return
            yield rows

    async def value(self, statement: Any) -> Any:
        """Returns the first column of the first row, or None."""
        async with self._connection_lock:
            session = (await self._open()).session
            return (await session.execute(statement)).scalar()

    async def fetch_raw(self, sql: str, values: Sequence[object]) -> Sequence[Any]:
        """Returns the driver's only row of a statement given as SQL.

        The statement sets its tenant itself, so that it takes one round trip if it is the first
        read.
        """
        root: Scope = self._root
        async with self._connection_lock:
            is_first = root._transaction is None and not self._writes
            if is_first:
                found: Any = await self.runtime.database.text(sql, values, owner=self._tenant_id)
            else:
                found = await (await self._open()).text(sql, values)
        return cast("Sequence[Any]", found)

    async def fetch_row(
        self, statement: PreparedStatement, *, alone: bool = False, **values: object
    ) -> Sequence[Any]:
        """Returns the driver's only row of a prepared statement that sets its tenant itself.

        ``alone``: nothing else is read in this scope, so that one round trip is enough.
        """
        arguments = statement.arguments(values)
        if alone:
            return await self.fetch_raw(statement.sql, arguments)
        async with self._connection_lock:
            found: Any = await (await self._open()).text(statement.sql, arguments)
        return cast("Sequence[Any]", found)

    async def read_outside(self, statement: Select[T]) -> T | None:
        """Returns the first row from a separate short snapshot, to find out which locks to take."""
        separate = Scope(self.runtime, self.actor, self.request)
        separate._tenant_id = self._tenant_id
        try:
            return await separate.one(statement)
        finally:
            await separate.close()

    async def read_batch_outside(
        self, json_batch: JsonBatch, **parameters: object
    ) -> list[list[Any]]:
        """Returns the same as ``fetch_batch``, from a separate snapshot of this scope's tenant."""
        values = {"tenant_id": self.tenant_id, **parameters}
        (row,) = await self.runtime.database.rows(
            json_batch.standalone, values, owner=self.tenant_id
        )
        return json_batch.decode(tuple(row))

    async def read_value_outside(self, statement: PreparedStatement, **values: object) -> Any:
        """Returns the only value of a prepared statement that needs no tenant."""
        (row,) = await self.runtime.database.rows(statement, values, owner=self._tenant_id)
        return row[0]

    # ------------------------------------------------------------------ writing

    @property
    def locked(self) -> bool:
        """Whether the locks of this transaction have been taken."""
        return self._locked

    async def lock(
        self, *exclusive: tuple[object, ...], shared: Sequence[tuple[object, ...]] = ()
    ) -> None:
        """Takes named locks of the tenant until the end of the transaction, before any write.

        A transaction id that is assigned before waiting for a lock would put effects before causes
        in the log. Once per scope; raises PostgreSQL's 55P03 after ``lock_timeout``.
        """
        assert self._writes and not self._locked, "locks come first, and once"
        self._locked = True
        alone, together = self.lock_keys(exclusive), self.lock_keys(shared)
        self._keys = frozenset(alone)
        if self._transaction is None:
            await self._wait_in_process(alone)
        if self.before_locks is not None:
            await self.before_locks()
        # In one round trip, and in this order: PostgreSQL evaluates a select list from the left.
        steps = ", ".join(
            [f"pg_advisory_xact_lock_shared({key})" for key in together]
            + [f"pg_advisory_xact_lock({key})" for key in alone]
        )
        async with self._connection_lock:
            first = _tenant_set(self.tenant_id, then=steps)
            if self._transaction is None:
                self._transaction = await self.runtime.database.begin(
                    first, writes=True, owner=self.tenant_id
                )
            else:
                await self._transaction.text(first, [])
            self._seen_tenant_id = self.tenant_id
            self._now = self.runtime.clock()

    def may_still_lock(self, *exclusive: tuple[object, ...]) -> bool:
        """Returns whether these named locks are among those that it has queued for, if any."""
        return self._queued is None or {*self._queued}.issuperset(self.lock_keys(exclusive))

    def has_locked(self, *exclusive: tuple[object, ...]) -> bool:
        """Returns whether ``lock`` took these named locks, among others."""
        return self._keys.issuperset(self.lock_keys(exclusive))

    def lock_keys(self, names: Iterable[tuple[object, ...]]) -> list[int]:
        """Returns the keys of named locks of the tenant, in the order in which they are taken."""
        return sorted({advisory_key(self.tenant_id, *name) for name in names})

    async def queue(self, *exclusive: tuple[object, ...]) -> list[int]:
        """Waits in this process for named locks, without a connection, until the scope is closed.

        For ``write_at_once``, whose statement takes them in PostgreSQL, or for ``lock`` instead.
        Returns their keys, in the order in which they are taken.
        """
        assert self._writes and self._transaction is None
        keys = self.lock_keys(exclusive)
        await self._wait_in_process(keys)
        self._now = self.runtime.clock()
        return keys

    async def _wait_in_process(self, keys: list[int]) -> None:
        if self._queued is None:
            self._queued = await self.runtime.locks.take(keys)
        assert set(self._queued) >= set(keys), (
            "waiting for more locks while holding some may deadlock"
        )

    def leave_queue(self) -> None:
        """Lets others go on that wait for the same locks; ``queue`` or ``lock`` wait anew."""
        held, self._queued = self._queued, None
        if held:
            self.runtime.locks.give_back(held)

    async def write_at_once(self, statement: PreparedStatement, **values: object) -> Sequence[Any]:
        """Returns the only row of a statement that takes its locks and stores a whole change.

        It is committed by itself, log entries included, before anything else is read or written.
        ``mark_stored`` then says that it has stored the change. ``shown`` is what ``showing`` reads
        of the row with the ``id``.
        """
        assert self.may_write_at_once and self._transaction is None and not self.is_stored
        showing = None
        if self.showing is not None and statement.stores is not None:
            showing = self.showing(cast("UUID", values["id"]))
        found: Any = await self.runtime.database.write(
            statement, values, owner=self.tenant_id, showing=showing
        )
        self.shown = found["shown"][0] if showing is not None else None
        return cast("Sequence[Any]", found)

    def mark_stored(self, *, events: int) -> None:
        """Notes that the change is stored and committed with so many events in the log.

        So nothing is left to write.
        """
        self.is_stored, self._stored_events = True, events

    async def advisory_lock(self, key: int) -> None:
        """Takes a PostgreSQL advisory lock until the end of the transaction."""
        async with self._connection_lock:
            await (await self._open()).text(f"SELECT pg_advisory_xact_lock({key})", [])

    def add(self, row: T) -> T:
        """Adds a new row, which is stored at the next ``flush`` or at the commit."""
        assert self._transaction is not None, "read or lock before the first write"
        self._transaction.session.add(row)
        return row

    async def flush(self) -> None:
        async with self._connection_lock:
            await (await self._open()).session.flush()

    async def remove(self, row: object) -> None:
        async with self._connection_lock:
            await (await self._open()).session.delete(row)

    async def run(
        self, statement: UpdateBase, rows: Sequence[Mapping[str, object]] | None = None
    ) -> CursorResult[Any]:
        """Executes a statement that writes; an insert of many rows takes their columns by name."""
        async with self._connection_lock:
            session = (await self._open()).session
            return cast("CursorResult[Any]", await session.execute(statement, rows))

    def emit(self, event: object) -> None:
        """Appends an event to the tenant's log, in the same transaction."""
        self._events.append(event)

    @property
    def event_count(self) -> int:
        """Returns how many events were appended, or stored at once."""
        return len(self._events) + self._stored_events

    def enqueue(
        self,
        name: str,
        payload: Mapping[str, object],
        *,
        at: datetime | None = None,
        dedupe: str | None = None,
        urgent: bool = False,
    ) -> None:
        """Enqueues a job, which the handler of this name runs after the commit, at least once.

        It runs not before ``at``, if given; without the commit there is no job. It belongs to this
        scope's tenant, if any. The payload is JSON, and operators may see it: ids, no secrets. Of
        jobs with the same name, tenant and ``dedupe``, only one waits at a time; a running one
        doesn't count. ``urgent`` jobs run before all others.
        """
        assert self._writes
        self._jobs.append(Job(name, payload, at, dedupe, urgent))

    def after_commit(self, action: Callable[[], Awaitable[None]]) -> None:
        """Runs an action after the commit, outside the transaction."""
        self._after_commit.append(action)

    # ------------------------------------------------------------------ beginning and end

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Scope"]:
        """Commits at the end of the block, or rolls back if it raises."""
        try:
            yield self
            assert not (self.is_stored and (self._transaction or self._jobs)), "it is stored"
            if self._jobs:
                session = (await self._open()).session
                await enqueue(session, self._jobs, tenant_id=self._tenant_id, now=self._now)
            if self._transaction is not None:
                await self._transaction.flush()
                if self._events:
                    await self.runtime.write_log(self, self._events)
                await self._transaction.commit()
        finally:
            await self.close()
        if self._events or self.is_stored:
            self.runtime.notify_log(self.tenant_id)
        if self._jobs:
            self.runtime.notify_jobs()
        for action in self._after_commit:
            await action()

    @asynccontextmanager
    async def dry_run(self) -> AsyncIterator[None]:
        """Makes the changes of the block visible to ``reading_as`` alone, until it is closed.

        Closes it if the block raises, or the end of it, as the commit would.
        """
        self.is_dry_run = True
        try:
            yield
            if self._transaction is not None:
                await self._transaction.flush()
                if self._events:
                    await self.runtime.write_log(self, self._events)
                await self._transaction.only_read()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Gives the connection back, after a rollback if it isn't committed."""
        self.is_closed = True
        transaction, self._transaction = self._transaction, None
        self._seen_tenant_id = None
        try:
            if transaction is not None:
                await asyncio.shield(transaction.close())
        except Exception as error:
            # A lost connection has been rolled back by the server.
            if not is_away(error):
                raise
            log.info("database.connection_lost", reason=type(error).__name__)
        finally:
            self.leave_queue()

    async def _open(self) -> Transaction:
        root: Scope = self._root
        tenant_id, database = self._tenant_id, self.runtime.database
        if root._transaction is None:
            if root.is_closed:
                raise asyncio.CancelledError(_CLOSED)
            first = "" if tenant_id is None else _tenant_set(tenant_id)
            begun = await database.begin(first, writes=self._writes, owner=tenant_id)
            if root.is_closed:
                # Closed meanwhile: nobody else would give the connection back.
                await asyncio.shield(begun.close())
                raise asyncio.CancelledError(_CLOSED)
            root._transaction = begun
        elif tenant_id is not None and tenant_id != root._seen_tenant_id:
            # Scopes that share a connection may have different tenants.
            await root._transaction.text(_tenant_set(tenant_id), [])
        root._seen_tenant_id = tenant_id or root._seen_tenant_id
        return root._transaction


def _tenant_set(tenant_id: UUID, *, then: str = "") -> str:
    # The only place that sets the tenant, so that it could become a SET LOCAL.
    setting = f"SELECT set_config('app.tenant', '{tenant_id}', true)"
    return f"{setting}, {then}" if then else setting
