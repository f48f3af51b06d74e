"""Live: how far an export has come.

Progress isn't logged, because nobody needs it later. So the row is read once a second, once for all
subscribers of the same export in a process.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Final

from typing_extensions import Doc

from domain.core.ids import ExportId
from kit.errors import BadInput
from kit.events.event_cursors import EventCursor
from kit.events.event_streams import EventStream, StreamItem
from kit.operation_context import Operation
from kit.scope import Scope
from models.analytics.exports import Export, export_of
from permissions.policy import may, refusal
from permissions.roles import P
from subscriptions.log_replay import read_with_retry

READ_SECONDS: Final = 1.0
_NO_CURSOR: Final = EventCursor("")


def export_changed(
    operation: Operation, *, id: Annotated[ExportId, Doc("The id of the export.")]
) -> EventStream[Export]:
    """The export as it is now, and after every change: at most one a second."""
    return EventStream(operation, ExportChanges(id), None)


@dataclass(slots=True)
class ExportChanges:
    """The source of the changes of one export; their marks are its versions."""

    id: ExportId
    _last: Export | None = field(default=None)

    @asynccontextmanager
    async def live(self, operation: Operation) -> AsyncIterator[AsyncGenerator[StreamItem[Export]]]:
        async with aclosing(self._changes(operation)) as steps:
            yield steps

    async def replay(
        self,
        operation: Operation,
        after: EventCursor | None,  # noqa: ARG002 - the state is all there is to replay
    ) -> AsyncGenerator[Sequence[StreamItem[Export]]]:
        export = await read_with_retry(operation, self._read)
        await operation.release()
        if export is None:
            raise BadInput("There is no such export.")
        yield [_step(export)]

    def gap_event(self, cursor: EventCursor) -> Export:  # noqa: ARG002
        # Each event has the whole state, so that the last one makes up for those dropped.
        assert self._last is not None
        return self._last

    async def _changes(self, operation: Operation) -> AsyncGenerator[StreamItem[Export]]:
        version = 0
        while True:
            export = await read_with_retry(operation, self._read)
            # No connection is held while waiting.
            await operation.release()
            if export is not None and export.version > version:
                version = export.version
                yield _step(export)
            await asyncio.sleep(READ_SECONDS)

    async def _read(self, scope: Scope) -> Export | None:
        if not may(scope.actor, P.ANALYTICS_READ):
            raise refusal(scope.actor, P.ANALYTICS_READ)
        self._last = await scope.one(export_of(scope.tenant_id, self.id)) or self._last
        return self._last


def _step(export: Export) -> StreamItem[Export]:
    return StreamItem((export.version,), _NO_CURSOR, export)
