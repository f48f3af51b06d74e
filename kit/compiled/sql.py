"""From a selection to SQL: an expression that is the JSON text of the answer.

PostgreSQL is to print what orjson prints: no spaces, so ``row_to_json`` rather than
``json_build_object``; and lists in their order, so ``array_agg`` with one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import iscoroutine
from itertools import count
from typing import Any, Final

from graphql import (
    GraphQLEnumType,
    GraphQLScalarType,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)
from sqlalchemy import (
    JSON,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Text,
    and_,
    case,
    cast,
    column,
    func,
    literal,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import quoted_name

from kit.compiled.readings import (
    KIND,
    Attribute,
    Expressed,
    Found,
    Identified,
    Identity,
    Ids,
    Paged,
    Part,
    Related,
    Unreadable,
    Value,
    Values,
)
from kit.compiled.selection import Chosen
from kit.keyset import Listing, Order, Window, counted, cursor_text, page_statement
from kit.loaders import link

Print = Callable[[ColumnElement[Any]], ColumnElement[Any]]
"""How a scalar looks in JSON."""

_NULL: Final = literal_column("NULL::json", JSON())
_WHOLE: Final = "o$"
"""What a row that is shown as a whole is called: no key of a client is."""


class JsonObject(ColumnElement[Any]):
    """An object with these keys, in their order: the JSON of a row that has no table."""

    inherit_cache = False
    type = JSON()

    def __init__(self, parts: Sequence[tuple[str, ColumnElement[Any]]]) -> None:
        self.parts = parts

    @property
    def _from_objects(self) -> list[FromClause]:
        return [each for _, part in self.parts for each in part._from_objects]  # noqa: SLF001


@compiles(JsonObject)
def _json_object(element: JsonObject, compiler: Any, **options: Any) -> str:
    options.pop("add_to_result_map", None)
    options["within_columns_clause"] = False
    quote = compiler.preparer.quote_identifier
    listed = ", ".join(
        f"{compiler.process(part, **options)} AS {quote(key)}" for key, part in element.parts
    )
    # Quoted above.
    return f"(SELECT row_to_json({_WHOLE}) FROM (SELECT {listed}) {_WHOLE})"  # noqa: S608


class Row:
    """A row of a table or of a subquery: its columns are attributes."""

    def __init__(self, entity: Any, source: FromClause) -> None:
        self.entity = entity
        self.source = source

    def __getattr__(self, name: str) -> Any:
        try:
            return self.source.c[name]
        except KeyError:
            raise Unreadable(f"{self.entity.__name__}.{name} is no column") from None


@dataclass(eq=False)
class Block:
    """A SELECT in the making: where its rows come from, and what relations add to each."""

    source: FromClause
    joined: dict[tuple[Any, str], Row] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A cursor that is told at run time: what it holds is bound to the places after ``place``."""

    text_place: int
    keys: tuple[Order, ...]
    place: int


class Writer:
    """Writes what is selected, as one caller may see it.

    ``told`` are the symbolic arguments of fields by their place in the document; ``fresh`` makes
    a symbol for each value that a cursor holds.
    """

    def __init__(
        self,
        scope: Any,
        told: Mapping[int, Any],
        scalars: Mapping[str, Print],
        possible: Callable[[str], Any],
        fresh: Callable[[Any], Any],
    ) -> None:
        self._scope = scope
        self.told = told
        self._scalars = scalars
        self._type_named = possible
        self._fresh = fresh
        self._numbers = count(1)
        self.cursors: list[Cursor] = []

    # -------------------------------------------------------------------------- roots

    def root(self, chosen: Chosen) -> ColumnElement[Any]:
        """The JSON of a root field. Raises Unreadable."""
        match chosen.reading:
            case None:
                return literal(f'"{chosen.parent}"')
            case Paged() as paged:
                return self._connection(chosen, paged, parent=None)
            case Found() as found:
                told = self.told.get(chosen.place, {})
                statement = _driven(found.resolve(self._scope, **told))
                return self._found(chosen.of(chosen.type.name), statement)
            case Identified():
                return self._identified(chosen, self.told[chosen.place])
            case _:
                raise Unreadable("no root")

    def rows(self, chosen: Chosen, keys: Any) -> ColumnElement[Any]:
        """The JSON of rows by their ids, as an array in that order; null for what isn't seen."""
        asked = func.unnest(keys).table_valued(
            column("key", keys.type.item_type), with_ordinality="n", name="asked"
        )
        asked = asked.render_derived()
        each = cast(self._by_key(chosen, chosen.type.name, asked), Text())
        listed = func.array_agg(aggregate_order_by(each, asked.c.n))
        return select(listed).select_from(asked).scalar_subquery()

    def _found(self, chosen: Sequence[Chosen], statement: Any) -> ColumnElement[Any]:
        if statement is None:
            return _NULL
        entity = statement.column_descriptions[0]["entity"]
        block = Block(self.named(statement.limit(literal_column("1"))))
        shown = self.object(chosen, Row(entity, block.source), block)
        return self._query(block, shown).scalar_subquery()

    def _identified(self, chosen: Chosen, ids: Ids) -> ColumnElement[Any]:
        asked = func.unnest(ids.keys, ids.names).table_valued(
            column("key", ids.keys.type.item_type),  # type: ignore[attr-defined]
            column("name", Text()),
            with_ordinality="n",
            name="asked",
        )
        asked = asked.render_derived()
        # Of what isn't one of our types, or isn't for the caller at all, nothing is selected.
        by_type = [
            (asked.c.name == literal(name), self._by_key(chosen, name, asked))
            for name in sorted(ids.types & chosen.below.keys())
        ]
        each = case(*by_type) if by_type else _NULL
        if is_list_type(get_nullable_type(chosen.field.type)):  # type: ignore[union-attr]
            return select(_listed(each, asked.c.n)).select_from(asked).scalar_subquery()
        return select(each).select_from(asked).scalar_subquery()

    def _by_key(self, chosen: Chosen, type_name: str, asked: Any) -> ColumnElement[Any]:
        kind = self._type_named(type_name).extensions[KIND]
        statement = kind.visible(self._scope).where(kind.model.id == asked.c.key)
        block = Block(self.named(statement.correlate(asked)))
        shown = self.object(chosen.of(type_name), Row(kind.model, block.source), block)
        return self._query(block, shown).correlate(asked).scalar_subquery()

    # -------------------------------------------------------------------------- fields

    def object(self, chosen: Sequence[Chosen], row: Any, block: Block) -> JsonObject:
        return JsonObject([(each.key, self.field(each, row, block)) for each in chosen])

    def field(self, chosen: Chosen, row: Any, block: Block) -> ColumnElement[Any]:
        match chosen.reading:
            case None:
                return _name(chosen.parent)
            case Attribute(name):
                return self._shown(chosen, getattr(row, name), block)
            case Identity():
                return _opaque(chosen.parent, row.id)
            case Expressed(make):
                return self._shown(chosen, make(self._scope, row), block)
            case Related(relation):
                return self._related(chosen, row, relation, block)
            case Paged() as paged:
                return self._connection(chosen, paged, parent=row)
            case _:
                raise Unreadable("only on pages")

    def _shown(self, chosen: Chosen, value: Any, block: Block) -> ColumnElement[Any]:
        assert chosen.field is not None
        if isinstance(value, Values):
            return self._values(chosen, value)
        if is_leaf_type(chosen.type):
            return self._leaf(chosen, value)
        if is_list_type(get_nullable_type(chosen.field.type)):
            raise Unreadable(f"{chosen.field} lists what is no list in SQL")
        shown = self.object(_typed(chosen), value, block)
        present = value.present if isinstance(value, Value) else None
        return shown if present is None else case((present, shown))

    def _values(self, chosen: Chosen, values: Values) -> ColumnElement[Any]:
        block = Block(values.source)
        if is_leaf_type(chosen.type):
            shown = self._leaf(chosen, values.value)
        else:
            shown = self.object(_typed(chosen), values.value, block)
        return self._query(block, _listed(shown, values.order)).scalar_subquery()

    def _leaf(self, chosen: Chosen, value: Any) -> ColumnElement[Any]:
        if not isinstance(value, ColumnElement):
            raise Unreadable(f"{chosen.field} has no value in SQL")
        match chosen.type:
            case GraphQLEnumType() as enum:
                return _enum_name(enum, value)
            case GraphQLScalarType(name=name) if name in self._scalars:
                return self._scalars[name](value)
            case other:
                raise Unreadable(f"nothing says how {other} looks in SQL")

    # -------------------------------------------------------------------------- relations

    def _related(self, chosen: Chosen, row: Row, relation: str, block: Block) -> ColumnElement[Any]:
        found = link(row.entity, relation)
        if found.is_list:
            target = Row(found.target, self._table(found.target))
            inner = Block(target.source)
            shown = _listed(self.object(_typed(chosen), target, inner), target.id)
            condition = self._on(found, row, target)
            statement = self._query(inner, shown).where(condition)
            return statement.correlate(row.source).scalar_subquery()
        target = self._joined(row, relation, block)
        shown = self.object(_typed(chosen), target, block)
        return case((getattr(target, found.remote).is_not(None), shown))

    def _joined(self, row: Row, relation: str, block: Block) -> Row:
        """The row that a to-one relation leads to, joined once."""
        key = (row.source, relation)
        if key not in block.joined:
            found = link(row.entity, relation)
            block.joined[key] = target = Row(found.target, self._table(found.target))
            block.source = block.source.outerjoin(target.source, self._on(found, row, target))
        return block.joined[key]

    def _on(self, found: Any, row: Row, target: Row) -> ColumnElement[bool]:
        conditions = [getattr(target, found.remote) == getattr(row, found.local)]
        if hasattr(found.target, "tenant_id"):
            conditions.append(target.tenant_id == self._scope.tenant_id)
        return and_(*conditions)

    # -------------------------------------------------------------------------- pages

    def _connection(
        self, chosen: Chosen, paged: Paged, *, parent: Row | None
    ) -> ColumnElement[Any]:
        arguments, window = self.told[chosen.place]
        listing = paged.listing(self._scope, **arguments)
        outside: tuple[FromClause, ...] = ()
        if parent is not None:
            if paged.under is None:
                raise Unreadable(f"{chosen.field} is the same for every row")
            outside = (parent.source,)
            row = parent
            rows = listing.statement.where(paged.under == row.id).correlate(*outside)
            listing = Listing(listing.entity, rows, listing.order)
        page = _Page(self, listing, window, outside, _typed(chosen))
        parts = [(each.key, page.part(each)) for each in _typed(chosen)]
        if page.block is None:
            return JsonObject(parts)
        # The aggregates are those of the page, so it is their own SELECT that names them.
        named = [part.label(quoted_name(key, quote=True)) for key, part in parts]
        whole = self._query(page.block, *named).correlate(*outside).subquery(_WHOLE)
        return select(func.row_to_json(whole.table_valued())).scalar_subquery()

    def place(self, cursor: Any, keys: tuple[Order, ...]) -> list[Any] | None:
        """The values that a cursor holds, which are known once it is told."""
        if cursor is None:
            return None
        values = [self._fresh(key.column.type) for key in keys]
        self.cursors.append(Cursor(cursor.place, keys, values[0].place))
        return values

    def _query(self, block: Block, *columns: ColumnElement[Any]) -> Select[Any]:
        return select(*columns).select_from(block.source)

    def named(self, statement: Any) -> Any:
        return statement.subquery(f"r{next(self._numbers)}")

    def _table(self, entity: Any) -> Any:
        return entity.__table__.alias(f"r{next(self._numbers)}")


class _Page:
    """A page of a list: its block is there once a field needs the rows themselves."""

    def __init__(
        self,
        writer: Writer,
        listing: Listing[Any],
        window: Window,
        outside: tuple[FromClause, ...],
        chosen: Sequence[Chosen],
    ) -> None:
        self._writer = writer
        self._listing = listing
        self._window = window
        self._outside = outside
        # Told of whether or not the rows are wanted: a cursor that is none is refused either way.
        self._after = writer.place(window.after, listing.keys)
        self._before = writer.place(window.before, listing.keys)
        self._more = "has_previous" if window.backward else "has_next"
        self._asks_for_more = any(
            below.reading == Part(self._more)
            for each in chosen
            if each.reading == Part("page_info")
            for below in each.of(each.type.name)
        )
        self.block: Block | None = None

    def part(self, chosen: Chosen) -> ColumnElement[Any]:
        """The JSON of a field of the connection."""
        match chosen.reading:
            case None:
                return _name(chosen.parent)
            case Expressed():
                return self._writer.field(chosen, None, Block(true()))  # type: ignore[arg-type]
            case Part("nodes"):
                return _json_list(self._all(self._node(chosen)))
            case Part("edges"):
                shown = JsonObject([(each.key, self._of_edge(each)) for each in _typed(chosen)])
                return _json_list(self._all(shown))
            case Part("page_info"):
                return JsonObject([(each.key, self._of_page(each)) for each in _typed(chosen)])
            case Part("total_count"):
                exact = self._writer.told[chosen.place]
                return counted(self._listing, exact=exact).scalar_subquery()
            case _:
                raise Unreadable("no part of a page")

    def _of_edge(self, chosen: Chosen) -> ColumnElement[Any]:
        match chosen.reading:
            case None:
                return _name(chosen.parent)
            case Part("cursor"):
                return self._cursor()
            case Part("node"):
                return self._node(chosen)
            case _:
                raise Unreadable("no part of an edge")

    def _of_page(self, chosen: Chosen) -> ColumnElement[Any]:
        match chosen.reading:
            case None:
                return _name(chosen.parent)
            case Part("has_next"):
                return self._is_more() if self._more == "has_next" else self._is_bounded("before")
            case Part("has_previous"):
                return self._is_more() if self._more != "has_next" else self._is_bounded("after")
            case Part("start_cursor"):
                return _Item(self._all(self._cursor()), 1)
            case Part("end_cursor"):
                return _Item(self._all(self._cursor()), self._shown_count())
            case _:
                raise Unreadable("no part of a page")

    def _is_more(self) -> ColumnElement[bool]:
        return self._count() > self._window.size

    def _is_bounded(self, name: str) -> ColumnElement[bool]:
        return literal(getattr(self._window, name) is not None)

    def _shown_count(self) -> ColumnElement[int]:
        if not self._asks_for_more:
            return self._count()
        return func.least(self._count(), self._window.size)

    def _count(self) -> ColumnElement[int]:
        # Of a column of the page, or within an object it would count what that is made of.
        return func.count(getattr(self._rows(), self._listing.keys[-1].column.key))

    def _all(self, shown: ColumnElement[Any]) -> ColumnElement[Any]:
        """What is shown of each row of the page, as an array in the order of the list."""
        rows = self._rows()
        order = [
            getattr(rows, key.column.key).desc()
            if key.descending
            else getattr(rows, key.column.key)
            for key in self._listing.keys
        ]
        every = func.array_agg(aggregate_order_by(shown, *order))
        if not self._asks_for_more:
            return every
        # One row more than asked for was read, which only says that there is more.
        if self._window.backward:
            first = 1 + cast(self._is_more(), Integer)
            return _Slice(every, first, self._count())
        return _Slice(every, 1, self._window.size)

    def _node(self, chosen: Chosen) -> ColumnElement[Any]:
        rows = self._rows()
        assert self.block is not None
        return self._writer.object(_typed(chosen), rows, self.block)

    def _cursor(self) -> ColumnElement[str]:
        return cursor_text(self._listing.keys, self._rows().source)

    def _rows(self) -> Row:
        if self.block is None:
            self.block = Block(self._writer.named(self._statement()))
            self._row = Row(self._listing.entity, self.block.source)
        return self._row

    def _statement(self) -> Any:
        window, listing = self._window, self._listing
        size = window.size
        return page_statement(
            listing,
            after=self._after,
            before=self._before,
            backward=window.backward,
            limit=size + 1 if self._asks_for_more else size,
        )


class _Slice(ColumnElement[Any]):
    """The items of an array from one place to another, both counted from 1 and included."""

    inherit_cache = False

    def __init__(self, array: ColumnElement[Any], *bounds: Any) -> None:
        self.array = array
        # An array is indexed by int4, which bigint doesn't become by itself.
        self.bounds = [
            literal(each) if isinstance(each, int) else cast(each, Integer) for each in bounds
        ]

    @property
    def _from_objects(self) -> list[FromClause]:
        return list(self.array._from_objects)  # noqa: SLF001


class _Item(_Slice):
    """The item of an array at a place, counted from 1."""

    inherit_cache = False


@compiles(_Slice)
def _slice(element: _Slice, compiler: Any, **options: Any) -> str:
    options.pop("add_to_result_map", None)
    array = compiler.process(element.array, **options)
    bounds = [compiler.process(each, **options) for each in element.bounds]
    return f"({array})[{':'.join(bounds)}]"


# ------------------------------------------------------------------------------ of JSON


def _typed(chosen: Chosen) -> tuple[Chosen, ...]:
    return chosen.of(chosen.type.name)


def _name(text: str) -> ColumnElement[str]:
    return cast(literal(text), Text())


def _opaque(type_name: str, key: ColumnElement[Any]) -> ColumnElement[str]:
    told = func.convert_to(literal(f"{type_name}:").concat(cast(key, Text())), "UTF8")
    # Short enough for the line breaks of PostgreSQL's base64 to be none.
    assert len(type_name) < 20, "an opaque id is one line"
    return func.encode(told, "base64", type_=Text())


def _listed(shown: ColumnElement[Any], *order: Any) -> ColumnElement[Any]:
    return _json_list(func.array_agg(aggregate_order_by(shown, *order)))


def _json_list(array: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(func.array_to_json(array, type_=JSON()), literal_column("'[]'::json"))


def _enum_name(enum: GraphQLEnumType, value: ColumnElement[Any]) -> ColumnElement[Any]:
    names = {each.value: name for name, each in enum.values.items()}
    if all(stored == name for stored, name in names.items()):
        return value
    if all(stored.upper() == name for stored, name in names.items()):
        return func.upper(value)
    return case(names, value=value)


def _driven(found: Any) -> Any:
    """What a coroutine gives that waits for nothing. Raises Unreadable."""
    if not iscoroutine(found):
        raise Unreadable("it isn't asked of the database")
    try:
        found.send(None)
    except StopIteration as ended:
        return ended.value
    found.close()
    raise Unreadable("it asks several things, one after the other")
