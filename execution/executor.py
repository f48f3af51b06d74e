"""Executes operations field by field, and merges in the fields of a compiled read."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence, Set
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog
from graphql import GraphQLList, GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.pyutils import AwaitableOrValue, Path
from orjson import Fragment
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from execution.error_formatting import REFUSALS
from execution.list_completion import (
    CompileRow,
    ListCompletion,
    NotCompletable,
    compile_list_completion,
)
from kit.graphql.compiler.document_signature import NormalizedOperation
from kit.graphql.compiler.plans import Plans, RowPlan, UnmadePlan
from kit.graphql.field_sources import KIND
from kit.graphql.flat_document import CEILING
from kit.graphql.value_runs import ValueRuns
from kit.graphql.work_meter import FIELD_BY_ITSELF, WAITING, Meter, Weighed
from kit.operation_context import Operation
from kit.time_slice import TimeSlice

T = TypeVar("T")

INTROSPECTION: Final = ("__schema", "__type")

log = structlog.get_logger(__name__)

Beside = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Runs work outside the event loop."""

CompiledRead = Callable[[], Awaitable[Mapping[str, Any]]]
"""Returns the results of the compiled root fields, or raises their error."""


def _list_of(parts: Sequence[bytes]) -> Fragment:
    return Fragment(b"[%b]" % b",".join(parts))


class Executor(StrawberryGraphQLCoreExecutionContext):
    """Executes an operation, of which ``reading`` reads the root fields in ``keys``."""

    keys: Sequence[str] = ()
    reading: CompiledRead | None = None
    beside: Beside | None = None
    plans: Plans | None = None
    outline: NormalizedOperation
    with_values = True
    meter: Meter
    compile_row: CompileRow | None = None
    _completers: dict[int, tuple[FieldDetailsList, ListCompletion | None]] | None = None
    _task: asyncio.Task[Any] | None = None
    _noted: Set[str] = frozenset()

    async def with_abort_signal(self, awaitable: Awaitable[T]) -> T:
        """Awaits the value of a field to the end, even if its object has failed.

        Other fields may wait for the same rows, and all share one connection, which is lost if a
        statement is cancelled. Only cancelling the whole operation cancels it.
        """
        self.meter.add(WAITING)
        working = asyncio.ensure_future(awaitable)
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            try:
                if not self._is_given_up:
                    await asyncio.wait([working])
            finally:
                if self._is_given_up:
                    working.cancel()
            raise

    @property
    def _is_given_up(self) -> bool:
        """Whether the whole operation is being cancelled."""
        return self._task is not None and self._task.cancelling() > 0

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Any,
    ) -> AwaitableOrValue[dict[str, Any]]:
        """Executes the fields of an object one by one, and meters that work first."""
        work = len(grouped_field_set) * FIELD_BY_ITSELF
        if isinstance(source_value, Weighed):
            names = [details[0].node.name.value for details in grouped_field_set.values()]
            work += source_value.work(names)
        self.meter.add(work)
        return super().execute_fields(
            parent_type, source_value, path, grouped_field_set, position_context
        )

    def complete_list_value(
        self,
        return_type: GraphQLList[GraphQLOutputType],
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> AwaitableOrValue[list[Any]]:
        """Completes a list; in bulk if its fields only read attributes."""

        def by_fields() -> AwaitableOrValue[list[Any]]:
            return super(Executor, self).complete_list_value(
                return_type, field_details_list, info, path, result, position_context
            )

        complete = self._completer(return_type, field_details_list) if self.with_values else None
        if complete is None:
            return by_fields()
        try:
            printing = complete.print_runs(result) if isinstance(result, ValueRuns) else None
            if printing is None:
                return complete(result)  # type: ignore[no-any-return]
            return self._printed(printing, info.field_name, by_fields)
        except Exception as odd:  # noqa: BLE001 - the fields themselves report it
            self._note("list.not_completed", info.field_name, odd)
            return by_fields()

    def _printed(
        self,
        printing: Iterator[bytes],
        field: str,
        by_fields: Callable[[], AwaitableOrValue[list[Any]]],
    ) -> AwaitableOrValue[Any]:
        """Prints the runs of a list; awaitable if that takes long."""
        slice_ = TimeSlice()
        parts: list[bytes] = []
        for part in printing:
            parts.append(part)
            if slice_.is_over:
                break
        else:
            return _list_of(parts)

        async def rest() -> Any:
            try:
                await slice_.give_way()
                for part in printing:
                    parts.append(part)
                    await slice_.give_way()
            except Exception as odd:  # noqa: BLE001 - the fields themselves report it
                self._note("list.not_completed", field, odd)
                done = by_fields()
                return await done if self.is_awaitable(done) else done
            return _list_of(parts)

        return rest()

    def _note(self, event: str, field: str, error: Exception) -> None:
        """Logs that something is done the slow way, once per operation."""
        if event not in self._noted:
            self._noted = {*self._noted, event}
            operation: Operation = self.context_value
            log.warning(
                event, request=operation.request_id, field=field, reason=type(error).__name__
            )

    def _completer(
        self, kind: GraphQLList[GraphQLOutputType], details: FieldDetailsList
    ) -> ListCompletion | None:
        """Returns the function that completes such a list in bulk; None if there is none."""
        if self._completers is None:
            self._completers = {}
        found = self._completers.get(id(details))
        if found is None:
            try:
                complete = compile_list_completion(self, kind, details)
            except NotCompletable:
                complete = None
            # Stored with its selection, so that the id() isn't reused.
            found = self._completers[id(details)] = (details, complete)
        return found[1]

    def complete_object_value(
        self,
        return_type: GraphQLObjectType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> AwaitableOrValue[dict[str, Any]]:
        """Completes an object; the row of a mutation or an event, by a compiled read."""
        completed = super().complete_object_value
        kind = return_type.extensions.get(KIND)
        if self.plans is None or kind is None or not isinstance(result, kind.model):
            return completed(return_type, field_details_list, info, path, result, position_context)
        return self._read_row(
            return_type,
            field_details_list,
            result,
            lambda: completed(
                return_type, field_details_list, info, path, result, position_context
            ),
        )

    def _read_row(
        self,
        kind: GraphQLObjectType,
        details: FieldDetailsList,
        row: Any,
        completed: Callable[[], AwaitableOrValue[dict[str, Any]]],
    ) -> AwaitableOrValue[Any]:
        scope = self.context_value.scope
        try:
            found = self._row_plan(kind, details)
        except Exception as error:  # noqa: BLE001 - the fields themselves report it
            self._note_failed_plan(details, error)
            found = None
        if found is None:
            return completed()

        async def load(keys: list[UUID]) -> list[str | None]:
            rows = await self._made(found, details) if isinstance(found, UnmadePlan) else found
            if rows is None:
                return [None] * len(keys)
            (texts,) = await scope.fetch_raw(rows.plan.sql, rows.values(keys))
            return list(texts)

        async def read() -> Any:
            text = await scope.loaders.batch(("rows", id(details)), load, row.id)
            if text is not None:
                return Fragment(text)
            # The caller can't see the row any more, but still gets this event or result.
            done = completed()
            return await done if self.is_awaitable(done) else done

        return read()

    async def row_plan(self, kind: GraphQLObjectType, details: FieldDetailsList) -> RowPlan | None:
        """Returns the plan that reads the rows of a selection; None if there is none."""
        found = self._row_plan(kind, details)
        return await self._made(found, details) if isinstance(found, UnmadePlan) else found

    def _row_plan(
        self, kind: GraphQLObjectType, details: FieldDetailsList
    ) -> RowPlan | UnmadePlan | None:
        operation: Operation = self.context_value
        assert self.plans is not None
        return self.plans.rows(
            self.outline,
            self.variable_values,
            operation.actor,
            operation.scope.now(),
            kind=kind,
            details=details,
        )

    async def _made(self, unmade: UnmadePlan, details: FieldDetailsList) -> RowPlan | None:
        """Compiles the plan of rows outside the event loop; None if that fails."""
        assert self.plans is not None and self.beside is not None
        try:
            return self.plans.keep(await self.beside(unmade.make)).rows()
        except Exception as error:  # noqa: BLE001 - the fields themselves report it
            self._note_failed_plan(details, error)
            return None

    def _note_failed_plan(self, details: FieldDetailsList, error: Exception) -> None:
        if not isinstance(error, REFUSALS):
            self._note("plan.failed", details[0].node.name.value, error)

    def execute_root_grouped_field_set(
        self,
        root_type: GraphQLObjectType,
        root_value: Any,
        grouped_field_set: GroupedFieldSet,
        serially: bool,
        position_context: Any,
    ) -> AwaitableOrValue[dict[str, Any]]:
        """Executes all root fields, in the order of the document."""
        self._task = asyncio.current_task()
        introspection = {
            key: each
            for key, each in grouped_field_set.items()
            if self.beside is not None and each[0].node.name.value in INTROSPECTION
        }
        if introspection:
            return self._introspected(
                root_type, root_value, grouped_field_set, introspection, position_context
            )
        return self._resolved(root_type, root_value, grouped_field_set, serially, position_context)

    async def _introspected(
        self,
        root_type: GraphQLObjectType,
        root_value: Any,
        fields: GroupedFieldSet,
        introspection: GroupedFieldSet,
        position_context: Any,
    ) -> dict[str, Any]:
        """Executes all root fields, of which ``introspection`` is slow and runs in a thread."""
        assert self.beside is not None
        execute = super().execute_root_grouped_field_set
        # Not metered: its cost covers the work, and buckets aren't thread-safe.
        meter, self.meter = self.meter, Meter(CEILING, lambda _: None)
        try:
            answers = await self.beside(
                lambda: execute(root_type, root_value, introspection, False, position_context)
            )
        finally:
            self.meter = meter
        rest = {key: each for key, each in fields.items() if key not in introspection}
        resolved = self._resolved(root_type, root_value, rest, False, position_context)
        others: Any = await resolved if self.is_awaitable(resolved) else resolved
        answers.update(others)
        return {key: answers[key] for key in fields if key in answers}

    def _resolved(
        self,
        root_type: GraphQLObjectType,
        root_value: Any,
        grouped_field_set: GroupedFieldSet,
        serially: bool,
        position_context: Any,
    ) -> AwaitableOrValue[dict[str, Any]]:
        """Executes the root fields other than introspection."""
        if self.reading is None:
            return super().execute_root_grouped_field_set(
                root_type, root_value, grouped_field_set, serially, position_context
            )
        rest = {key: each for key, each in grouped_field_set.items() if key not in self.keys}
        resolved = super().execute_root_grouped_field_set(
            root_type, root_value, rest, serially, position_context
        )
        return self._merged(root_type, grouped_field_set, resolved, self.reading)

    async def _merged(
        self,
        root_type: GraphQLObjectType,
        fields: GroupedFieldSet,
        resolved: AwaitableOrValue[dict[str, Any]],
        reading: CompiledRead,
    ) -> dict[str, Any]:
        waited: Any = await resolved if self.is_awaitable(resolved) else resolved
        answers: dict[str, Any] = waited
        try:
            answers.update(await reading())
        except Exception as error:  # noqa: BLE001 - reported as the error of each field
            for key in self.keys:
                answers[key] = self._failed_root(root_type, key, fields[key], error)
        return {key: answers[key] for key in fields if key in answers}

    def _failed_root(
        self, root_type: GraphQLObjectType, key: str, details: FieldDetailsList, error: Exception
    ) -> str | None:
        """Returns the result of a root field that couldn't be read, and reports the error."""
        name = details[0].node.name.value
        if name == "__typename":
            return root_type.name
        path = Path(None, key, root_type.name)
        self.handle_field_error(error, root_type.fields[name].type, details, path)
        return None
