"""Rows and pages while a statement is written: their attributes are expressions of SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Integer, Select, cast, func, literal, select
from sqlalchemy.sql.elements import Grouping

from kit.graphql.compiler.postgres_json import ordered_array
from kit.graphql.field_sources import NotCompilable, Value
from kit.postgres.keyset_pagination import Listing, Window, cursor_text, page_statement


class Row:
    """A row of a table or of a subquery: its columns are attributes.

    Rows that relations lead to are read in the same SELECT, which the ``first`` of them began.
    """

    def __init__(self, entity: Any, source: FromClause, *, beside: "Row | None" = None) -> None:
        self.entity = entity
        self.source = source
        self.first: Row = beside.first if beside else self
        self.joined: dict[str, Row] = {}
        self.tables = source

    def __getattr__(self, name: str) -> Any:
        try:
            return self.source.c[name]
        except KeyError:
            raise NotCompilable(f"{self.entity.__name__}.{name} is no column") from None

    def join(self, relation: str, target: "Row", condition: ColumnElement[bool]) -> None:
        """Read another row beside this one, or nulls where there is none."""
        self.joined[relation] = target
        self.first.tables = self.first.tables.outerjoin(target.source, condition)

    def select(self, shown: ColumnElement[Any]) -> Select[Any]:
        """The SELECT that this row began, of what is shown of it and of those it leads to."""
        return select(shown).select_from(self.tables)


@dataclass(frozen=True, slots=True)
class Items:
    """What there is for each row of a page."""

    page: "Page"
    value: Any


@dataclass(eq=False)
class Page:
    """A page of a list, by the names that its fields read: aggregates of the rows it holds.

    ``after`` and ``before`` are the values of cursors. ``looks_ahead``: one row more is read,
    which only says that there is more. ``row`` is there once a field has asked for it.
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

    def each(self, shown: ColumnElement[Any]) -> Any:
        """What is shown of each row of the page, as an array."""
        every = self._all(shown)
        if not self.looks_ahead:
            return every
        if self.window.backward:
            return Grouping(every[cast(self._is_more, Integer) + 1 : self._count])
        return Grouping(every[1 : self.window.size])

    def _all(self, shown: ColumnElement[Any]) -> Any:
        """The same of all rows that are read, in the order of the list."""
        columns = [(getattr(self._rows, key.column.key), key) for key in self.listing.keys]
        order = [column.desc() if key.descending else column for column, key in columns]
        return ordered_array(shown, *order)

    @property
    def _is_more(self) -> ColumnElement[bool]:
        return self._count > self.window.size

    @property
    def _count(self) -> ColumnElement[int]:
        # Of a column of the page, or within an object it would count what that is made of.
        return func.count(getattr(self._rows, self.listing.keys[-1].column.key))

    @property
    def _cursor(self) -> ColumnElement[str]:
        return cursor_text(self.listing.keys, self._rows.source)

    @property
    def _rows(self) -> Row:
        """A row of the page: of a SELECT that is there once a field asks for it."""
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
