"""Gives what refers to a customer to another one: every foreign key, also of later areas."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Select, Table, Update, func, select, update
from sqlmodel import SQLModel, col

from models.bookings.bookings import Booking
from models.core.filters import is_any
from models.customers.customers import Customer


@cache
def references() -> tuple[tuple[Table, str], ...]:
    """Returns each table that refers to customers, and its column, in the order of names."""
    return tuple(
        (table, key.column_keys[-1])
        for _, table in sorted(SQLModel.metadata.tables.items())
        for key in table.constraints
        if isinstance(key, ForeignKeyConstraint)
        and key.referred_table.name == Customer.__tablename__
    )


def given_to(
    table: Table,
    column: str,
    *,
    tenant_id: UUID,
    old: UUID,
    new: UUID,
    now: datetime,
    among: Sequence[UUID] | None = None,
) -> Update:
    """Gives the rows of one customer to another one, or only those with some ids.

    Returns the ids of the rows. Rows with a version are changed like by anybody else.
    """
    columns: Any = table.c
    changed: dict[str, Any] = {column: new}
    if "version" in columns:
        changed["version"] = columns.version + 1
    if "updated_at" in columns:
        changed["updated_at"] = now
    statement = update(table).where(columns.tenant_id == tenant_id, columns[column] == old)
    if among is not None:
        statement = statement.where(is_any(columns.id, among))
    return statement.values(changed).returning(columns.id)


def bookings_counted(tenant_id: UUID, customer_id: UUID) -> Select[int]:
    """Counts all bookings of a customer, whatever their status."""
    return select(func.count()).where(
        col(Booking.tenant_id) == tenant_id, col(Booking.customer_id) == customer_id
    )
