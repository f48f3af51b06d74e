"""Runs imports: decides on the rows of a file in batches, each in a short transaction.

What a batch has added is committed with how far the import has come, so that another worker goes on
where a killed one has ended. A dry run decides by what can be read, and starts anew.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from domain.core.log_events import Event, EventType
from domain.imports.imports import (
    MAX_ATTEMPTS,
    FileRefused,
    ImportFailure,
    ImportKind,
    ImportOutcome,
    ImportStatus,
)
from domain.imports.rows import AnyRow
from integrations.storage.objects import Storage
from kit.actor import ANONYMOUS, Actor, ActorKind, Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.imports.imports import Import, ImportRow, import_of, rows_deleted
from resolvers.accounts.authentication import actor_of_creator
from resolvers.core.lookups import CALENDAR
from resolvers.core.transactions import perform
from resolvers.imports.bookings import locks_of_bookings, take_bookings
from resolvers.imports.customers import locks_of_customers, take_customers
from resolvers.imports.imports import expiry, lacking_permission
from resolvers.imports.reading import read_rows
from resolvers.imports.rooms import locks_of_rooms, take_rooms
from resolvers.imports.taken_rows import TakenRow, Tried
from resolvers.tenants.tenants import own_tenant

_TRIES: Final = 3

Locks = Callable[[Scope, Any], Awaitable[list[tuple[object, ...]]]]
Take = Callable[..., Awaitable[list[TakenRow]]]


class Superseded(Exception):
    """The attempt no longer counts: another one was begun, or the import is gone."""


@dataclass(frozen=True, slots=True)
class _Way:
    """How rows of a kind are imported: their locks, what takes them, and how many at a time."""

    locks: Locks
    take: Take
    batch: int


_WAYS: Final = {
    ImportKind.CUSTOMERS: _Way(locks_of_customers, take_customers, 200),
    ImportKind.ROOMS: _Way(locks_of_rooms, take_rooms, 25),
    # Their rooms are locked meanwhile: for about a tenth of a second.
    ImportKind.BOOKINGS: _Way(locks_of_bookings, take_bookings, 100),
}


async def begin(scope: Scope, *, id: UUID) -> Import | None:
    """Begins an attempt; None if there is nothing to do, or too many were interrupted."""
    await scope.lock(("import", id))
    begun = await scope.one(import_of(scope.tenant_id, id))
    if begun is None or begun.status not in (ImportStatus.QUEUED, ImportStatus.RUNNING):
        return None
    if begun.status == ImportStatus.RUNNING.value:
        # Nobody has ended it: its worker was killed, or lost the database.
        begun.interruptions += 1
        if begun.interruptions >= MAX_ATTEMPTS:
            end(scope, begun, ImportFailure.INTERRUPTED)
            return None
    begun.status = ImportStatus.RUNNING.value
    begun.attempt += 1
    begun.version += 1
    if begun.is_dry_run and begun.done_rows:
        await scope.run(rows_deleted(scope.tenant_id, id))
        begun.done_rows = begun.created_count = begun.updated_count = 0
        begun.skipped_count = begun.error_count = 0
    return begun


async def fail(
    scope: Scope, *, id: UUID, attempt: int, failure: ImportFailure, detail: str | None = None
) -> None:
    """Marks an import as failed, unless the attempt no longer counts."""
    await scope.lock(("import", id))
    failed = await scope.one(import_of(scope.tenant_id, id))
    if failed is not None and _is_current(failed, attempt):
        end(scope, failed, failure, detail)


async def finish(scope: Scope, *, id: UUID, attempt: int) -> bool:
    """Marks an import as done; False if the attempt no longer counts."""
    await scope.lock(("import", id))
    done = await scope.one(import_of(scope.tenant_id, id))
    if done is None or not _is_current(done, attempt):
        return False
    end(scope, done)
    return True


def end(
    scope: Scope, ended: Import, failure: ImportFailure | None = None, detail: str | None = None
) -> None:
    """Ends an import, under its lock."""
    ended.status = (ImportStatus.DONE if failure is None else ImportStatus.FAILED).value
    ended.failure = None if failure is None else failure.value
    ended.failure_detail = None if detail is None else detail[:2000]
    ended.ended_at = scope.now()
    ended.version += 1
    expiry(scope, ended)
    type = EventType.IMPORT_COMPLETED if failure is None else EventType.IMPORT_FAILED
    scope.emit(Event(type, "Import", ended.id))


def _is_current(row: Import, attempt: int) -> bool:
    return row.attempt == attempt and row.status == ImportStatus.RUNNING.value


# ------------------------------------------------------------------------------ the rows


@dataclass(slots=True)
class ImportRun:
    """One attempt at an import."""

    runtime: Runtime
    of: Import
    tried: Tried = field(default_factory=Tried)

    async def run(self, storage: Storage) -> None:
        """Decides on all rows that are left.

        Raises Superseded, FileRefused, and what reading and storing raise.
        """
        rows = await self._read(storage)
        way = _WAYS[ImportKind(self.of.kind)]
        take: Take = way.take
        if self.of.kind == ImportKind.BOOKINGS.value:
            take = partial(take_bookings, of=self.of)
        done = self.of.done_rows
        await self._note_total(len(rows))
        while done < len(rows):
            batch = rows[done : done + way.batch]
            if self.of.is_dry_run:
                await self._try(batch, take, done)
            else:
                await self._import(batch, way.locks, take, done)
            done += len(batch)

    async def _read(self, storage: Storage) -> Sequence[AnyRow]:
        size = await storage.size(self.of.key)
        content = b"".join([part async for part in storage.read(self.of.key, 0, size)])
        scope = self._scope(Actor(ActorKind.SYSTEM, self.of.tenant_id))
        try:
            tenant = await own_tenant(scope)
        finally:
            await scope.close()
        # By when it was prepared, so that every attempt finds the same rows.
        return await asyncio.to_thread(read_rows, content, self.of, tenant, self.of.created_at)

    async def _note_total(self, total: int) -> None:
        async def note(scope: Scope) -> None:
            await scope.lock(("import", self.of.id))
            current = await self._current(scope, self.of.done_rows)
            current.total_rows = total
            current.version += 1

        await perform(self.runtime, self._system, Request(new_id()), note)

    async def _import(self, batch: Sequence[AnyRow], locks: Locks, take: Take, done: int) -> None:
        """Adds what a batch of rows has, in one transaction."""
        is_calendar_changed = self.of.kind == ImportKind.ROOMS.value

        async def add(scope: Scope) -> None:
            own = ("import", self.of.id)
            names = await self._locks(actor, locks, batch)
            await scope.lock(own, *names, shared=[] if is_calendar_changed else [CALENDAR])
            current = await self._current(scope, done)
            await self._record(scope, current, await take(scope, batch, self.tried))

        actor = await self._creator()
        for attempt in range(_TRIES):
            try:
                await perform(self.runtime, actor, Request(new_id()), add)
            except IntegrityError:
                # Somebody has added the same customer a moment ago, whom the next try finds.
                if attempt == _TRIES - 1:
                    raise
            else:
                return

    async def _locks(
        self, actor: Actor, locks: Locks, batch: Sequence[AnyRow]
    ) -> list[tuple[object, ...]]:
        """Returns the locks of rows, by a snapshot of its own: under them all is read anew."""
        scope = self._scope(actor)
        try:
            return await locks(scope, batch)
        finally:
            await scope.close()

    async def _try(self, batch: Sequence[AnyRow], take: Take, done: int) -> None:
        """Decides on a batch of rows, and stores nothing but that."""
        scope = self._scope(await self._creator())
        try:
            taken = await take(scope, batch, self.tried)
        finally:
            await scope.close()

        async def record(scope: Scope) -> None:
            await scope.lock(("import", self.of.id))
            current = await self._current(scope, done)
            # Nothing is there that they could refer to.
            await self._record(scope, current, taken, with_subjects=False)

        await perform(self.runtime, self._system, Request(new_id()), record)

    async def _record(
        self,
        scope: Scope,
        current: Import,
        taken: Sequence[TakenRow],
        *,
        with_subjects: bool = True,
    ) -> None:
        """Stores what became of rows, with how far the import has come."""
        columns = [each.columns(self.of) for each in taken]
        if not with_subjects:
            columns = [{**each, "subject_id": None, "subject_version": None} for each in columns]
        await scope.run(insert(ImportRow), columns)
        outcomes = [each.outcome for each in taken]
        current.created_count += outcomes.count(ImportOutcome.CREATED)
        current.updated_count += outcomes.count(ImportOutcome.UPDATED)
        current.skipped_count += outcomes.count(ImportOutcome.SKIPPED)
        current.error_count += outcomes.count(ImportOutcome.ERROR)
        current.done_rows += len(taken)
        current.interruptions = 0
        current.version += 1

    async def _current(self, scope: Scope, done: int) -> Import:
        """Returns the import as it is stored, under its lock. Raises Superseded."""
        current = await scope.one(import_of(self.of.tenant_id, self.of.id))
        is_ours = current is not None and _is_current(current, self.of.attempt)
        if current is None or not is_ours or current.done_rows != done:
            raise Superseded
        return current

    async def _creator(self) -> Actor:
        """Returns who imports, with the permissions of now. Raises FileRefused."""
        scope = self._scope(ANONYMOUS)
        try:
            await scope.enter(self.of.tenant_id)
            creator = await actor_of_creator(
                scope, self.of.created_by_id, self.of.created_by_key_id
            )
        finally:
            await scope.close()
        kind = ImportKind(self.of.kind)
        lacking = creator and lacking_permission(creator, kind, override=self.of.overrides)
        if creator is None or lacking is not None:
            problem = "The user or API key that prepared the import may no longer add its rows."
            raise FileRefused(ImportFailure.NOT_ALLOWED, problem)
        return creator

    @property
    def _system(self) -> Actor:
        return Actor(ActorKind.SYSTEM, self.of.tenant_id)

    def _scope(self, actor: Actor) -> Scope:
        return Scope(self.runtime, actor, Request(new_id()))


def storage_of(runtime: Runtime) -> Storage:
    return cast("Storage", runtime.services[Storage])
