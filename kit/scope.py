"""The technical side of one operation: who asks, in which tenant and transaction, and when.

A resolver gets a scope and never sees a session, a commit or a connection.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar, cast
from uuid import UUID

import structlog
from sqlalchemy import CursorResult, Select
from sqlalchemy.engine import Row
from sqlalchemy.sql.dml import UpdateBase

from kit.actor import Actor, Request
from kit.jobs.queue import Job, put
from kit.loaders import Loaders
from kit.postgres.advisory_locks import advisory_key
from kit.postgres.failures import is_away
from kit.postgres.json_batch import JsonBatch
from kit.postgres.statements import PreparedStatement
from kit.postgres.transaction import Transaction
from kit.runtime import Runtime

T = TypeVar("T")
Ts = TypeVar("Ts", bound=tuple[Any, ...])

log = structlog.get_logger(__name__)


class Scope:
    """One read snapshot, or one writing transaction.

    The connection is opened by the first statement and shared, one statement at a time, by all
    that run at once. Statements are values from ``models/``; only the scope executes them.
    """

    def __init__(
        self, runtime: Runtime, actor: Actor, request: Request, *, writes: bool = False
    ) -> None:
        self.runtime = runtime
        self.actor = actor
        self.request = request
        self.loaders = Loaders(self)
        self.before_locks: Callable[[], Awaitable[None]] | None = None
        self._writes = writes
        self._tenant_id = actor.tenant_id
        self._transaction: Transaction | None = None
        self._seen_tenant_id: UUID | None = None
        self._root: Scope = self
        self._actor_views: dict[Actor, Scope] = {}
        self._connection_lock = asyncio.Lock()
        self._process_locks = AsyncExitStack()
        self._locked = False
        self._now = runtime.clock()
        self._events: list[Any] = []
        self._jobs: list[Job] = []
        self._after_commit: list[Callable[[], Awaitable[None]]] = []

    # ------------------------------------------------------------------ who, where, when

    @property
    def tenant_id(self) -> UUID:
        """The tenant whose rows are seen. Raises LookupError for a caller without one."""
        if self._tenant_id is None:
            raise LookupError("no tenant")
        return self._tenant_id

    def now(self) -> datetime:
        """The time of this operation, the same at every call; after a lock, that of the lock."""
        return self._now

    def service(self, part: type[T]) -> T:
        """The integration that plays a part, by its protocol."""
        return cast("T", self.runtime.services[part])

    async def enter(self, tenant_id: UUID) -> None:
        """See the rows of this tenant from now on: for callers who log in or register."""
        self._tenant_id = tenant_id
        if self._transaction is not None:
            await self._transaction.text(_tenant_set(tenant_id), [])
            self._seen_tenant_id = tenant_id

    def as_actor(self, actor: Actor) -> "Scope":
        """What another caller sees, of whatever tenant, on the same connection and snapshot.

        One for each caller, for reading only; it lasts as long as this scope.
        """
        assert not self._writes and actor.tenant_id is not None
        scope = self._actor_views.get(actor)
        if scope is None:
            scope = self._actor_views[actor] = Scope(self.runtime, actor, self.request)
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
        """The first row, or None."""
        async with self._connection_lock:
            session = (await self._open()).session
            return (await session.execute(statement.limit(1))).scalars().first()

    async def fetch_batch(self, bundle: JsonBatch, **parameters: object) -> list[list[Any]]:
        """The rows of several statements in one round trip, columns as attributes."""
        async with self._connection_lock:
            (row,) = await (await self._open()).rows(bundle.statement, parameters)
        return bundle.decode(tuple(row))

    async def fetch_prepared(self, statement: PreparedStatement, **values: object) -> Sequence[Any]:
        """The rows of a prepared statement, in the driver's words: columns by name or place."""
        async with self._connection_lock:
            return await (await self._open()).rows(statement, values)

    async def value(self, statement: Any) -> Any:
        """The first column of the first row, or None."""
        async with self._connection_lock:
            session = (await self._open()).session
            return (await session.execute(statement)).scalar()

    async def fetch_raw(self, sql: str, values: Sequence[object]) -> Sequence[Any]:
        """The only row of a statement that is SQL already, in the driver's words.

        It sets its tenant by itself, so that it needs no more than one round trip where nothing
        was read before it.
        """
        root: Scope = self._root
        async with self._connection_lock:
            is_first = root._transaction is None and not self._writes
            if is_first:
                found: Any = await self.runtime.database.text(sql, values, owner=self._tenant_id)
            else:
                found = await (await self._open()).text(sql, values)
        return cast("Sequence[Any]", found)

    async def read_outside(self, statement: Select[T]) -> T | None:
        """The first row on a short snapshot of its own, to know which locks to take."""
        aside = Scope(self.runtime, self.actor, self.request)
        aside._tenant_id = self._tenant_id
        try:
            return await aside.one(statement)
        finally:
            await aside.close()

    async def read_batch_outside(self, bundle: JsonBatch, **parameters: object) -> list[list[Any]]:
        """What ``lists`` gives, on a snapshot of its own, of this scope's tenant."""
        values = {"tenant_id": self.tenant_id, **parameters}
        (row,) = await self.runtime.database.rows(bundle.standalone, values, owner=self.tenant_id)
        return bundle.decode(tuple(row))

    # ------------------------------------------------------------------ writing

    @property
    def locked(self) -> bool:
        """Have the locks of this transaction been taken?"""
        return self._locked

    async def lock(
        self, *exclusive: tuple[object, ...], shared: Sequence[tuple[object, ...]] = ()
    ) -> None:
        """Take a tenant's named locks until the end of the transaction, before the first write.

        A transaction id taken before waiting for a lock would put effects before causes in the
        log. Once per scope; raises PostgreSQL's 55P03 after ``lock_timeout``.
        """
        assert self._writes and not self._locked, "locks come first, and once"
        self._locked = True
        alone = sorted({advisory_key(self.tenant_id, *name) for name in exclusive})
        together = sorted({advisory_key(self.tenant_id, *name) for name in shared})
        if self._transaction is None:
            await self._process_locks.enter_async_context(self.runtime.locks.all_of(alone))
        if self.before_locks is not None:
            await self.before_locks()
        # In one round trip, and in this order: PostgreSQL evaluates what is selected from the left.
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

    async def advisory_lock(self, key: int) -> None:
        """Wait for one lock of PostgreSQL's, until the end of the transaction."""
        async with self._connection_lock:
            await (await self._open()).text(f"SELECT pg_advisory_xact_lock({key})", [])

    def add(self, row: T) -> T:
        """Have a new row stored at the next ``flush`` or at the commit."""
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
        """Run a statement that writes; for an insert of many rows, with their columns by name."""
        async with self._connection_lock:
            session = (await self._open()).session
            return cast("CursorResult[Any]", await session.execute(statement, rows))

    def emit(self, event: object) -> None:
        """Put an event on the tenant's log, in this same transaction."""
        self._events.append(event)

    def enqueue(
        self,
        name: str,
        payload: Mapping[str, object],
        *,
        at: datetime | None = None,
        dedupe: str | None = None,
        urgent: bool = False,
    ) -> None:
        """Have a job done after the commit, by the handler of this name, at least once.

        Not before ``at`` where that is given. Without the commit there is no job. It belongs to
        this scope's tenant, or to none. The payload is JSON, and operators may see it: ids, no
        secrets. Of jobs with one name, tenant and ``dedupe`` only one waits at a time; one that
        is being done waits no longer. ``urgent`` ones go before all others.
        """
        assert self._writes
        self._jobs.append(Job(name, payload, at, dedupe, urgent))

    def after_commit(self, action: Callable[[], Awaitable[None]]) -> None:
        """Do this once the change is committed, outside the transaction: mail, for example."""
        self._after_commit.append(action)

    # ------------------------------------------------------------------ beginning and end

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Scope"]:
        """Commit at the end of the block, roll back if it raises."""
        try:
            yield self
            if self._jobs:
                session = (await self._open()).session
                await put(session, self._jobs, tenant_id=self._tenant_id, now=self._now)
            if self._transaction is not None:
                await self._transaction.flush()
                if self._events:
                    await self.runtime.write_log(self, self._events)
                await self._transaction.commit()
        finally:
            await self.close()
        if self._events:
            self.runtime.notify_log(self.tenant_id)
        if self._jobs:
            self.runtime.notify_jobs()
        for action in self._after_commit:
            await action()

    async def close(self) -> None:
        """Give the connection back, rolling back what was not committed."""
        transaction, self._transaction = self._transaction, None
        self._seen_tenant_id = None
        try:
            if transaction is not None:
                await asyncio.shield(transaction.close())
        except Exception as error:
            # A connection that is lost has rolled back by itself.
            if not is_away(error):
                raise
            log.info("database.connection_lost", reason=type(error).__name__)
        finally:
            await self._process_locks.aclose()

    async def _open(self) -> Transaction:
        root: Scope = self._root
        tenant_id, database = self._tenant_id, self.runtime.database
        if root._transaction is None:
            first = "" if tenant_id is None else _tenant_set(tenant_id)
            root._transaction = await database.begin(first, writes=self._writes, owner=tenant_id)
        elif tenant_id is not None and tenant_id != root._seen_tenant_id:
            # Of scopes that share a connection, each statement sees the rows of its own tenant.
            await root._transaction.text(_tenant_set(tenant_id), [])
        root._seen_tenant_id = tenant_id or root._seen_tenant_id
        return root._transaction


def _tenant_set(tenant_id: UUID, *, then: str = "") -> str:
    # The one place that sets it, so that it can become a real SET LOCAL where that is wanted.
    setting = f"SELECT set_config('app.tenant', '{tenant_id}', true)"
    return f"{setting}, {then}" if then else setting
