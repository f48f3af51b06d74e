"""Fields of the venue that are computed in SQL."""

from typing import Any

from sqlalchemy import ColumnElement, case, literal, select
from sqlmodel import col

from domain.venue.sharing import Sharing
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


def sharing(_: Any, room: Any) -> ColumnElement[str]:
    """Returns how a room is shared; only rooms that are shared by seats have a number of them."""
    exclusive, by_seats = literal(Sharing.EXCLUSIVE.value), literal(Sharing.SEATS.value)
    return case((room.seats.is_(None), exclusive), else_=by_seats)
