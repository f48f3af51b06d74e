"""Bookings as changes find them: visible, under their room's lock; and how a change is told."""

from collections.abc import Mapping
from typing import Annotated, Any

from sqlalchemy import Select, false
from sqlmodel import col
from typing_extensions import Doc

from domain.bookings import (
    Life,
    Status,
    effective_status,
)
from domain.errors import (
    Invalid,
    NotFound,
    Refusal,
    StaleVersion,
)
from domain.events import Event, EventType
from domain.ids import BookingId
from domain.intervals import Interval
from kit.scope import Scope
from models.base import snapshot
from models.bookings import (
    Booking,
    bookings_of,
    own_bookings,
)
from models.tenants import Tenant
from permissions.policy import reach
from permissions.roles import P, Reach
from resolvers.claims import Claim, lock_rooms
from resolvers.rows import at_version, found

MAX_NOTE_LENGTH = 2000
MAX_REASON_LENGTH = 500

Version = Annotated[int, Doc("The version that was read.")]
Reason = Annotated[str | None, Doc("Kept in the history; at most 500 characters.")]


def visible_bookings(scope: Scope) -> Select[Booking]:
    """All of the tenant's, or the caller's own; none for a caller who may see none."""
    bookings = bookings_of(scope.tenant_id)
    match reach(scope.actor, P.BOOKINGS_READ):
        case Reach.ANY:
            return bookings
        case Reach.OWN if scope.actor.confined_to is not None:
            return bookings.where(col(Booking.id) == scope.actor.confined_to)
        case Reach.OWN:
            return bookings.where(own_bookings(scope.actor.own_id, scope.actor.user_id))
        case None:
            return bookings.where(false())


def status(scope: Scope, booking: Booking) -> Status:
    """Where it stands now: a hold past its time is EXPIRED."""
    return effective_status(Status(booking.status), booking.hold_expires_at, scope.now())


async def seen_booking(scope: Scope, id: BookingId, *, path: tuple[str, ...] = ("id",)) -> Booking:
    """The booking before any lock, to know its room. Raises NotFound."""
    seen = await scope.peek(visible_bookings(scope).where(col(Booking.id) == id))
    if seen is None:
        raise NotFound("booking", path=path)
    return seen


async def locked_booking(
    scope: Scope,
    id: BookingId,
    *,
    version: int | None = None,
    path: tuple[str, ...] = ("id",),
) -> Booking:
    """The booking under its room's lock. Raises NotFound, StaleVersion."""
    seen = await seen_booking(scope, id, path=path)
    await lock_rooms(scope, seen.room_id)
    if version is None:
        locked = await found(scope, visible_bookings(scope), id, what="booking", path=path)
    else:
        locked = await at_version(
            scope, visible_bookings(scope), id, version=version, what="booking"
        )
    if locked.room_id != seen.room_id:
        raise StaleVersion(locked, path=("version",))
    return locked


def life_of(booking: Booking, tenant: Tenant) -> Life:
    return Life(
        Status(booking.status),
        Interval(booking.starts_at, booking.ends_at),
        booking.hold_expires_at,
        requires_confirmation=tenant.requires_confirmation,
    )


def changed_booking(
    scope: Scope,
    type: EventType,
    booking: Booking,
    before: Any,
    *,
    reason: str | None = None,
    claimed: Claim | None = None,
    also: Mapping[str, object] | None = None,
) -> Booking:
    booking.version += 1
    booking.updated_at = scope.now()
    scope.emit(
        booking_event(type, booking, before=before, reason=reason, claimed=claimed, also=also)
    )
    return booking


def booking_event(
    type: EventType,
    booking: Booking,
    *,
    before: Any = None,
    reason: str | None = None,
    claimed: Claim | None = None,
    also: Mapping[str, object] | None = None,
) -> Event:
    after = {**snapshot(booking), **(also or {})}
    if claimed is not None and claimed.lifted:
        after = {**after, "overridden": [code.value for code in claimed.lifted]}
    return Event(type, "Booking", booking.id, reason=reason, before=before, after=after)


def text_refusals(*, note: str | None = None, reason: str | None = None) -> list[Refusal]:
    problems: list[Refusal] = []
    if note is not None and len(note) > MAX_NOTE_LENGTH:
        problems.append(Invalid(f"At most {MAX_NOTE_LENGTH} characters.", path=("note",)))
    if reason is not None and len(reason) > MAX_REASON_LENGTH:
        problems.append(Invalid(f"At most {MAX_REASON_LENGTH} characters.", path=("reason",)))
    return problems
