"""Runs imports, undoes them, and deletes those that have added nothing after 30 days."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog

from domain.imports.imports import FileRefused, ImportFailure
from integrations.storage.objects import StorageError
from kit.actor import Actor, ActorKind, Request
from kit.errors import Unavailable
from kit.ids import new_id
from kit.jobs.worker import TemporaryFailure
from kit.postgres.database import Database
from kit.postgres.failures import is_away
from kit.runtime import Runtime
from models.imports.imports import expired_imports, folder_of, imports_deleted
from resolvers.core.transactions import perform
from resolvers.imports import runs
from resolvers.imports.runs import ImportRun, Superseded, storage_of
from resolvers.imports.undo import undo

IMPORT_SECONDS: Final = 1_800.0
"""How long an import may take."""
BATCH: Final = 200

log = structlog.get_logger(__name__)


async def run_import(runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]) -> None:
    """Runs an import whose file is there, or goes on where a killed worker has ended.

    What can't be helped by waiting a moment fails it at once. A database that is away is waited
    for.
    """
    assert tenant_id is not None
    id = UUID(payload["id"])
    change = partial(perform, runtime, Actor(ActorKind.SYSTEM, tenant_id), Request(new_id()))
    begun = (await change(partial(runs.begin, id=id))).result
    if begun is None:
        await _delete_file(runtime, tenant_id, id)
        return
    deadline = asyncio.timeout(IMPORT_SECONDS)
    try:
        async with deadline:
            await ImportRun(runtime, begun).run(storage_of(runtime))
    except Superseded:
        log.info("import.superseded", id=str(id))
        return
    except Exception as error:
        failure = ImportFailure.TIMED_OUT if deadline.expired() else _failure_of(error)
        if failure is None:
            raise
        expected = isinstance(error, FileRefused)
        log.warning("import.failed", id=str(id), failure=failure.value, exc_info=not expected)
        detail = str(error) if expected else None
        ending = partial(runs.fail, id=id, attempt=begun.attempt, failure=failure, detail=detail)
        await change(ending)
    else:
        if (await change(partial(runs.finish, id=id, attempt=begun.attempt))).result:
            log.info("import.done", id=str(id))
    await _delete_file(runtime, tenant_id, id)


async def undo_import(runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]) -> None:
    """Undoes an import, or goes on where a killed worker has ended."""
    assert tenant_id is not None
    await undo(runtime, tenant_id, UUID(payload["id"]))


async def purge_imports(runtime: Runtime, relay: Database) -> None:
    """Deletes imports that have added nothing, after 30 days, and those without a file.

    A storage that is away is tried again the next time.
    """
    storage, deleted = storage_of(runtime), 0
    try:
        while keys := await _expired(runtime, relay):
            for tenant_id, id in keys:
                await storage.delete_below(folder_of(tenant_id, id))
            async with relay.session(writes=True) as session, session.begin():
                await session.execute(imports_deleted(keys, runtime.clock()))
            deleted += len(keys)
    except StorageError as error:
        log.warning("imports.purge_failed", reason=type(error).__name__)
        return
    log.info("imports.purged", imports=deleted)


async def _expired(runtime: Runtime, relay: Database) -> list[tuple[UUID, UUID]]:
    async with relay.session(writes=False) as session, session.begin():
        rows = await session.execute(expired_imports(runtime.clock(), limit=BATCH))
        return [(row[0], row[1]) for row in rows]


async def _delete_file(runtime: Runtime, tenant_id: UUID, id: UUID) -> None:
    """Deletes the file of an import that has ended. Raises TemporaryFailure."""
    try:
        await storage_of(runtime).delete_below(folder_of(tenant_id, id))
    except StorageError as error:
        # The job runs again, finds the import ended, and deletes the file then.
        raise TemporaryFailure("the file of an import that has ended can't be deleted") from error


def _failure_of(error: Exception) -> ImportFailure | None:
    """Returns the reason to store; None if the database is away, so that none can be stored."""
    if isinstance(error, FileRefused):
        return error.failure
    if isinstance(error, StorageError):
        return ImportFailure.STORAGE_UNAVAILABLE
    if isinstance(error, Unavailable) or is_away(error):
        return None
    return ImportFailure.SERVER_ERROR
