"""From a selection to SQL: expressions that are the JSON of the answer."""

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
"""How a scalar looks in JSON."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A cursor that is told at run time: the values that it holds for ``keys`` are bound too."""

    place: int
    keys: tuple[Order, ...]


@dataclass(eq=False, slots=True)
class Writer:
    """Writes what is selected, as one caller may see it.

    ``told`` are the symbolic arguments of fields by their place in the document; ``places`` are
    free for values that are known later: ids of rows, then what ``cursors`` hold.
    """

    scope: Any
    told: Mapping[int, Any]
    scalars: Mapping[str, Print]
    types: Mapping[str, GraphQLNamedType]
    places: Iterator[int]
    cursors: list[Cursor] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    # -------------------------------------------------------------------------- roots

    def root(self, chosen: SelectedField) -> ColumnElement[Any]:
        """The JSON text of a root field; an array of texts for rows by their keys.

        Raises NotCompilable.
        """
        match chosen.reading:
            case ByKeys():
                return self._again(chosen)
            case None:
                shown: ColumnElement[Any] = literal(f'"{chosen.parent}"')
            case Paged() as paged:
                shown = self._connection(chosen, paged, parent=None)
            case Lookup(resolve):
                shown = self._found(chosen, resolve(self.scope, **self.told.get(chosen.place, {})))
            case ByGlobalId():
                shown = self._identified(chosen, self.told[chosen.place])
            case _:
                raise NotCompilable("no root")
        return cast(shown, Text())

    def _found(self, chosen: SelectedField, finding: Any) -> ColumnElement[Any]:
        statement = _driven(finding)
        if statement is None:
            return NULL
        entity = statement.column_descriptions[0]["entity"]
        row = self._row_of(entity, statement.limit(literal_column("1")))
        return row.select(self._object(chosen.fields, row)).scalar_subquery()

    def _identified(self, chosen: SelectedField, ids: Ids) -> ColumnElement[Any]:
        asked = _table(key=ids.keys, name=ids.names)
        # Of what isn't one of our types, or isn't for the caller at all, nothing is selected.
        by_type = [
            (asked.c.name == literal(name), self._by_key(chosen, name, asked))
            for name in sorted(ids.types & chosen.below.keys())
        ]
        shown: ColumnElement[Any] = case(*by_type) if by_type else NULL
        if _is_list(chosen):
            shown = json_list(shown, asked.c.n)
        return select(shown).select_from(asked).scalar_subquery()

    def _again(self, chosen: SelectedField) -> ColumnElement[Any]:
        """The texts of rows by their keys, in that order; null for what isn't seen."""
        asked = _table(key=Parameter.at(next(self.places), ARRAY(Uuid())))
        shown = cast(self._by_key(chosen, chosen.type.name, asked), Text())
        return select(ordered_array(shown, asked.c.n)).select_from(asked).scalar_subquery()

    def _by_key(self, chosen: SelectedField, type_name: str, asked: Any) -> ColumnElement[Any]:
        kind = self.types[type_name].extensions[KIND]
        statement = kind.visible(self.scope).where(kind.model.id == asked.c.key)
        row = self._row_of(kind.model, statement.correlate(asked))
        shown = self._object(chosen.below[type_name], row)
        return row.select(shown).correlate(asked).scalar_subquery()

    # -------------------------------------------------------------------------- fields

    def _object(self, fields: Sequence[SelectedField], row: Any) -> ColumnElement[Any]:
        return json_object({each.key: self._field(each, row) for each in fields})

    def _field(self, chosen: SelectedField, row: Any) -> ColumnElement[Any]:
        match chosen.reading:
            case None:
                return constant(chosen.parent)
            case Attribute(name) | PageField(name):
                return self._shown(chosen, getattr(row, name))
            case SqlExpression(make):
                return self._shown(chosen, make(self.scope, row))
            case Identity():
                return opaque_id(chosen.parent, row.id)
            case Related(relation):
                return self._related(chosen, row, relation)
            case Paged() as paged:
                return self._connection(chosen, paged, parent=row)
            case Counted():
                return counted(row.listing, exact=self.told[chosen.place]).scalar_subquery()
            case _:
                raise NotCompilable(f"{chosen.field} is for roots only")

    def _shown(self, chosen: SelectedField, value: Any) -> ColumnElement[Any]:
        match value:
            case Items(page, item):
                return json_array(page.each(self._single(chosen, item)))
            case Values(source, item, order):
                listed = json_list(self._single(chosen, item), order)
                return select(listed).select_from(source).scalar_subquery()
            case _ if _is_list(chosen) and not is_leaf_type(chosen.type):
                raise NotCompilable(f"{chosen.field} lists what is no list in SQL")
            case _:
                return self._single(chosen, value)

    def _single(self, chosen: SelectedField, value: Any) -> ColumnElement[Any]:
        match chosen.type:
            case kind if not is_leaf_type(kind):
                shown = self._object(chosen.fields, value)
                present = value.present if isinstance(value, Value) else None
                return shown if present is None else case((present, shown))
            case _ if not isinstance(value, ColumnElement):
                raise NotCompilable(f"{chosen.field} has no value in SQL")
            case GraphQLEnumType() as enum:
                return enum_name(enum, value)
            case GraphQLScalarType(name=name) if name in self.scalars:
                return self.scalars[name](value)
            case other:
                raise NotCompilable(f"nothing says how {other} looks in SQL")

    # -------------------------------------------------------------------------- relations

    def _related(self, chosen: SelectedField, row: Row, relation: str) -> ColumnElement[Any]:
        found = link(row.entity, relation)
        if found.is_list:
            many = Row(found.target, self._table_of(found.target))
            listed = json_list(self._object(chosen.fields, many), many.id)
            statement = many.select(listed).where(self._on(found, row, many))
            return statement.correlate(row.source).scalar_subquery()
        if relation not in row.joined:
            one = Row(found.target, self._table_of(found.target), beside=row)
            row.join(relation, one, self._on(found, row, one))
        one = row.joined[relation]
        shown = self._object(chosen.fields, one)
        return case((getattr(one, found.remote).is_not(None), shown))

    def _on(self, found: Any, row: Row, target: Row) -> ColumnElement[bool]:
        condition: ColumnElement[bool] = getattr(target, found.remote) == getattr(row, found.local)
        if not hasattr(found.target, "tenant_id"):
            return condition
        return and_(condition, target.tenant_id == self.scope.tenant_id)

    # -------------------------------------------------------------------------- pages

    def _connection(
        self, chosen: SelectedField, paged: Paged, *, parent: Row | None
    ) -> ColumnElement[Any]:
        arguments, window = self.told[chosen.place]
        listing = paged.listing(self.scope, **arguments)
        outside = []
        if parent is not None:
            if paged.under is None:
                raise NotCompilable(f"{chosen.field} is the same for every row")
            outside = [parent.source]
            rows = listing.statement.where(paged.under == parent.id).correlate(*outside)
            listing = replace(listing, statement=rows)
        page = Page(
            listing,
            window,
            # Also where no rows are wanted: a cursor that is none is refused either way.
            after=self._told_by(window.after, listing.keys),
            before=self._told_by(window.before, listing.keys),
            looks_ahead=_asks_for_more(chosen, backward=window.backward),
            alias=self._alias(),
        )
        shown = self._object(chosen.fields, page)
        if page.row is None:
            return shown
        return page.row.select(shown).correlate(*outside).scalar_subquery()

    def _told_by(self, cursor: Any, keys: tuple[Order, ...]) -> list[Parameter] | None:
        """The values that a cursor holds."""
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


def _asks_for_more(chosen: SelectedField, *, backward: bool) -> bool:
    """Is it asked whether the list goes on beyond the page?"""
    infos = [each for each in chosen.fields if each.reading == PageField("page_info")]
    return any(each.reading == _MORE[backward] for info in infos for each in info.fields)


def _is_list(chosen: SelectedField) -> bool:
    assert chosen.field is not None
    return is_list_type(get_nullable_type(chosen.field.type))


def _table(**columns: Any) -> Any:
    """Arrays as the columns of a table, with the number of each row."""
    named = [column(name, array.type.item_type) for name, array in columns.items()]
    listed = func.unnest(*columns.values())
    return listed.table_valued(*named, with_ordinality="n", name="asked").render_derived()


def _driven(found: Any) -> Any:
    """What a coroutine gives that waits for nothing. Raises NotCompilable."""
    if not iscoroutine(found):
        raise NotCompilable("it isn't asked of the database")
    try:
        found.send(None)
    except StopIteration as ended:
        return ended.value
    found.close()
    raise NotCompilable("it asks several things, one after the other")
