"""Answers many events of a subscription at once: their rows are read by one statement.

Executing the selection set for each event by itself takes ten times as long, most of it in reading
one row at a time.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from graphql import GraphQLObjectType, get_nullable_type, is_abstract_type
from graphql.execution.collect_fields import FieldDetailsList, collect_fields
from orjson import Fragment

from execution.executor import Executor
from execution.list_completion import Complete, NotCompletable, compile_completion
from kit.operation_context import Operation


class Unread:
    """A row of an event that is still to be read; ``text`` is its JSON."""

    __slots__ = ("id", "text")

    def __init__(self, id: UUID) -> None:
        self.id = id
        self.text: str | None = None


class _Rows:
    """The rows of one selection that are read together."""

    def __init__(self, kind: GraphQLObjectType, details: FieldDetailsList) -> None:
        self.kind = kind
        self.details = details
        self.unread: list[Unread] = []

    def complete(self, row: Any) -> Unread | None:
        """Returns a place for the JSON of a row."""
        if row is None:
            return None
        place = Unread(row.id)
        self.unread.append(place)
        return place


class EventBatch:
    """Answers a batch of events to JSON; ``executor`` is one that executes nothing else."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        executor.compile_row = self._row
        root = executor.schema.subscription_type
        assert root is not None
        grouped = collect_fields(
            executor.schema, executor.fragments, executor.variable_values, root, executor.operation
        ).grouped_field_set
        ((self._key, self._details),) = grouped.items()
        self._type = get_nullable_type(root.fields[self._details[0].node.name.value].type)
        self._rows: list[_Rows] = []
        self._completers: dict[type, Complete] = {}

    async def answers(self, events: Sequence[object]) -> list[str | None]:
        """Returns the JSON of each event; None if its row can't be seen any more.

        Raises NotCompletable if they have to be executed one by one, or an error of the database.
        """
        found = [self._complete(event) for event in events]
        for rows in self._rows:
            await self._read(rows)
        return [self._printed(each) for each in found]

    def _complete(self, event: object) -> Any:
        complete = self._completers.get(type(event))
        if complete is None:
            complete = self._completers[type(event)] = self._completer(event)
        return complete(event)

    def _completer(self, event: object) -> Complete:
        kind: Any = self._type
        if is_abstract_type(kind):
            kind = next(
                each
                for each in self._executor.schema.get_possible_types(kind)
                if each.is_type_of is not None and each.is_type_of(event, None)  # type: ignore[arg-type]
            )
        return compile_completion(self._executor, kind, self._details)

    def _row(self, kind: GraphQLObjectType, details: FieldDetailsList) -> Complete:
        rows = _Rows(kind, details)
        self._rows.append(rows)
        return rows.complete

    async def _read(self, rows: _Rows) -> None:
        if not rows.unread:
            return
        plan = await self._executor.row_plan(rows.kind, rows.details)
        if plan is None:
            raise NotCompletable
        operation: Operation = self._executor.context_value
        # A row of several events is read once.
        ids = list(dict.fromkeys([each.id for each in rows.unread]))
        (texts,) = await operation.scope.fetch_raw(plan.plan.sql, plan.values(ids))
        by_id = dict(zip(ids, texts, strict=True))
        for each in rows.unread:
            each.text = by_id[each.id]

    def _printed(self, found: Any) -> str | None:
        try:
            return orjson.dumps({"data": {self._key: found}}, default=_fragment).decode()
        except orjson.JSONEncodeError as error:
            if isinstance(error.__cause__, _Unseen):
                return None
            raise


class _Unseen(Exception):
    """The caller can't see the row any more, but still gets the event."""


def _fragment(place: Unread) -> Fragment:
    if place.text is None:
        raise _Unseen
    return Fragment(place.text)
