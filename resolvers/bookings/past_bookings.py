"""Bookings as they were at an earlier instant."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from sqlalchemy import Select
from sqlmodel import col
from typing_extensions import Doc

from domain.core.ids import BookingId
from domain.core.refusals import Invalid, Path
from kit.postgres.detached_rows import detached_row
from kit.scope import Scope
from models.bookings.bookings import Booking, bookings_of
from models.bookings.past_bookings import as_of_instant
from resolvers.bookings.booking_access import visible_bookings
from resolvers.tenants.tenants import own_tenant

_TICK: Final = timedelta(milliseconds=1)
"""The precision of stored instants."""

_PATH: Final[Path] = ("as_of",)

AsOf = Annotated[
    datetime | None,
    Doc(
        "Return bookings as they were at this time, since the venue was registered; the default is "
        "now. Rooms, customers, series, payments and histories are shown as they are now."
    ),
]


async def booking_as_of(scope: Scope, id: BookingId, as_of: datetime) -> Booking | None:
    """Returns a booking as it was at an instant; None if the caller couldn't have seen it then."""
    then = as_of_instant(visible_bookings(scope), scope.tenant_id, as_of)
    found = await load_as_of(scope, as_of, then.where(col(Booking.id) == id))
    return found[0] if found else None


async def load_as_of(scope: Scope, as_of: datetime, then: Select[Any]) -> list[Booking]:
    """Returns the rows of a list as of an instant. Raises Invalid for an instant without any."""
    await _check(scope, as_of)
    return await _rows(scope, as_of, then)


async def booking_before(scope: Scope, id: UUID, changed_at: datetime) -> Booking | None:
    """Returns a booking as it was before its changes at an instant, whoever may see it."""
    before = changed_at - _TICK
    then = as_of_instant(bookings_of(scope.tenant_id), scope.tenant_id, before)
    found = await _rows(scope, before, then.where(col(Booking.id) == id))
    return found[0] if found else None


async def _rows(scope: Scope, as_of: datetime, then: Select[Any]) -> list[Booking]:
    # Not of the session, where they would be the same objects as the rows of now.
    rows = await scope.rows(then)
    names = [column.name for column in then.selected_columns]
    return [
        detached_row(Booking, **dict(zip(names, row, strict=True)), as_of=as_of) for row in rows
    ]


async def _check(scope: Scope, as_of: datetime) -> None:
    if as_of > scope.now():
        raise Invalid("`asOf` is in the future.", path=_PATH)
    earliest = (await own_tenant(scope)).created_at
    if as_of < earliest:
        begins = earliest.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        problem = f"`asOf` can be {begins} at the earliest: the venue's registration."
        raise Invalid(problem, path=_PATH)
