"""Spent allowances, shared by all processes and tenants."""

from datetime import datetime
from typing import Final

from sqlalchemy import ARRAY, Column, Delete, delete, select
from sqlmodel import Field, SQLModel, col

from models.core.base import INSTANT


class SpentAllowance(SQLModel, table=True):
    """The instants at which an allowance was spent within its window.

    ``key`` is a keyed hash of what is counted, so that a row contains no personal data. Rows belong
    to no tenant: an address counts for all of them.
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
"""Spends an allowance: by key, now, start of the window, end of a new window, and the limit.

Returns no row, and changes nothing, if the limit is reached.
"""

EARLIEST: Final = """
    SELECT min(at) FROM spent_allowances, unnest(spent) AS at WHERE key = $1 AND at > $2
"""
"""Selects the first instant in the window by key and start of the window, or null."""


REFILL: Final = """
    UPDATE spent_allowances SET spent = '{}' WHERE key = $1 RETURNING key
"""
"""Resets what was spent for a key, and returns the key; no row if nothing was."""


def spent_allowances_before(cutoff: datetime, *, limit: int) -> Delete:
    """Deletes a batch of allowances that no longer count at an instant."""
    key = col(SpentAllowance.key)
    old = select(key).where(col(SpentAllowance.forget_at) < cutoff).limit(limit)
    return delete(SpentAllowance).where(key.in_(old))
