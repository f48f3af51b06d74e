"""Fields of the venue that are computed in SQL."""

from typing import Any

from sqlalchemy import ColumnElement, select
from sqlmodel import col

from kit.graphql.field_sources import Value
from models.core.sql_fields import money
from models.tenants import Tenant


def time_zone(scope: Any, _: Any) -> ColumnElement[str]:
    """Returns the venue's time zone; it depends on no row, so PostgreSQL looks it up once."""
    zone = select(col(Tenant.time_zone)).where(col(Tenant.id) == scope.tenant_id)
    return zone.scalar_subquery()


def hourly_rate(_: Any, room: Any) -> Value:
    """Returns the hourly rate of a room, or null."""
    return money(room.hourly_rate_minor, room.currency_code)
