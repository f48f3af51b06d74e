"""Series of bookings that the caller may see."""

from typing import Annotated

from sqlalchemy import Select, false
from sqlmodel import col
from typing_extensions import Doc

from domain.core.ids import BookingSeriesId
from kit.scope import Scope
from models.bookings.series import BookingSeries, own_series, series_of
from permissions.policy import grant_of
from permissions.roles import GrantScope, P


def visible_series(scope: Scope) -> Select[BookingSeries]:
    """Selects the series that the caller may see: all, their own, or none."""
    match grant_of(scope.actor, P.BOOKINGS_READ):
        case GrantScope.ANY:
            return series_of(scope.tenant_id)
        case GrantScope.OWN:
            return own_series(scope.tenant_id, scope.actor.own_id)
        case None:
            return series_of(scope.tenant_id).where(false())


async def series(
    scope: Scope, *, id: Annotated[BookingSeriesId, Doc("The id of the series.")]
) -> BookingSeries | None:
    """Find a series of bookings by id. Null if there is no such series or the caller can't see it.

    Customers see the series that were booked for them.
    """
    return await scope.one(visible_series(scope).where(col(BookingSeries.id) == id))
