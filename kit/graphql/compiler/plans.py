"""Plans of reads, kept by all that decides how they look, and run with the values of a request."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from itertools import count
from operator import attrgetter
from typing import Any, Final
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
from kit.graphql.compiler.selection import Allows, Selection, Selector
from kit.graphql.compiler.sql_writer import Cursor, Print, Writer
from kit.graphql.field_sources import NotCompilable
from kit.postgres.keyset_pagination import decoded
from kit.postgres.statements import set_tenant_cte

log = structlog.get_logger(__name__)

CAPACITY: Final = 1_000
_DIALECT: Final[Any] = asyncpg.dialect()  # type: ignore[no-untyped-call]
_IDS: Final = tuple(each.name for each in fields(Actor) if each.type == (UUID | None))
_AMBIENT: Final = 1 + len(_IDS)
_ids_of: Final = attrgetter(*_IDS)
"""How many values every plan is told: the time, and the ids of who asks."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One statement, and what is bound to it; ``keys`` are those of the roots it answers."""

    sql: str
    keys: tuple[str, ...]
    bound: tuple[tuple[int, Any], ...]
    cursors: tuple[Cursor, ...]

    def values(self, told: Sequence[Any]) -> list[Any]:
        """What is bound, in the order of the statement. Raises BadInput for a wrong cursor."""
        leaves = [*told]
        for cursor in self.cursors:
            leaves.extend(decoded(leaves[cursor.place], cursor.keys))
        return [
            leaves[place] if process is None else process(leaves[place])
            for place, process in self.bound
        ]


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """A plan with the values of one request. ``is_whole``: it answers all of the operation."""

    plan: Plan
    values: Sequence[Any]
    is_whole: bool

    def data(self, texts: Iterable[str | None]) -> orjson.Fragment:
        """The data of the answer, from the columns of the row that was read."""
        parts = [
            f'"{key}":{"null" if text is None else text}'
            for key, text in zip(self.plan.keys, texts, strict=True)
        ]
        return orjson.Fragment(f"{{{','.join(parts)}}}")

    def fragments(self, texts: Iterable[str | None]) -> dict[str, orjson.Fragment | None]:
        """The answers of the root fields that were read, by their keys."""
        return {
            key: None if text is None else orjson.Fragment(text)
            for key, text in zip(self.plan.keys, texts, strict=True)
        }


@dataclass(frozen=True, slots=True)
class RowPlan:
    """A plan for rows that were found already, with all its values but their ids."""

    plan: Plan
    leaves: tuple[Any, ...]

    def values(self, keys: Sequence[UUID]) -> list[Any]:
        """What is bound, for rows with these ids."""
        return self.plan.values([*self.leaves, list(keys)])


@dataclass(frozen=True, slots=True)
class MadePlan:
    """A selection as ``key`` names it; the plan for what its arguments look like, and the values
    that this one is told.
    """

    key: Hashable
    selection: Selection
    shapes: Hashable = ()
    plan: Plan | None = None
    leaves: Sequence[Any] = ()

    def read(self) -> QueryPlan | None:
        """How to go on with it. Raises what the arguments are refused with."""
        return _read(self.selection, self.plan, self.leaves) if self.plan else None


@dataclass(frozen=True, slots=True)
class UnmadePlan:
    """A read whose plan isn't known yet. Many milliseconds go by in ``make``, in any thread."""

    make: Callable[[], MadePlan]


class Plans:
    """Makes plans and keeps them.

    ``scalars`` say how each scalar looks in SQL; one that isn't named can't be compiled.
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
        self, outline: NormalizedOperation, variables: VariableValues, actor: Actor, now: datetime
    ) -> QueryPlan | UnmadePlan | None:
        """How to read what can be read of an operation at once; None: nothing.

        Raises what the arguments are refused with.
        """
        if actor.tenant_id is None:
            return None
        key = _key(outline, variables, actor, None)
        selection = self._selections.get(key)
        if selection is not None:
            if not selection.roots:
                return None
            leaves, shapes = _lifted(selection, outline, variables, actor, now)
            plan = self._plans.get((key, shapes))
            if plan is not None:
                return _read(selection, plan, leaves)
        return UnmadePlan(
            lambda: self._made(key, outline, variables, actor, now, Selector.operation)
        )

    def keep(self, made: MadePlan) -> MadePlan:
        """Remember what was made."""
        self._selections.put(made.key, made.selection)
        if made.plan is not None:
            self._plans.put((made.key, made.shapes), made.plan)
        return made

    def rows(
        self,
        outline: NormalizedOperation,
        variables: VariableValues,
        actor: Actor,
        now: datetime,
        *,
        kind: GraphQLObjectType,
        details: FieldDetailsList,
    ) -> RowPlan | None:
        """How to read what is selected of rows that were found already; None: it isn't worth it.

        Raises what the arguments are refused with.
        """
        if actor.tenant_id is None:
            return None
        part = (kind.name, outline.places[id(details[0].node)])
        key = _key(outline, variables, actor, part)
        selection = self._selections.get(key)
        if selection is not None:
            if not selection.roots:
                return None
            leaves, shapes = _lifted(selection, outline, variables, actor, now)
            plan = self._plans.get((key, shapes))
        if selection is None or plan is None:
            made = self._made(
                key, outline, variables, actor, now, lambda each: each.rows(kind, details)
            )
            self.keep(made)
            plan, leaves = made.plan, [*made.leaves]
        return RowPlan(plan, tuple(leaves)) if plan is not None and plan.keys else None

    def _made(
        self,
        key: Hashable,
        outline: NormalizedOperation,
        variables: VariableValues,
        actor: Actor,
        now: datetime,
        select_of: Callable[[Selector], Selection],
    ) -> MadePlan:
        selection = select_of(Selector(self._schema, outline, variables, actor, self._allows))
        for reason in selection.others.values():
            log.info("read.not_compiled", reason=str(reason))
        if not selection.roots:
            return MadePlan(key, selection)
        leaves, shapes = _lifted(selection, outline, variables, actor, now)
        plan = self._written(outline, selection, shapes, actor)
        return MadePlan(key, selection, shapes, plan, leaves)

    def _written(
        self,
        outline: NormalizedOperation,
        selection: Selection,
        shapes: Sequence[Hashable],
        actor: Actor,
    ) -> Plan:
        places = count(_AMBIENT)
        told = {
            each.place: rebuild(shape, places)
            for each, shape in zip(selection.argued, shapes, strict=True)
        }
        scope = SymbolicScope(actor)
        writer = Writer(scope, told, self._scalars, self._schema.type_map, places)
        columns: dict[str, Any] = {}
        for key, chosen in selection.roots.items():
            try:
                columns[key] = writer.root(chosen)
            except Exception as reason:  # noqa: BLE001 - such functions are called as usual
                where = f"{chosen.parent}.{outline.nodes[chosen.place].name.value}"
                why = reason if isinstance(reason, NotCompilable) else type(reason).__name__
                log.info("read.not_compiled", reason=f"{where}: {why}")
        return _plan(columns, scope, tuple(writer.cursors))


def _read(selection: Selection, plan: Plan, leaves: Sequence[Any]) -> QueryPlan | None:
    if not plan.keys:
        return None
    is_whole = len(plan.keys) == len(selection.roots) + len(selection.others)
    return QueryPlan(plan, plan.values(leaves), is_whole)


def _key(
    outline: NormalizedOperation, variables: VariableValues, actor: Actor, part: Hashable
) -> Hashable:
    """All that decides what is selected in a part of an operation."""
    return outline.signature, actor.profile, _boolean_variables(variables), part


def _lifted(
    selection: Selection,
    outline: NormalizedOperation,
    variables: VariableValues,
    actor: Actor,
    now: datetime,
) -> tuple[list[Any], tuple[Hashable, ...]]:
    """The values that a plan is told, and how they look without them."""
    leaves = [now, *_ids_of(actor)]
    shapes = tuple(
        [parameterize(each, leaves) for each in selection.told(outline.nodes, variables)]
    )
    return leaves, shapes


def _plan(columns: Mapping[str, Any], scope: "SymbolicScope", cursors: tuple[Cursor, ...]) -> Plan:
    listed = [each.label(f"c{n}") for n, each in enumerate(columns.values())]
    statement = select(*listed).select_from(set_tenant_cte(scope.tenant_id))
    compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True})
    processors = compiled._bind_processors  # noqa: SLF001 - what SQLAlchemy itself applies
    return Plan(
        str(compiled),
        tuple(columns),
        tuple((place_of(name), processors.get(name)) for name in compiled.positiontup or ()),
        cursors,
    )


def _boolean_variables(variables: VariableValues) -> Hashable:
    """All that may decide, by ``@skip`` and ``@include``, which fields are left out."""
    return tuple([each for each in variables.coerced.items() if each[1].__class__ is bool])


class SymbolicScope:
    """A scope as functions see it while a plan is made: its values are symbols."""

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
        """The time of the request."""
        return self._now

    async def one(self, statement: Any) -> Any:
        """The statement itself, which is what is wanted of it."""
        return statement
