"""Plans of reads, kept by all that decides how they look, and run with the values of a request."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from itertools import count
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import orjson
import structlog
from graphql import (
    FieldNode,
    GraphQLObjectType,
    GraphQLSchema,
    VariableValues,
    get_argument_values,
)
from graphql.execution.collect_fields import FieldDetailsList
from sqlalchemy import Text, Uuid, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP, asyncpg

from kit.compiled.documents import Outline
from kit.compiled.selection import ROWS, Allows, Chosen, Selection, Selector
from kit.compiled.shapes import Symbol, lift, symbol, symbolic
from kit.compiled.sql import Cursor, Print, Writer
from kit.keyset import decoded
from kit.recent import Recent
from kit.scope import Actor

V = TypeVar("V")

log = structlog.get_logger(__name__)

CAPACITY: Final = 1_000
_DIALECT: Final[Any] = asyncpg.dialect()  # type: ignore[no-untyped-call]
_IDS: Final = tuple(each.name for each in fields(Actor) if each.type == (UUID | None))
_AMBIENT: Final = 1 + len(_IDS)
"""How many values every plan is told: the time, and the ids of who asks."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One statement, and what is bound to it; ``keys`` are those of the roots it answers."""

    sql: str
    keys: tuple[str, ...]
    bound: tuple[tuple[int, Any], ...]
    cursors: tuple[Cursor, ...]

    def values(self, leaves: list[Any]) -> list[Any]:
        """What is bound, in the order of the statement. Raises BadInput for a wrong cursor."""
        for cursor in self.cursors:
            leaves.extend(decoded(leaves[cursor.text_place], cursor.keys))
        return [
            leaves[place] if process is None else process(leaves[place])
            for place, process in self.bound
        ]


@dataclass(frozen=True, slots=True)
class Read:
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
class Rows:
    """A plan for rows that were found already, with all its values but their ids."""

    plan: Plan
    leaves: tuple[Any, ...]

    def values(self, keys: Sequence[UUID]) -> list[Any]:
        """What is bound, for rows with these ids."""
        return self.plan.values([*self.leaves, list(keys)])


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
        self._selections: Proven[Selection] = Proven(capacity)
        self._plans: Proven[Plan] = Proven(capacity)

    def read(
        self, outline: Outline, variables: VariableValues, actor: Actor, now: datetime
    ) -> Read | None:
        """How to read what can be read of an operation at once; None: nothing.

        Raises what the arguments are refused with.
        """
        if actor.tenant_id is None:
            return None
        key = (outline.signature, _caller(actor), outline.switched(variables))
        selection = self._selections.get(key)
        if selection is None:
            selection = Selector(self._schema, outline, variables, actor, self._allows).operation()
            self._selections.put(key, selection)
        if selection.is_empty:
            return None
        leaves = _ambient(actor, now)
        told, shape = _told(selection.argued, outline.nodes, variables, leaves)
        plan = self._plans.get((key, shape))
        if plan is None:
            plan = self._made(selection.roots, told, actor)
            self._plans.put((key, shape), plan)
        if not plan.keys:
            return None
        return Read(plan, plan.values(leaves), len(plan.keys) == len(selection.roots))

    def rows(
        self,
        outline: Outline,
        variables: VariableValues,
        actor: Actor,
        now: datetime,
        *,
        kind: GraphQLObjectType,
        details: FieldDetailsList,
    ) -> "Rows | None":
        """How to read what is selected of rows that were found already; None: it isn't worth it.

        Raises what the arguments are refused with.
        """
        if actor.tenant_id is None:
            return None
        place = outline.places[id(details[0].node)]
        key = (outline.signature, _caller(actor), outline.switched(variables), kind.name, place)
        selection = self._selections.get(key)
        if selection is None:
            selector = Selector(self._schema, outline, variables, actor, self._allows)
            selection = selector.rows(kind, details)
            self._selections.put(key, selection)
        if selection.is_empty:
            return None
        leaves = _ambient(actor, now)
        told, shape = _told(selection.argued, outline.nodes, variables, leaves)
        plan = self._plans.get((key, shape))
        if plan is None:
            plan = self._made(selection.roots, told, actor)
            self._plans.put((key, shape), plan)
        return Rows(plan, tuple(leaves)) if plan.keys else None

    def _made(
        self, roots: Mapping[str, Chosen | None], told: Mapping[int, Any], actor: Actor
    ) -> Plan:
        places = count(_AMBIENT)
        symbols = {
            place: symbolic(value, lambda leaf: symbol(leaf, next(places)))
            for place, value in told.items()
        }
        scope = _Imagined(actor)
        keys = Symbol.at(next(places), ARRAY(Uuid())) if ROWS in roots else None
        writer = Writer(
            scope,
            symbols,
            self._scalars,
            self._schema.type_map.__getitem__,
            lambda kind: Symbol.at(next(places), kind),
        )
        columns: dict[str, Any] = {}
        for key, chosen in roots.items():
            if chosen is not None:
                try:
                    columns[key] = (
                        cast(writer.root(chosen), Text())
                        if keys is None
                        else writer.rows(chosen, keys)
                    )
                except Exception as reason:  # noqa: BLE001 - such functions are called as usual
                    log.debug("uncompiled", field=key, reason=repr(reason))
        return _plan(columns, scope, tuple(writer.cursors))


def _plan(columns: dict[str, Any], scope: "_Imagined", cursors: tuple[Cursor, ...]) -> Plan:
    # If it were ever run later than the rest, row-level security would show no rows at all.
    setting = select(func.set_config("app.tenant", cast(scope.tenant_id, Text()), True))
    tenant = setting.cte("t").prefix_with("MATERIALIZED")
    listed = [each.label(f"c{n}") for n, each in enumerate(columns.values())]
    statement = select(*listed).select_from(tenant)
    compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True})
    processors = compiled._bind_processors  # noqa: SLF001 - what SQLAlchemy itself applies
    return Plan(
        str(compiled),
        tuple(columns),
        tuple((int(name[1:]), processors.get(name)) for name in compiled.positiontup or ()),
        cursors,
    )


def _told(
    argued: Sequence[Chosen],
    nodes: Sequence[FieldNode],
    variables: VariableValues,
    leaves: list[Any],
) -> tuple[dict[int, Any], Hashable]:
    """What fields are told, by their place; and its shape, the leaves put on the list."""
    told: dict[int, Any] = {}
    shape: list[Hashable] = []
    for chosen in argued:
        assert chosen.field is not None
        arguments = get_argument_values(chosen.field, nodes[chosen.place], variables)
        value = told[chosen.place] = chosen.reading.decode(arguments)
        shape.append(lift(value, leaves))
    return told, tuple(shape)


def _ambient(actor: Actor, now: datetime) -> list[Any]:
    return [now, *[getattr(actor, name) for name in _IDS]]


def _caller(actor: Actor) -> Hashable:
    """All of who asks that decides how a statement looks."""
    present = tuple([getattr(actor, name) is not None for name in _IDS])
    return actor.kind, actor.role, actor.plan, actor.scopes, present


class _Imagined:
    """A scope as functions see it while a plan is made: its values are symbols."""

    def __init__(self, actor: Actor) -> None:
        ids: dict[str, Any] = {
            name: Symbol.at(place, Uuid())
            for place, name in enumerate(_IDS, 1)
            if getattr(actor, name) is not None
        }
        self.actor: Any = replace(actor, **ids)
        self.tenant_id: Any = self.actor.tenant_id
        self._now = Symbol.at(0, TIMESTAMP(timezone=True))

    def now(self) -> Any:
        """The time of the request."""
        return self._now

    async def one(self, statement: Any) -> Any:
        """The statement itself, which is what is wanted of it."""
        return statement


class Proven(Generic[V]):
    """What was asked for again stays, whatever passes through: two lists of the last ones."""

    def __init__(self, capacity: int) -> None:
        self._new: Recent[V] = Recent(capacity // 2)
        self._proven: Recent[V] = Recent(capacity // 2)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._proven or key in self._new

    def __len__(self) -> int:
        return len(self._proven) + len(self._new)

    def get(self, key: Hashable) -> V | None:
        """The value, which has proven itself by being asked for."""
        found = self._proven.get(key)
        if found is not None:
            self._proven.put(key, found)
        elif (found := self._new.get(key)) is not None:
            self._new.drop(key)
            self._proven.put(key, found)
        return found

    def put(self, key: Hashable, value: V) -> None:
        self._new.put(key, value)
