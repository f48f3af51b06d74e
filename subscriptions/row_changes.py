"""Live: how far a job has come with a row, such as an export.

Progress isn't logged, because nobody needs it later. So the row is read once a second, once for all
subscribers of the same row in a process.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Select

from kit.errors import BadInput
from kit.events.event_cursors import EventCursor
from kit.events.event_streams import StreamItem
from kit.operation_context import Operation
from kit.scope import Scope
from permissions.policy import may, refusal
from permissions.roles import Permission
from subscriptions.log_replay import read_with_retry

READ_SECONDS: Final = 1.0
_NO_CURSOR: Final = EventCursor("")


class Versioned(Protocol):
    """A row whose version grows with each change."""

    version: Any


T = TypeVar("T", bound=Versioned)


@dataclass(slots=True)
class RowChanges(Generic[T]):
    """The source of the changes of one row; their marks are its versions."""

    id: UUID
    find: Callable[[UUID, UUID], Select[T]]
    """Selects the row of a tenant with an id."""
    requires: Permission
    what: str
    _last: T | None = field(default=None)

    @asynccontextmanager
    async def live(self, operation: Operation) -> AsyncIterator[AsyncGenerator[StreamItem[T]]]:
        async with aclosing(self._changes(operation)) as steps:
            yield steps

    async def replay(
        self,
        operation: Operation,
        after: EventCursor | None,  # noqa: ARG002 - the state is all there is to replay
    ) -> AsyncGenerator[Sequence[StreamItem[T]]]:
        row = await read_with_retry(operation, self._read)
        await operation.release()
        if row is None:
            raise BadInput(f"There is no such {self.what}.")
        yield [_step(row)]

    def gap_event(self, cursor: EventCursor) -> T:  # noqa: ARG002
        # Each event has the whole state, so that the last one makes up for those dropped.
        assert self._last is not None
        return self._last

    async def _changes(self, operation: Operation) -> AsyncGenerator[StreamItem[T]]:
        version = 0
        while True:
            row = await read_with_retry(operation, self._read)
            # No connection is held while waiting.
            await operation.release()
            if row is not None and row.version > version:
                version = row.version
                yield _step(row)
            await asyncio.sleep(READ_SECONDS)

    async def _read(self, scope: Scope) -> T | None:
        if not may(scope.actor, self.requires):
            raise refusal(scope.actor, self.requires)
        self._last = await scope.one(self.find(scope.tenant_id, self.id)) or self._last
        return self._last


def _step(row: T) -> StreamItem[T]:
    return StreamItem((row.version,), _NO_CURSOR, row)
