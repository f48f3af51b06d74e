"""Spent allowances, shared by all processes and tenants."""

from datetime import datetime
from typing import Final

from sqlalchemy import ARRAY, Column, Delete, delete, select
from sqlmodel import Field, SQLModel, col

from models.core.base import INSTANT


class SpentAllowance(SQLModel, table=True):
    """The instants at which an allowance was spent within its window.

    ``key`` is a keyed hash of what is counted, so that a row names nobody. A row is no tenant's:
    an address counts for all of them.
    """

    __tablename__ = "spent_allowances"

    key: str = Field(primary_key=True)
    spent: list[datetime] = Field(sa_column=Column(ARRAY(INSTANT), nullable=False))
    forget_at: datetime = Field(sa_type=INSTANT, index=True)


SPEND: Final = """
    INSERT INTO spent_allowances AS known (key, spent, forget_at)
    VALUES ($1, ARRAY[$2::timestamptz], $4)
    ON CONFLICT (key) DO UPDATE SET
        spent = ARRAY(SELECT at FROM unnest(known.spent) AS at WHERE at > $3) || $2,
        forget_at = $4
    WHERE (SELECT count(*) FROM unnest(known.spent) AS at WHERE at > $3) < $5
    RETURNING key
"""
"""Takes a key, now, when the window began, when it ends if it begins now, and the limit.

Gives no row, and changes nothing, where the limit is reached.
"""

EARLIEST: Final = """
    SELECT min(at) FROM spent_allowances, unnest(spent) AS at WHERE key = $1 AND at > $2
"""
"""Takes a key and when the window began; gives the first instant in it, or null."""


REFILL: Final = """
    UPDATE spent_allowances SET spent = '{}' WHERE key = $1 RETURNING key
"""
"""Takes a key; gives it, or no row where nothing was spent."""


def spent_allowances_before(cutoff: datetime, *, limit: int) -> Delete:
    """Deletes a batch of allowances that no longer count at an instant."""
    key = col(SpentAllowance.key)
    old = select(key).where(col(SpentAllowance.forget_at) < cutoff).limit(limit)
    return delete(SpentAllowance).where(key.in_(old))
