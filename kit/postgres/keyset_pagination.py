"""Keyset pagination on (sort key, id): pages stay stable while rows are added and removed.

A cursor holds the order and the sort values of its row, so it works after the row is deleted.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import orjson
from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    TableValuedAlias,
    Text,
    Uuid,
    and_,
    case,
    cast,
    column,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, aliased
from sqlalchemy.types import TypeDecorator, TypeEngine

from kit.errors import BadInput

DEFAULT_PAGE = 20
MAX_PAGE = 250
COUNT_CAP = 10_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Order:
    """A column to sort by, which must be NOT NULL."""

    column: Any
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """Selects the rows of a list that a caller may see, with their order.

    ``id`` is added as the last sort key; an entity without one must have a total order already.
    ``shortlist`` are rows that indexes find faster than ``statement`` does; see ``shortlisted``.
    ``load`` returns the rows of a part of it, if the session can't.
    """

    entity: type[T]
    statement: Select[T]
    order: tuple[Order, ...]
    shortlist: "Shortlist | None" = None
    load: Callable[[Select[T]], Awaitable[list[T]]] | None = None

    @property
    def keys(self) -> tuple[Order, ...]:
        if not hasattr(self.entity, "id"):
            return self.order
        last = Order(self.entity.id, self.order[0].descending)  # type: ignore[attr-defined]
        return (*self.order, last)


@dataclass(frozen=True, slots=True)
class Shortlist:
    """Up to 10,001 rows of a list, found by indexes; read once for a page and its count.

    ``rows`` has the sort keys of the list as columns. ``number`` is how many there are,
    ``is_whole`` whether the list has no others. ``entities`` selects the rows from which the list
    selects some. ``total`` counts a list that isn't whole, up to 10,001.
    """

    entities: Select[Any]
    rows: CTE
    number: ColumnElement[int]
    is_whole: ColumnElement[bool]
    total: ColumnElement[int]


@dataclass(frozen=True, slots=True)
class Window:
    """Selects a part of a list: the first rows after a cursor, or the last before one."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    def __post_init__(self) -> None:
        if self.first is not None and self.last is not None:
            raise BadInput("Give `first` or `last`, not both.")
        for name, size in (("first", self.first), ("last", self.last)):
            if size is not None and not 0 <= size <= MAX_PAGE:
                raise BadInput(f"`{name}` must be 0 to {MAX_PAGE}; got {size}.")

    @property
    def backward(self) -> bool:
        return self.last is not None

    @property
    def size(self) -> int:
        size = self.last if self.last is not None else self.first
        return DEFAULT_PAGE if size is None else size


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of rows in the order of the list; ``keys`` are the columns their cursors hold."""

    rows: list[T]
    keys: tuple[Order, ...]
    has_next: bool
    has_previous: bool

    def cursor(self, row: T) -> str:
        """Returns the cursor of one of the rows."""
        values = [getattr(row, key.column.key) for key in self.keys]
        place = [_names(self.keys), *values]
        return urlsafe_b64encode(orjson.dumps(place, default=str)).decode().rstrip("=")


def windowed(listing: Listing[T], window: Window) -> Select[T]:
    """Returns the SELECT of a page, with one row more to tell whether the list continues.

    A backward window gives its rows in reverse.
    """
    keys = listing.keys
    return page_statement(
        listing,
        after=None if window.after is None else decoded(window.after, keys),
        before=None if window.before is None else decoded(window.before, keys),
        backward=window.backward,
        limit=window.size + 1,
    )


def page_statement(
    listing: Listing[T],
    *,
    after: Sequence[Any] | None,
    before: Sequence[Any] | None,
    backward: bool,
    limit: Any,
) -> Select[T]:
    """Returns the SELECT of the first rows between two cursors, or of the last ones in reverse."""

    def part(statement: Select[T], keys: Sequence[Order]) -> Select[T]:
        if after is not None:
            statement = statement.where(_beyond(keys, after, backward=False))
        if before is not None:
            statement = statement.where(_beyond(keys, before, backward=True))
        return statement.order_by(*_ordering(keys, backward=backward)).limit(limit)

    keys, shortlist = listing.keys, listing.shortlist
    if shortlist is None:
        return part(listing.statement, keys)
    id, rows = keys[-1].column, shortlist.rows.c
    ids: Select[Any] = part(select(rows[id.key]), _keys_of(rows, keys))
    # PostgreSQL only runs the one whose condition holds.
    either = union_all(
        shortlist.entities.where(shortlist.is_whole, id.in_(ids)),
        part(listing.statement.where(not_(shortlist.is_whole)), keys),
    ).subquery()
    ordering = _ordering(_keys_of(either.c, keys), backward=backward)
    return select(aliased(listing.entity, either)).order_by(*ordering).limit(limit)


def _keys_of(columns: Any, keys: Sequence[Order]) -> list[Order]:
    """Returns the same order by the columns of a subquery."""
    return [Order(columns[key.column.key], key.descending) for key in keys]


def _ordering(keys: Sequence[Order], *, backward: bool) -> list[ColumnElement[Any]]:
    return [key.column.desc() if key.descending != backward else key.column.asc() for key in keys]


def page_of(listing: Listing[T], window: Window, found: Sequence[T]) -> Page[T]:
    """Builds the page from the rows that ``windowed`` returned."""
    more = len(found) > window.size
    rows = list(found[: window.size])
    if window.backward:
        rows.reverse()
    if window.backward:
        return Page(rows, listing.keys, has_next=window.before is not None, has_previous=more)
    return Page(rows, listing.keys, has_next=more, has_previous=window.after is not None)


def windowed_by_parent(
    listing: Listing[T], window: Window, parent: InstrumentedAttribute[Any], ids: Sequence[UUID]
) -> Any:
    """Returns one SELECT for the pages of many parents: rows of (parent id, entity)."""
    owners = _owners(ids)
    of_parent = replace(listing, shortlist=None)
    rows = windowed(of_parent, window).where(parent == owners.c.id).lateral("page")
    entity = aliased(listing.entity, rows)
    ordering = [
        rows.c[key.column.key].desc()
        if key.descending != window.backward
        else rows.c[key.column.key].asc()
        for key in listing.keys
    ]
    return select(owners.c.id, entity).select_from(owners.join(rows, true())).order_by(*ordering)


def counted(listing: Listing[Any], *, exact: bool) -> Select[int]:
    """Returns a SELECT that counts a list; unless ``exact``, it stops at 10,001."""
    shortlist = listing.shortlist
    if shortlist is not None and not exact:
        is_counted = or_(shortlist.number > COUNT_CAP, shortlist.is_whole)
        return select(case((is_counted, shortlist.number), else_=shortlist.total))
    rows = listing.statement.with_only_columns(literal(1))
    if not exact:
        rows = rows.limit(COUNT_CAP + 1)
    return select(func.count()).select_from(rows.subquery())


def counted_by_parent(
    listing: Listing[Any],
    parent: InstrumentedAttribute[Any],
    ids: Sequence[UUID],
    *,
    exact: bool,
) -> Any:
    """Returns one SELECT for the counts of many parents: rows of (parent id, count)."""
    owners = _owners(ids)
    rows = listing.statement.where(parent == owners.c.id).with_only_columns(literal(1).label("one"))
    if not exact:
        rows = rows.limit(COUNT_CAP + 1)
    counted_rows = rows.correlate(owners).lateral("counted")
    total = select(func.count().label("total")).select_from(counted_rows).correlate(owners)
    totals = total.lateral("totals")
    return select(owners.c.id, totals.c.total).select_from(owners.join(totals, true()))


def _owners(ids: Sequence[UUID]) -> TableValuedAlias:
    """Returns the ids of the parents as a table to join."""
    listed = func.unnest(literal(list(ids), ARRAY(Uuid())))
    return listed.table_valued(column("id", Uuid()), name="owners").render_derived()


def _beyond(keys: Sequence[Order], values: Sequence[Any], *, backward: bool) -> ColumnElement[bool]:
    directions = {key.descending != backward for key in keys}
    columns = [key.column for key in keys]
    bound = [
        value if isinstance(value, ColumnElement) else literal(value, key.column.type)
        for key, value in zip(keys, values, strict=True)
    ]
    if len(directions) == 1:
        left, right = tuple_(*columns), tuple_(*bound)
        return left < right if directions == {True} else left > right
    return or_(
        *(
            and_(
                *(columns[j] == bound[j] for j in range(i)),
                columns[i] < bound[i] if key.descending != backward else columns[i] > bound[i],
            )
            for i, key in enumerate(keys)
        )
    )


def _names(keys: Sequence[Order]) -> str:
    """Names an order, so that a cursor of another order is refused: '-created_at,-id'."""
    return ",".join(f"{'-' * key.descending}{key.column.key}" for key in keys)


def cursor_text(keys: Sequence[Order], rows: FromClause) -> ColumnElement[str]:
    """Returns the SQL expression of a row's cursor, byte for byte as ``Page.cursor``."""
    text: ColumnElement[str] = literal(f'["{_names(keys)}"', Text())
    for key in keys:
        separator, value, end = _json_parts(rows.c[key.column.key])
        text = text.concat(literal(separator, Text())).concat(value).concat(literal(end, Text()))
    packed = func.encode(func.convert_to(text.concat("]"), "UTF8"), "base64", type_=Text())
    # URL-safe characters; the padding and PostgreSQL's line breaks are removed.
    return func.translate(packed, "+/=\n", "-_", type_=Text())


def _json_parts(column: ColumnElement[Any]) -> tuple[str, ColumnElement[str], str]:
    """Returns a value as JSON, with the characters before and after it."""
    kind = _python_type(column.type)
    if kind is datetime:
        pattern = 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'
        printed = func.to_char(func.timezone("UTC", column), pattern, type_=Text())
        return ',"', func.replace(printed, ".000000+", "+", type_=Text()), '"'
    if kind is UUID:
        return ',"', cast(column, Text()), '"'
    return ",", cast(func.to_json(column), Text()), ""


def decoded(cursor: str, keys: Sequence[Order]) -> list[Any]:
    """Returns the values that a cursor holds. Raises BadInput if it is from another list."""
    try:
        raw = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(raw, list) or raw[:1] != [_names(keys)]:
            raise ValueError
        return [_typed(value, key.column.type) for value, key in zip(raw[1:], keys, strict=True)]
    except (ValueError, TypeError, OverflowError) as error:
        raise BadInput("The cursor doesn't belong to this list and sort order.") from error


def _python_type(stored: TypeEngine[Any]) -> type:
    return (stored.impl_instance if isinstance(stored, TypeDecorator) else stored).python_type


def _typed(value: Any, stored: TypeEngine[Any]) -> Any:
    kind = _python_type(stored)
    if kind is datetime and isinstance(value, str):
        instant = datetime.fromisoformat(value)
        if instant.tzinfo is None:
            raise ValueError
        return instant.astimezone(UTC)
    if kind is UUID and isinstance(value, str):
        return UUID(value)
    if kind is int and type(value) is int:
        bits = 64 if isinstance(stored, BigInteger) else 32
        if abs(value) < 2 ** (bits - 1):
            return value
    if kind is str and isinstance(value, str) and "\x00" not in value:
        return value
    raise ValueError
