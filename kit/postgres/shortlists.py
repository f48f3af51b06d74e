"""Shortlists: rows of a list that indexes find, where its own conditions can't use an index."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, case, false, func, select, union_all

from kit.postgres.keyset_pagination import COUNT_CAP, Listing, Shortlist, counted

T = TypeVar("T")


def shortlisted(
    listing: Listing[T],
    *,
    entities: Select[T],
    unsearched: Select[T],
    ways: Sequence[ColumnElement[bool]],
    are_all: ColumnElement[bool],
    total: ColumnElement[int] | None = None,
) -> Listing[T]:
    """Adds the rows of ``unsearched`` that meet one of the ``ways`` to a list, as its shortlist.

    Each of these must be a row of the list and meet one way only; ``are_all`` tells whether the
    list has no others. The ways are tried in order, until there are more rows than are counted.
    ``total`` counts the rows of the list itself up to 10,001, where there is a better way.
    """
    columns = [key.column for key in listing.keys]
    found = [unsearched.with_only_columns(*columns).where(way) for way in ways]
    rows = _materialized(union_all(*found).limit(COUNT_CAP + 1))
    size = _materialized(select(func.count().label("number")).select_from(rows))
    is_whole = case((size.c.number > COUNT_CAP, false()), else_=are_all)
    verdict = _materialized(select(size.c.number, is_whole.label("is_whole")))
    shortlist = Shortlist(
        entities,
        rows,
        select(verdict.c.number).scalar_subquery(),
        select(verdict.c.is_whole).scalar_subquery(),
        counted(listing, exact=False).scalar_subquery() if total is None else total,
    )
    return replace(listing, shortlist=shortlist)


def _materialized(statement: Any) -> Any:
    """Returns a CTE that is read once, whatever refers to it."""
    return statement.cte().prefix_with("MATERIALIZED")
