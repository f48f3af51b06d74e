"""Writes a selection as SQL expressions that return the JSON of the response."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from inspect import iscoroutine
from itertools import count
from typing import Any, Final

from graphql import (
    GraphQLEnumType,
    GraphQLNamedType,
    GraphQLScalarType,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)
from sqlalchemy import (
    ColumnElement,
    Text,
    Uuid,
    and_,
    case,
    cast,
    column,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY

from kit.graphql.compiler.argument_shapes import Parameter
from kit.graphql.compiler.postgres_json import (
    NULL,
    constant,
    enum_name,
    json_array,
    json_list,
    json_object,
    opaque_id,
    ordered_array,
)
from kit.graphql.compiler.selection import SelectedField
from kit.graphql.compiler.sql_rows import Items, Page, Row
from kit.graphql.field_sources import (
    KIND,
    Attribute,
    ByGlobalId,
    ByKeys,
    Counted,
    Identity,
    Ids,
    Lookup,
    NotCompilable,
    Paged,
    PageField,
    Related,
    SqlExpression,
    Value,
    Values,
)
from kit.loaders import link
from kit.postgres.keyset_pagination import Order, counted

Print = Callable[[ColumnElement[Any]], ColumnElement[Any]]
"""Converts a scalar's column to the expression of its JSON."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A cursor given by the request, at ``place``: its values for ``keys`` are bound too."""

    place: int
    keys: tuple[Order, ...]


@dataclass(eq=False, slots=True)
class Writer:
    """Writes selected fields as SQL, with the caller's permissions applied.

    ``arguments`` are the symbolic arguments of fields by their place in the document; ``places``
    numbers the values added after them: ids of rows, then the values of ``cursors``.
    """

    scope: Any
    arguments: Mapping[int, Any]
    scalars: Mapping[str, Print]
    types: Mapping[str, GraphQLNamedType]
    places: Iterator[int]
    cursors: list[Cursor] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    # -------------------------------------------------------------------------- roots

    def root(self, selected: SelectedField) -> ColumnElement[Any]:
        """Returns the JSON of a root field as bytes; for ``ByKeys``, an array of texts.

        Raises NotCompilable.
        """
        match selected.source:
            case ByKeys():
                return self._by_keys(selected)
            case None:
                shown: ColumnElement[Any] = literal(f'"{selected.parent}"')
            case Paged() as paged:
                shown = self._connection(selected, paged, parent=None)
            case Lookup(resolve):
                shown = self._lookup(
                    selected, resolve(self.scope, **self.arguments.get(selected.place, {}))
                )
            case ByGlobalId():
                shown = self._by_global_id(selected, self.arguments[selected.place])
            case _:
                raise NotCompilable("no root")
        # As bytes, so that the process neither decodes nor encodes what it only passes on.
        return func.convert_to(cast(shown, Text()), literal_column("'UTF8'"))

    def _lookup(self, selected: SelectedField, lookup: Any) -> ColumnElement[Any]:
        statement = _result_of(lookup)
        if statement is None:
            return NULL
        entity = statement.column_descriptions[0]["entity"]
        row = self._row_of(entity, statement.limit(literal_column("1")))
        return row.select(self._object(selected.fields, row)).scalar_subquery()

    def _by_global_id(self, selected: SelectedField, ids: Ids) -> ColumnElement[Any]:
        ids_table = _table(key=ids.keys, name=ids.names)
        # Ids of unknown types, and of types that the caller may not see, give null.
        by_type = [
            (ids_table.c.name == literal(name), self._by_key(selected, name, ids_table))
            for name in sorted(ids.types & selected.below.keys())
        ]
        shown: ColumnElement[Any] = case(*by_type) if by_type else NULL
        if _is_list(selected):
            shown = json_list(shown, ids_table.c.n)
        return select(shown).select_from(ids_table).scalar_subquery()

    def _by_keys(self, selected: SelectedField) -> ColumnElement[Any]:
        """Returns the texts of rows in the order of their keys; null for an invisible row."""
        ids_table = _table(key=Parameter.at(next(self.places), ARRAY(Uuid())))
        shown = cast(self._by_key(selected, selected.type.name, ids_table), Text())
        return select(ordered_array(shown, ids_table.c.n)).select_from(ids_table).scalar_subquery()

    def _by_key(
        self, selected: SelectedField, type_name: str, ids_table: Any
    ) -> ColumnElement[Any]:
        kind = self.types[type_name].extensions[KIND]
        statement = kind.visible(self.scope).where(kind.model.id == ids_table.c.key)
        row = self._row_of(kind.model, statement.correlate(ids_table))
        shown = self._object(selected.below[type_name], row)
        return row.select(shown).correlate(ids_table).scalar_subquery()

    # -------------------------------------------------------------------------- fields

    def _object(self, fields: Sequence[SelectedField], row: Any) -> ColumnElement[Any]:
        return json_object({each.key: self._field(each, row) for each in fields})

    def _field(self, selected: SelectedField, row: Any) -> ColumnElement[Any]:
        match selected.source:
            case None:
                return constant(selected.parent)
            case Attribute(name) | PageField(name):
                return self._value(selected, getattr(row, name))
            case SqlExpression(make):
                return self._value(selected, make(self.scope, row))
            case Identity():
                return opaque_id(selected.parent, row.id)
            case Related(relation):
                return self._related(selected, row, relation)
            case Paged() as paged:
                return self._connection(selected, paged, parent=row)
            case Counted():
                return counted(row.listing, exact=self.arguments[selected.place]).scalar_subquery()
            case _:
                raise NotCompilable(f"{selected.field} is for roots only")

    def _value(self, selected: SelectedField, value: Any) -> ColumnElement[Any]:
        match value:
            case Items(page, item):
                return json_array(page.each(self._single(selected, item)))
            case Values(source, item, order):
                listed = json_list(self._single(selected, item), order)
                return select(listed).select_from(source).scalar_subquery()
            case _ if _is_list(selected) and not is_leaf_type(selected.type):
                raise NotCompilable(f"{selected.field} is a list without a list in SQL")
            case _:
                return self._single(selected, value)

    def _single(self, selected: SelectedField, value: Any) -> ColumnElement[Any]:
        match selected.type:
            case kind if not is_leaf_type(kind):
                shown = self._object(selected.fields, value)
                present = value.present if isinstance(value, Value) else None
                return shown if present is None else case((present, shown))
            case _ if not isinstance(value, ColumnElement):
                raise NotCompilable(f"{selected.field} has no value in SQL")
            case GraphQLEnumType() as enum:
                return enum_name(enum, value)
            case GraphQLScalarType(name=name) if name in self.scalars:
                return self.scalars[name](value)
            case other:
                raise NotCompilable(f"{other} has no form in SQL")

    # -------------------------------------------------------------------------- relations

    def _related(self, selected: SelectedField, row: Row, relation: str) -> ColumnElement[Any]:
        found = link(row.entity, relation)
        if found.is_list:
            many = Row(found.target, self._table_of(found.target))
            listed = json_list(self._object(selected.fields, many), many.id)
            statement = many.select(listed).where(self._on(found, row, many))
            return statement.correlate(row.source).scalar_subquery()
        if relation not in row.joined:
            one = Row(found.target, self._table_of(found.target), joined_to=row)
            row.join(relation, one, self._on(found, row, one))
        one = row.joined[relation]
        shown = self._object(selected.fields, one)
        return case((getattr(one, found.remote).is_not(None), shown))

    def _on(self, found: Any, row: Row, target: Row) -> ColumnElement[bool]:
        condition: ColumnElement[bool] = getattr(target, found.remote) == getattr(row, found.local)
        if not hasattr(found.target, "tenant_id"):
            return condition
        return and_(condition, target.tenant_id == self.scope.tenant_id)

    # -------------------------------------------------------------------------- pages

    def _connection(
        self, selected: SelectedField, paged: Paged, *, parent: Row | None
    ) -> ColumnElement[Any]:
        arguments, window = self.arguments[selected.place]
        listing = paged.listing(self.scope, **arguments)
        if listing.load is not None:
            raise NotCompilable("its rows are loaded in another way")
        outside = []
        if parent is not None:
            if paged.under is None:
                raise NotCompilable(f"{selected.field} is the same for every row")
            outside = [parent.source]
            rows = listing.statement.where(paged.under == parent.id).correlate(*outside)
            listing = replace(listing, statement=rows, shortlist=None)
        page = Page(
            listing,
            window,
            # Decoded even if no rows are selected: an invalid cursor is refused either way.
            after=self._cursor_values(window.after, listing.keys),
            before=self._cursor_values(window.before, listing.keys),
            looks_ahead=_asks_for_more(selected, backward=window.backward),
            alias=self._alias(),
        )
        shown = self._object(selected.fields, page)
        if page.row is None:
            return shown
        return page.row.select(shown).correlate(*outside).scalar_subquery()

    def _cursor_values(self, cursor: Any, keys: tuple[Order, ...]) -> list[Parameter] | None:
        """Returns parameters for the values that a cursor holds."""
        if cursor is None:
            return None
        self.cursors.append(Cursor(cursor.place, keys))
        return [Parameter.at(next(self.places), key.column.type) for key in keys]

    # -------------------------------------------------------------------------- tables

    def _row_of(self, entity: Any, statement: Any) -> Row:
        return Row(entity, statement.subquery(self._alias()))

    def _table_of(self, entity: Any) -> Any:
        return entity.__table__.alias(self._alias())

    def _alias(self) -> str:
        return f"r{next(self.numbers)}"


_MORE: Final = {True: PageField("has_previous"), False: PageField("has_next")}


def _asks_for_more(selected: SelectedField, *, backward: bool) -> bool:
    """Returns whether the selection asks if the list continues after the page."""
    infos = [each for each in selected.fields if each.source == PageField("page_info")]
    return any(each.source == _MORE[backward] for info in infos for each in info.fields)


def _is_list(selected: SelectedField) -> bool:
    assert selected.field is not None
    return is_list_type(get_nullable_type(selected.field.type))


def _table(**columns: Any) -> Any:
    """Returns a table with these arrays as columns, and ``n`` for the number of the row."""
    named = [column(name, array.type.item_type) for name, array in columns.items()]
    listed = func.unnest(*columns.values())
    return listed.table_valued(*named, with_ordinality="n", name="asked").render_derived()


def _result_of(found: Any) -> Any:
    """Returns the result of a coroutine that never suspends. Raises NotCompilable if it does."""
    if not iscoroutine(found):
        raise NotCompilable("it isn't read from the database")
    try:
        found.send(None)
    except StopIteration as done:
        return done.value
    found.close()
    raise NotCompilable("it reads several times in a row")
