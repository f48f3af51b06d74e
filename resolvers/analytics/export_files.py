"""Makes the files of exports: reads rows in one snapshot, and stores them as they are read.

A file can be read once all of it is stored, and an export is done in the transaction after that, if
its attempt still counts. Whatever fails before leaves no file behind the link.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import func, select

from domain.analytics.exports import (
    FILES_KEPT_FOR,
    MAX_ATTEMPTS,
    UNFINISHED,
    ExportFailure,
    ExportFormat,
    ExportKind,
    ExportStatus,
    percent_done,
)
from domain.core.local_time import midnight, zone
from domain.core.log_events import Event, EventType
from integrations.storage.objects import Storage
from kit.actor import Actor, ActorKind, Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from kit.tables.cells import Row
from kit.tables.files import CsvTable, JsonLines, Spreadsheet, TableWriter
from models.analytics.exports import Export, export_of, progressed
from models.tenants import Tenant
from resolvers.analytics.export_columns import (
    TABLES,
    ExportColumn,
    Venue,
    cells_of,
    reader_of,
)
from resolvers.analytics.export_occupancy import occupancy_rows
from resolvers.core.transactions import perform
from resolvers.tenants.tenants import own_tenant

BATCH_ROWS: Final = 500
PROGRESS_SECONDS: Final = 1.0
# A batch is read within milliseconds, but the first one of a long list may have to be sorted.
STATEMENT_TIMEOUT: Final = "60s"
# For as long as a storage may hold up an upload by its retries.
IDLE_TIMEOUT: Final = "3min"
_EVER: Final = (datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 29, tzinfo=UTC))

EncodeId = Callable[[str, UUID], str]

log = structlog.get_logger(__name__)


class Superseded(Exception):
    """The attempt no longer counts: another one was begun, or the export is gone."""


async def begin(scope: Scope, *, id: UUID) -> Export | None:
    """Begins an attempt; None if there is nothing to do, or too many were interrupted."""
    await scope.lock(("export", id))
    export = await scope.one(export_of(scope.tenant_id, id))
    if export is None or ExportStatus(export.status) not in UNFINISHED:
        return None
    if export.status == ExportStatus.RUNNING.value:
        # Nobody has ended it: its worker was killed, or lost the database.
        export.interruptions += 1
        if export.interruptions >= MAX_ATTEMPTS:
            _fail(scope, export, ExportFailure.INTERRUPTED)
            return None
    export.status = ExportStatus.RUNNING.value
    export.attempt += 1
    export.progress, export.row_count = 0, 0
    export.version += 1
    return export


async def finish(scope: Scope, *, id: UUID, attempt: int, rows: int, size: int) -> bool:
    """Marks an export as done; False if the attempt no longer counts."""
    await scope.lock(("export", id))
    export = await scope.one(export_of(scope.tenant_id, id))
    if export is None or not _is_current(export, attempt):
        return False
    export.status = ExportStatus.DONE.value
    export.progress, export.row_count, export.byte_count = 100, rows, size
    _end(scope, export)
    scope.emit(Event(EventType.EXPORT_COMPLETED, "Export", export.id))
    return True


async def fail(scope: Scope, *, id: UUID, attempt: int, failure: ExportFailure) -> None:
    """Marks an export as failed, unless the attempt no longer counts."""
    await scope.lock(("export", id))
    export = await scope.one(export_of(scope.tenant_id, id))
    if export is not None and _is_current(export, attempt):
        _fail(scope, export, failure)


def _is_current(export: Export, attempt: int) -> bool:
    return export.attempt == attempt and export.status == ExportStatus.RUNNING.value


def _fail(scope: Scope, export: Export, failure: ExportFailure) -> None:
    export.status, export.failure = ExportStatus.FAILED.value, failure.value
    _end(scope, export)
    scope.emit(Event(EventType.EXPORT_FAILED, "Export", export.id))


def _end(scope: Scope, export: Export) -> None:
    export.ended_at = scope.now()
    export.expires_at = scope.now() + FILES_KEPT_FOR
    export.version += 1


# ------------------------------------------------------------------------------ the file


@dataclass(slots=True)
class ExportFile:
    """The file of one attempt, which is read, written and stored batch by batch.

    ``spool`` is a folder for what a format can't write in order.
    """

    runtime: Runtime
    export: Export
    encode_id: EncodeId
    spool: Path
    rows: int = 0
    _total: int = 0
    _next_report: float = field(default_factory=monotonic)

    async def store(self, storage: Storage) -> int:
        """Stores the file and returns its size. Raises Superseded, and what reading raises."""
        tenant_id = self.export.tenant_id
        system = Actor(ActorKind.SYSTEM, tenant_id)
        scope = Scope(self.runtime, system, Request(new_id()))
        turn = asyncio.Lock()
        parts = self._parts(scope)

        async def in_turns() -> AsyncGenerator[bytes]:
            # A cancelled upload may leave a step running, which has to end before the scope does.
            while True:
                async with turn:
                    part = await anext(parts, None)
                if part is None:
                    return
                if part:
                    yield part

        try:
            return await storage.put(self.export.key, in_turns())
        finally:
            async with turn:
                await parts.aclose()
            await scope.close()

    async def _parts(self, scope: Scope) -> AsyncGenerator[bytes]:
        tenant = await own_tenant(scope)
        await scope.rows(
            select(
                func.set_config("statement_timeout", STATEMENT_TIMEOUT, True),
                func.set_config("idle_in_transaction_session_timeout", IDLE_TIMEOUT, True),
            )
        )
        permissions = frozenset(str(each) for each in self.export.permissions)
        table = TABLES[ExportKind(self.export.kind)]
        columns = table.columns_for(permissions)
        venue = Venue(
            zone(tenant.time_zone),
            reader_of(self.export.tenant_id, permissions),
            self.encode_id,
        )
        writer = await asyncio.to_thread(self._writer, columns)
        try:
            async with aclosing(self._batches(scope, tenant, venue)) as batches:
                async for batch in batches:
                    yield await asyncio.to_thread(_write, writer, columns, batch, venue)
                    self.rows += len(batch)
                    await self._report()
            rest = await asyncio.to_thread(writer.finish)
            while (part := await asyncio.to_thread(next, rest, None)) is not None:
                yield part
        finally:
            await asyncio.to_thread(writer.discard)

    def _writer(self, columns: Sequence[ExportColumn]) -> TableWriter:
        names = [column.name for column in columns]
        match ExportFormat(self.export.format):
            case ExportFormat.CSV:
                return CsvTable(names)
            case ExportFormat.JSONL:
                return JsonLines(names)
            case ExportFormat.XLSX:
                return Spreadsheet(names, self.spool)

    async def _batches(
        self, scope: Scope, tenant: Tenant, venue: Venue
    ) -> AsyncGenerator[Sequence[Any]]:
        """Yields the rows of the database, in batches."""
        export = self.export
        source = TABLES[ExportKind(export.kind)].source
        span = export.span
        if source is None:
            async with aclosing(occupancy_rows(scope, tenant, export)) as computed:
                async for batch in computed:
                    yield batch
            return
        from_at, until_at = (
            (midnight(span.from_, venue.zone), midnight(span.until, venue.zone)) if span else _EVER
        )
        values = {
            "tenant_id": export.tenant_id,
            "from_at": from_at,
            "until_at": until_at,
            "room_ids": export.room_ids and [UUID(each) for each in export.room_ids],
            "categories": export.categories,
        }
        ((self._total,),) = await scope.fetch_prepared(source.count, **values)
        async with aclosing(scope.fetch_batches(source.rows, size=BATCH_ROWS, **values)) as batches:
            async for rows in batches:
                yield rows

    async def _report(self) -> None:
        """Stores the progress, at most once a second. Raises Superseded."""
        if monotonic() < self._next_report:
            return
        statement = progressed(
            self.export.tenant_id,
            self.export.id,
            attempt=self.export.attempt,
            progress=percent_done(self.rows, self._total),
            row_count=self.rows,
        )

        async def store(scope: Scope) -> int:
            return (await scope.run(statement)).rowcount

        system = Actor(ActorKind.SYSTEM, self.export.tenant_id)
        stored = await perform(self.runtime, system, Request(new_id()), store)
        if not stored.result:
            raise Superseded
        self._next_report = monotonic() + PROGRESS_SECONDS


def _write(
    writer: TableWriter, columns: Sequence[ExportColumn], batch: Sequence[Any], venue: Venue
) -> bytes:
    rows: list[Row] = cells_of(columns, batch, venue)
    return writer.write(rows)
