"""Series of bookings that the caller may see, and their bookings under the locks of a change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select, false
from sqlalchemy.orm import joinedload
from sqlmodel import col
from typing_extensions import Doc

from domain.bookings.recurrence import Occurrence, RecurrenceRule, occurrences
from domain.bookings.recurrence_text import parse_rule
from domain.bookings.series import SeriesScope, ended_before
from domain.core.ids import BookingSeriesId
from domain.core.local_time import zone
from domain.core.refusals import Invalid, NotFound, StaleVersion
from kit.postgres.keyset_pagination import Listing, Order
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.bookings.series import (
    BookingSeries,
    SeriesFilter,
    own_series,
    series_matching,
    series_of,
)
from models.bookings.series_bookings import SPACES_OF_SERIES
from models.tenants import Tenant
from permissions.policy import grant_of
from permissions.policy import refusal as forbidden
from permissions.roles import GrantScope, P
from resolvers.bookings.booking_access import visible_bookings
from resolvers.bookings.space_locks import space_locks, spaces_of
from resolvers.core.lookups import CALENDAR, get_at_version


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


def booking_series(
    scope: Scope,
    *,
    filter: Annotated[
        SeriesFilter | None, Doc("Which series to return; all that the caller sees by default.")
    ] = None,
) -> Listing[BookingSeries]:
    """The series of bookings that the caller can see, the newest first.

    Customers see the series that were booked for them.
    """
    found = series_matching(visible_series(scope), filter)
    return Listing(BookingSeries, found, (Order(BookingSeries.created_at, descending=True),))


# ------------------------------------------------------------------------------ for a change


@dataclass(frozen=True, slots=True)
class SeriesPart:
    """The bookings of a series that a change is about, by their place in it.

    ``booking`` is the one from which they were chosen, and one of them.
    """

    series: BookingSeries
    booking: Booking
    bookings: Sequence[Booking]

    @property
    def tenant(self) -> Tenant:
        return self.booking.tenant

    @property
    def zone(self) -> ZoneInfo:
        return zone(self.series.time_zone)


async def locked_part(
    scope: Scope,
    seen: Booking,
    which: SeriesScope,
    *,
    version: int,
    also_rooms: Sequence[UUID] = (),
) -> SeriesPart:
    """Returns a part of a booking's series, under the locks of all rooms of the series.

    Raises Invalid for a booking that doesn't repeat, NotFound, StaleVersion. A caller who may see
    the booking but not its series, which was booked for another customer, can't change that.
    """
    if seen.series_id is None:
        raise Invalid("This booking doesn't repeat; leave `scope` out.", path=("id",))
    await lock_series(scope, seen.series_id, *also_rooms)
    tenant = joinedload(Booking.tenant, innerjoin=True)  # type: ignore[arg-type]
    visible = visible_bookings(scope).options(tenant)
    booking = await get_at_version(scope, visible, seen.id, version=version, what="booking")
    if booking.series_id != seen.series_id:
        raise StaleVersion(booking, path=("version",))
    of_id = col(BookingSeries.id) == seen.series_id
    series = await scope.one(visible_series(scope).where(of_id))
    if series is None:
        raise NotFound("series", path=("id",))
    found = visible.where(col(Booking.series_id) == series.id)
    if which is SeriesScope.THIS_AND_FOLLOWING:
        found = found.where(col(Booking.original_starts_at) >= booking.original_starts_at)
    in_order = found.order_by(col(Booking.original_starts_at), col(Booking.id))
    bookings = await scope.all(in_order)
    return SeriesPart(series, booking, bookings)


async def lock_series(scope: Scope, series_id: UUID, *also_rooms: UUID) -> None:
    """Locks a series, the rooms in which its bookings take time, and those to which they move.

    Raises StaleVersion if a booking has moved to another room before the locks were taken.
    """
    seen = await scope.read_batch_outside(SPACES_OF_SERIES, series_id=series_id)
    spaces = {*_space_ids(seen), *await spaces_of(scope, *also_rooms)}
    await scope.lock(*space_locks(scope, *spaces), ("series", series_id), shared=[CALENDAR])
    found = await scope.fetch_batch(
        SPACES_OF_SERIES, tenant_id=scope.tenant_id, series_id=series_id
    )
    if not _space_ids(found) <= spaces:
        of_id = col(BookingSeries.id) == series_id
        current = await scope.one(series_of(scope.tenant_id).where(of_id))
        raise StaleVersion(current, path=("version",))


def _space_ids(found: list[list[Any]]) -> set[UUID]:
    return {each.space_id for part in found for each in part}


async def locked_series(scope: Scope, id: BookingSeriesId, *, version: int) -> BookingSeries:
    """Returns a series that the caller may see, under its locks and that of its room.

    Raises NotFound, StaleVersion, and Forbidden for callers who may see no bookings.
    """
    if grant_of(scope.actor, P.BOOKINGS_READ) is None:
        raise forbidden(scope.actor, P.BOOKINGS_READ)
    one = visible_series(scope)
    seen = await scope.read_outside(one.where(col(BookingSeries.id) == id))
    if seen is None:
        raise NotFound("series", path=("series_id",))
    await lock_series(scope, seen.id, seen.room_id)
    found = await get_at_version(scope, one, id, version=version, what="series")
    if found.room_id != seen.room_id:
        raise StaleVersion(found, path=("version",))
    return found


def rule_of(series: BookingSeries) -> tuple[RecurrenceRule, list[Occurrence]]:
    """Returns the rule of a series, and its occurrences, on excluded dates too."""
    rule = parse_rule(series.rrule)
    return rule, occurrences(rule, series.starts_at, zone(series.time_zone))


def end_series(scope: Scope, series: BookingSeries, cut: datetime) -> None:
    """Ends the rule of a series before an instant.

    A series that would have no occurrence left keeps its rule.
    """
    rule, found = rule_of(series)
    ended = ended_before(rule, found, cut)
    if ended is not None:
        series.rrule = str(ended)
    touch(scope, series)


def touch(scope: Scope, series: BookingSeries) -> None:
    """Raises the version of a changed series."""
    series.version += 1
    series.updated_at = scope.now()
