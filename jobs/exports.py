"""Makes the files of exports, and deletes them after a week."""

import asyncio
import shutil
import time
from collections.abc import Mapping
from datetime import timedelta
from errno import EDQUOT, EFBIG, ENOSPC
from functools import partial
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID

import structlog

from domain.analytics.exports import ExportFailure
from integrations.storage.objects import Storage, StorageError, StorageFull
from kit.actor import Actor, ActorKind, Request
from kit.errors import Unavailable
from kit.ids import new_id
from kit.postgres.database import Database
from kit.postgres.failures import is_away
from kit.runtime import Runtime
from kit.settings import Settings
from models.analytics.exports import expired_exports, exports_deleted, folder_of
from resolvers.analytics import export_files
from resolvers.analytics.export_files import ExportFile, Superseded
from resolvers.core.transactions import perform
from schema.core.global_ids import encode_id

EXPORT_SECONDS: Final = 1_800.0
"""How long the making of a file may take."""
LEFTOVERS_KEPT_FOR: Final = timedelta(days=1)
BATCH: Final = 200

_FULL: Final = frozenset({ENOSPC, EDQUOT, EFBIG})

log = structlog.get_logger(__name__)


async def make_export(runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]) -> None:
    """Makes the file of an export that waits, or whose worker was killed.

    What can't be helped by waiting a moment fails the export at once, because people wait for it,
    and can retry it. A database that is away is waited for.
    """
    assert tenant_id is not None
    id = UUID(payload["id"])
    change = partial(perform, runtime, Actor(ActorKind.SYSTEM, tenant_id), Request(new_id()))
    export = (await change(partial(export_files.begin, id=id))).result
    if export is None:
        return
    storage = cast("Storage", runtime.services[Storage])
    file = ExportFile(runtime, export, encode_id, spool_of(runtime))
    deadline = asyncio.timeout(EXPORT_SECONDS)
    try:
        async with deadline:
            size = await file.store(storage)
    except Superseded:
        log.info("export.superseded", id=str(id))
        return
    except Exception as error:
        failure = ExportFailure.TIMED_OUT if deadline.expired() else _failure_of(error)
        if failure is None:
            raise
        log.warning("export.failed", id=str(id), failure=failure.value, exc_info=True)
        ending = partial(export_files.fail, id=id, attempt=export.attempt, failure=failure)
        await change(ending)
        return
    done = partial(export_files.finish, id=id, attempt=export.attempt, rows=file.rows, size=size)
    if (await change(done)).result:
        log.info("export.done", id=str(id), rows=file.rows, bytes=size)


def spool_of(runtime: Runtime) -> Path:
    """Returns the folder in which workbooks are built."""
    settings = cast("Settings", runtime.services[Settings])
    return settings.data / "spool"


def _failure_of(error: Exception) -> ExportFailure | None:
    """Returns the reason to store; None if the database is away, so that none can be stored."""
    if isinstance(error, StorageFull) or getattr(error, "errno", None) in _FULL:
        return ExportFailure.STORAGE_FULL
    if isinstance(error, StorageError):
        return ExportFailure.STORAGE_UNAVAILABLE
    if isinstance(error, Unavailable) or is_away(error):
        return None
    return ExportFailure.SERVER_ERROR


async def purge_exports(runtime: Runtime, relay: Database) -> None:
    """Deletes exports that have expired with their files, and what killed workers have left.

    A storage that is away is tried again the next time.
    """
    storage = cast("Storage", runtime.services[Storage])
    deleted = 0
    try:
        while keys := await _expired(runtime, relay):
            for tenant_id, id in keys:
                await storage.delete_below(folder_of(tenant_id, id))
            async with relay.session(writes=True) as session, session.begin():
                await session.execute(exports_deleted(keys))
            deleted += len(keys)
        leftovers = await storage.remove_leftovers(older_than=LEFTOVERS_KEPT_FOR)
    except StorageError as error:
        log.warning("exports.purge_failed", reason=type(error).__name__)
        return
    leftovers += await asyncio.to_thread(_empty_spool, spool_of(runtime))
    log.info("exports.purged", exports=deleted, leftovers=leftovers)


async def _expired(runtime: Runtime, relay: Database) -> list[tuple[UUID, UUID]]:
    async with relay.session(writes=False) as session, session.begin():
        rows = await session.execute(expired_exports(runtime.clock(), limit=BATCH))
        return [(row[0], row[1]) for row in rows]


def _empty_spool(spool: Path) -> int:
    """Deletes the folders of workers that were killed while they built a workbook."""
    cutoff = time.time() - LEFTOVERS_KEPT_FOR.total_seconds()
    old = [each for each in spool.glob("*") if each.stat().st_mtime < cutoff]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return len(old)
