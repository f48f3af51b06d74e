"""Caches query plans by everything that decides their SQL, and fills in a request's values."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from itertools import count
from operator import attrgetter
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
import structlog
from graphql import GraphQLObjectType, GraphQLSchema, VariableValues
from graphql.execution.collect_fields import FieldDetailsList
from sqlalchemy import Uuid, select
from sqlalchemy.dialects.postgresql import TIMESTAMP, asyncpg

from kit.actor import Actor
from kit.bounded_cache import SegmentedCache
from kit.graphql.compiler.argument_shapes import Parameter, parameterize, place_of, rebuild
from kit.graphql.compiler.document_signature import NormalizedOperation
from kit.graphql.compiler.leaf_programs import LeafProgram, shape_of
from kit.graphql.compiler.selection import Allows, Selection, Selector
from kit.graphql.compiler.sql_writer import Cursor, Print, Writer
from kit.graphql.field_sources import NotCompilable
from kit.postgres.keyset_pagination import decoded
from kit.postgres.statements import bind_process, set_tenant_cte

log = structlog.get_logger(__name__)

CAPACITY: Final = 1_000
MAX_PROGRAMS: Final = 100
"""For one operation, of all kinds of callers; beyond it all of them are worked out again."""
_DIALECT: Final[Any] = asyncpg.dialect()  # type: ignore[no-untyped-call]
_IDS: Final = tuple(each.name for each in fields(Actor) if each.type == (UUID | None))
_AMBIENT: Final = 1 + len(_IDS)
"""How many values every plan takes: the time, and the ids of the actor."""
_ids_of: Final = attrgetter(*_IDS)


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled statement and its parameters.

    ``keys`` are the root fields that it answers, ``names`` what precedes each of them in JSON.
    ``is_of_row``: it reads one table's rows and what they refer to, and no other rows of it.
    """

    sql: str
    keys: tuple[str, ...]
    names: tuple[bytes, ...]
    bound: tuple[tuple[int, Any], ...]
    cursors: tuple[Cursor, ...]
    is_of_row: bool = False

    def values(self, leaves: Sequence[Any]) -> list[Any]:
        """Returns the values to bind, in order. Raises BadInput for an invalid cursor."""
        leaves = [*leaves]
        for cursor in self.cursors:
            leaves.extend(decoded(leaves[cursor.place], cursor.keys))
        return [
            leaves[place] if process is None else process(leaves[place])
            for place, process in self.bound
        ]


class QueryPlan(NamedTuple):
    """A plan with the values of one request; ``is_whole`` if it answers the whole operation."""

    plan: Plan
    values: Sequence[Any]
    is_whole: bool

    def data(self, texts: Iterable[bytes | None]) -> tuple[bytes, ...]:
        """Returns the response's data as parts of JSON, from the columns of the row."""
        parts: list[bytes] = []
        for name, text in zip(self.plan.names, texts, strict=True):
            parts += name, b"null" if text is None else text
        return *parts, b"}"

    def fragments(self, texts: Iterable[bytes | None]) -> dict[str, orjson.Fragment | None]:
        """Returns the results of the root fields that were read, by response key."""
        return {
            key: None if text is None else orjson.Fragment(text)
            for key, text in zip(self.plan.keys, texts, strict=True)
        }


@dataclass(frozen=True, slots=True)
class RowPlan:
    """A plan for rows that are loaded already, with all values but their ids."""

    plan: Plan
    leaves: tuple[Any, ...]

    def values(self, keys: Sequence[UUID]) -> list[Any]:
        """Returns the values to bind for rows with these ids."""
        return self.plan.values([*self.leaves, list(keys)])

    def of_row(self, id: UUID) -> tuple[str, list[Any]]:
        """Returns the SQL and the values for the row with an id."""
        return self.plan.sql, self.values([id])


@dataclass(frozen=True, slots=True)
class MadePlan:
    """A newly compiled plan: its cache keys, and the values of the request it was made for."""

    key: Hashable
    selection: Selection
    shapes: Hashable = ()
    plan: Plan | None = None
    leaves: Sequence[Any] = ()

    def read(self) -> QueryPlan | None:
        """Returns the plan to run, or None. Raises the refusal of a wrong argument."""
        return _query_plan(self.selection, self.plan, self.leaves) if self.plan else None

    def rows(self) -> RowPlan | None:
        """Returns the plan to run for loaded rows, or None."""
        return _row_plan(self.plan, self.leaves) if self.plan else None


@dataclass(frozen=True, slots=True)
class UnmadePlan:
    """A read without a cached plan. ``make`` takes many milliseconds and may run in any thread."""

    make: Callable[[], MadePlan]


class Plans:
    """Compiles and caches query plans.

    ``scalars`` write each scalar as JSON in SQL; a scalar without an entry can't be compiled.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        scalars: Mapping[str, Print],
        allows: Allows,
        *,
        capacity: int = CAPACITY,
    ) -> None:
        self._schema = schema
        self._scalars = scalars
        self._allows = allows
        self._selections: SegmentedCache[Selection] = SegmentedCache(capacity)
        self._plans: SegmentedCache[Plan] = SegmentedCache(capacity)

    def read(
        self,
        normalized: NormalizedOperation,
        variables: VariableValues,
        actor: Actor,
        now: datetime,
    ) -> QueryPlan | UnmadePlan | None:
        """Returns the plan for the compilable part of an operation; None if there is none.

        Raises the refusal of a wrong argument.
        """
        if actor.tenant_id is None:
            return None
        programmed = actor.profile, shape_of(variables.coerced)
        program = normalized.programs.get(programmed)
        plan = self._plans.get(program.plan) if program is not None else None
        if program is not None and plan is not None:
            leaves = [now, *_ids_of(actor), *program.leaves(variables.coerced)]
            return QueryPlan(plan, plan.values(leaves), program.is_whole)
        key = _key(normalized, variables, actor, None)
        selection = self._selections.get(key)
        if selection is not None:
            if not selection.roots:
                return None
            leaves, shapes = _parameterized(selection, normalized, variables, actor, now)
            plan = self._plans.get((key, shapes))
            if plan is not None:
                found = _query_plan(selection, plan, leaves)
                if found is not None and programmed not in normalized.programs:
                    self._keep_program(programmed, found, (key, shapes), normalized, variables)
                return found
        return UnmadePlan(
            lambda: self._compile(key, normalized, variables, actor, now, Selector.operation)
        )

    def _keep_program(
        self,
        programmed: Hashable,
        found: QueryPlan,
        plan: tuple[Hashable, Hashable],
        normalized: NormalizedOperation,
        variables: VariableValues,
    ) -> None:
        """Keeps how the leaves come of the variables, or that it isn't simple."""
        selection = self._selections.get(plan[0])
        assert selection is not None

        def leaves_of(values: VariableValues) -> Sequence[Any]:
            leaves: list[Any] = []
            for each in selection.plain_argument_values(normalized, values):
                parameterize(each, leaves)
            return leaves

        program = LeafProgram.of(leaves_of, variables, plan=plan, is_whole=found.is_whole)
        if len(normalized.programs) >= MAX_PROGRAMS:
            normalized.programs.clear()
        normalized.programs[programmed] = program

    def keep(self, made: MadePlan) -> MadePlan:
        """Adds a newly compiled plan to the caches."""
        self._selections.put(made.key, made.selection)
        if made.plan is not None:
            self._plans.put((made.key, made.shapes), made.plan)
        return made

    def rows(
        self,
        normalized: NormalizedOperation,
        variables: VariableValues,
        actor: Actor,
        now: datetime,
        *,
        kind: GraphQLObjectType,
        details: FieldDetailsList,
    ) -> RowPlan | UnmadePlan | None:
        """Returns the plan for the selection of loaded rows; None if a statement isn't worth it.

        Raises the refusal of a wrong argument.
        """
        if actor.tenant_id is None:
            return None
        part = (kind.name, normalized.places[id(details[0].node)])
        key = _key(normalized, variables, actor, part)
        selection = self._selections.get(key)
        if selection is not None:
            if not selection.roots:
                return None
            leaves, shapes = _parameterized(selection, normalized, variables, actor, now)
            plan = self._plans.get((key, shapes))
            if plan is not None:
                return _row_plan(plan, leaves)
        return UnmadePlan(
            lambda: self._compile(
                key, normalized, variables, actor, now, lambda each: each.rows(kind, details)
            )
        )

    def _compile(
        self,
        key: Hashable,
        normalized: NormalizedOperation,
        variables: VariableValues,
        actor: Actor,
        now: datetime,
        select_of: Callable[[Selector], Selection],
    ) -> MadePlan:
        selection = select_of(Selector(self._schema, normalized, variables, actor, self._allows))
        for reason in selection.others.values():
            log.info("read.not_compiled", reason=str(reason))
        if not selection.roots:
            return MadePlan(key, selection)
        leaves, shapes = _parameterized(selection, normalized, variables, actor, now)
        plan = self._write(normalized, selection, shapes, actor)
        return MadePlan(key, selection, shapes, plan, leaves)

    def _write(
        self,
        normalized: NormalizedOperation,
        selection: Selection,
        shapes: Sequence[Hashable],
        actor: Actor,
    ) -> Plan:
        places = count(_AMBIENT)
        arguments = {
            each.place: rebuild(shape, places)
            for each, shape in zip(selection.fields_with_arguments, shapes, strict=True)
        }
        scope = SymbolicScope(actor)
        writer = Writer(scope, arguments, self._scalars, self._schema.type_map, places)
        columns: dict[str, Any] = {}
        for key, selected in selection.roots.items():
            try:
                columns[key] = writer.root(selected)
            except Exception as reason:  # noqa: BLE001 - the executor resolves it instead
                where = f"{selected.parent}.{normalized.nodes[selected.place].name.value}"
                why = reason if isinstance(reason, NotCompilable) else type(reason).__name__
                log.info("read.not_compiled", reason=f"{where}: {why}")
        plan = _plan(columns, scope, tuple(writer.cursors))
        return replace(plan, is_of_row=selection.is_of_row)


def _row_plan(plan: Plan, leaves: Sequence[Any]) -> RowPlan | None:
    return RowPlan(plan, tuple(leaves)) if plan.keys else None


def _query_plan(selection: Selection, plan: Plan, leaves: Sequence[Any]) -> QueryPlan | None:
    if not plan.keys:
        return None
    is_whole = len(plan.keys) == len(selection.roots) + len(selection.others)
    return QueryPlan(plan, plan.values(leaves), is_whole)


def _key(
    normalized: NormalizedOperation, variables: VariableValues, actor: Actor, part: Hashable
) -> Hashable:
    """Returns the cache key: everything that decides the selection of a part of an operation."""
    return normalized.signature, actor.profile, _boolean_variables(variables), part


def _parameterized(
    selection: Selection,
    normalized: NormalizedOperation,
    variables: VariableValues,
    actor: Actor,
    now: datetime,
) -> tuple[list[Any], tuple[Hashable, ...]]:
    """Returns the values that a plan takes, and the shapes of the arguments they come from."""
    leaves = [now, *_ids_of(actor)]
    shapes = tuple(
        [parameterize(each, leaves) for each in selection.argument_values(normalized, variables)]
    )
    return leaves, shapes


def _plan(columns: Mapping[str, Any], scope: "SymbolicScope", cursors: tuple[Cursor, ...]) -> Plan:
    listed = [each.label(f"c{n}") for n, each in enumerate(columns.values())]
    statement = select(*listed).select_from(set_tenant_cte(scope.tenant_id))
    compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True})
    processors: Any = compiled._bind_processors  # noqa: SLF001 - what SQLAlchemy itself applies
    return Plan(
        str(compiled),
        tuple(columns),
        tuple(b'%b"%b":' % (b"," if n else b"{", key.encode()) for n, key in enumerate(columns)),
        tuple(
            (place_of(name), bind_process(compiled.binds.get(name), processors.get(name)))
            for name in compiled.positiontup or ()
        ),
        cursors,
    )


def _boolean_variables(variables: VariableValues) -> Hashable:
    """Returns the variables that may decide ``@skip`` and ``@include``."""
    return tuple([each for each in variables.coerced.items() if each[1].__class__ is bool])


class SymbolicScope:
    """Stands in for a scope while a plan is compiled: its values are parameters."""

    def __init__(self, actor: Actor) -> None:
        ids: dict[str, Any] = {
            name: Parameter.at(place, Uuid())
            for place, name in enumerate(_IDS, 1)
            if getattr(actor, name) is not None
        }
        self.actor: Any = replace(actor, **ids)
        self.tenant_id: Any = self.actor.tenant_id
        self._now = Parameter.at(0, TIMESTAMP(timezone=True))

    def now(self) -> Any:
        """The parameter for the time of the request."""
        return self._now

    async def one(self, statement: Any) -> Any:
        """Returns the statement itself, to be compiled into the plan."""
        return statement
