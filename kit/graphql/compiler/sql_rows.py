"""Symbolic rows and pages for writing a statement: their attributes are SQL expressions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Integer, Select, cast, func, literal, select
from sqlalchemy.sql.elements import Grouping

from kit.graphql.compiler.postgres_json import ordered_array
from kit.graphql.field_sources import NotCompilable, Value
from kit.postgres.keyset_pagination import Listing, Window, cursor_text, page_statement


class Row:
    """A row of a table or subquery, with its columns as attributes.

    Related rows are joined into the SELECT of the ``first`` row.
    """

    def __init__(self, entity: Any, source: FromClause, *, joined_to: "Row | None" = None) -> None:
        self.entity = entity
        self.source = source
        self.first: Row = joined_to.first if joined_to else self
        self.joined: dict[str, Row] = {}
        self.tables = source

    def __getattr__(self, name: str) -> Any:
        try:
            return self.source.c[name]
        except KeyError:
            raise NotCompilable(f"{self.entity.__name__}.{name} is no column") from None

    def join(self, relation: str, target: "Row", condition: ColumnElement[bool]) -> None:
        """Joins a related row, which is all nulls if there is none."""
        self.joined[relation] = target
        self.first.tables = self.first.tables.outerjoin(target.source, condition)

    def select(self, item: ColumnElement[Any]) -> Select[Any]:
        """Returns the SELECT of an expression over this row and the rows joined to it."""
        return select(item).select_from(self.tables)


@dataclass(frozen=True, slots=True)
class Items:
    """A value for each row of a page."""

    page: "Page"
    value: Any


@dataclass(eq=False)
class Page:
    """A page of a list, whose attributes are aggregates over its rows.

    ``after`` and ``before`` are the values of cursors. If ``looks_ahead``, one row more is read to
    tell whether the list continues. ``row`` is None until a field needs the rows.
    """

    listing: Listing[Any]
    window: Window
    after: Sequence[Any] | None
    before: Sequence[Any] | None
    looks_ahead: bool
    alias: str
    row: Row | None = None

    @property
    def nodes(self) -> Items:
        return Items(self, self._rows)

    @property
    def edges(self) -> Items:
        return Items(self, Value(cursor=self._cursor, node=self._rows))

    @property
    def page_info(self) -> "Page":
        return self

    @property
    def has_next(self) -> ColumnElement[bool]:
        return literal(self.before is not None) if self.window.backward else self._is_more

    @property
    def has_previous(self) -> ColumnElement[bool]:
        return self._is_more if self.window.backward else literal(self.after is not None)

    @property
    def start_cursor(self) -> Any:
        return self.each(self._cursor)[1]

    @property
    def end_cursor(self) -> Any:
        return self.each(self._cursor)[func.least(self._count, self.window.size)]

    def each(self, item: ColumnElement[Any]) -> Any:
        """Aggregates an expression over the rows of the page to an array."""
        every = self._all(item)
        if not self.looks_ahead:
            return every
        if self.window.backward:
            return Grouping(every[cast(self._is_more, Integer) + 1 : self._count])
        return Grouping(every[1 : self.window.size])

    def _all(self, item: ColumnElement[Any]) -> Any:
        """Aggregates over all rows that are read, with the one more, in the order of the list."""
        columns = [(getattr(self._rows, key.column.key), key) for key in self.listing.keys]
        order = [column.desc() if key.descending else column for column, key in columns]
        return ordered_array(item, *order)

    @property
    def _is_more(self) -> ColumnElement[bool]:
        return self._count > self.window.size

    @property
    def _count(self) -> ColumnElement[int]:
        # Counts a column of the page: inside an object, count(*) would count the object's rows.
        return func.count(getattr(self._rows, self.listing.keys[-1].column.key))

    @property
    def _cursor(self) -> ColumnElement[str]:
        return cursor_text(self.listing.keys, self._rows.source)

    @property
    def _rows(self) -> Row:
        """A row of the page; its SELECT is created when the first field needs it."""
        if self.row is None:
            size = self.window.size
            statement = page_statement(
                self.listing,
                after=self.after,
                before=self.before,
                backward=self.window.backward,
                limit=size + 1 if self.looks_ahead else size,
            )
            self.row = Row(self.listing.entity, statement.subquery(self.alias))
        return self.row
