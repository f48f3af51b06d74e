"""The base of all tables of a tenant: a composite key that begins with the tenant."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from types import NoneType
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeEngine
from sqlmodel import Field, SQLModel

from domain.core.money import Money
from domain.core.percents import Percent
from kit.ids import new_id

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMES

INSTANT: TypeEngine[datetime] = TIMESTAMP(timezone=True, precision=3)
"""An instant to the millisecond, as the API prints it."""

SORT_KEY: TypeEngine[str] = Text(collation="C")
"""The type for ``domain.core.text.sort_key``, which is compared byte by byte."""


_PLAIN: Final = frozenset({NoneType, bool, int, str})


class Logged:
    """A row whose changes are logged; ``LOGGED`` names the attributes to log."""

    LOGGED: ClassVar[tuple[str, ...]]


class TenantRow(SQLModel):
    """A row of one tenant, which row-level security hides from others."""

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    id: UUID = Field(primary_key=True, default_factory=new_id)


def refers_to(table: str, column: str, **options: Any) -> ForeignKeyConstraint:
    """Returns a composite foreign key, which can only refer to rows of the same tenant."""
    return ForeignKeyConstraint(
        ["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"], **options
    )


def one_of(column: str, values: Iterable[StrEnum]) -> str:
    """Returns the SQL condition that a text column has one of these values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return f"{column} IN ({listed})"


def stored(row: SQLModel) -> dict[str, Any]:
    """Returns all columns of a row."""
    return {name: getattr(row, name) for name in type(row).model_fields}


def snapshot(row: Logged) -> Mapping[str, object]:
    """Returns the logged attributes of a row, in JSON types."""
    # Reading from the instance's dictionary is far quicker than through SQLAlchemy's attributes.
    loaded = vars(row)
    return {
        name: _json(loaded[name] if name in loaded else getattr(row, name)) for name in row.LOGGED
    }


def _json(value: object) -> object:
    if value.__class__ in _PLAIN:
        return value
    match value:
        case datetime():
            text = value.astimezone(UTC).isoformat(timespec="milliseconds")
            return f"{text.removesuffix('+00:00').removesuffix('.000')}Z"
        case UUID() | date() | Percent():
            return str(value)
        case Money():
            return {"amount": value.amount, "currencyCode": value.currency_code}
        case int() | str() | dict():
            return value
        case list():
            return [_json(each) for each in value]
        case _:
            raise TypeError(f"{type(value).__name__} has no place in the log")
