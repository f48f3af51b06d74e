"""Loads bookings that the caller may see, locks them for a change, and logs the change."""

from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import replace
from functools import lru_cache
from typing import Annotated, Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, any_, bindparam, false, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import joinedload
from sqlmodel import col
from typing_extensions import Doc

from domain.bookings.lifecycle import (
    MOVABLE,
    BookingState,
    Status,
    cancellable_until,
    effective_status,
)
from domain.bookings.refusals import CancellationTooLate
from domain.core.ids import BookingId
from domain.core.intervals import Interval
from domain.core.local_time import zone
from domain.core.log_events import Event, EventType
from domain.core.refusals import Invalid, NotFound, Refusal, StaleVersion
from kit.actor import ANONYMOUS, Actor
from kit.postgres.json_batch import JsonBatch
from kit.scope import Scope
from models.bookings.bookings import Booking, BookingOwner, bookings_of, holds_of_move, own_bookings
from models.core.base import snapshot
from models.tenants import Tenant
from permissions.policy import grant_of, only_own, refusal
from permissions.roles import GrantScope, P
from resolvers.bookings.slot_claims import Claim
from resolvers.bookings.space_locks import check_spaces, lock_rooms
from resolvers.core.lookups import get_at_version, get_or_refuse

_IDS: Final = ("own_id", "user_id", "confined_to")

MAX_NOTE_LENGTH = 2000
MAX_REASON_LENGTH = 500

Version = Annotated[
    int,
    Doc(
        "The version of the booking that you read. If it has changed since, "
        "the mutation is refused with STALE_VERSION."
    ),
]
Reason = Annotated[
    str | None, Doc("The reason, which is kept in the booking's history: at most 500 characters.")
]


def visible_bookings(scope: Scope) -> Select[Booking]:
    """Selects the bookings that the caller may see: all, their own, or none."""
    return _visible(scope.actor, scope.tenant_id)


def _visible(actor: Actor, tenant_id: UUID) -> Select[Booking]:
    bookings = bookings_of(tenant_id)
    match grant_of(actor, P.BOOKINGS_READ):
        case GrantScope.ANY:
            return bookings
        case GrantScope.OWN if actor.confined_to is not None:
            return bookings.where(col(Booking.id) == actor.confined_to)
        case GrantScope.OWN:
            return bookings.where(own_bookings(actor.own_id, actor.user_id))
        case None:
            return bookings.where(false())


async def seen_bookings(scope: Scope, ids: Collection[UUID]) -> dict[UUID, Booking]:
    """Returns those of some bookings that the caller may see, read-only."""
    (seen,) = await _glimpse(scope, _seen, ids)
    return {booking.id: booking for booking in seen}


async def watched_bookings(
    scope: Scope, ids: Collection[UUID]
) -> tuple[dict[UUID, Booking], dict[UUID, BookingOwner]]:
    """Returns those of some bookings that the caller may see, and the owners of the others.

    There are no others for a caller who may see all bookings.
    """
    if not only_own(scope.actor, P.BOOKINGS_READ):
        return await seen_bookings(scope, ids), {}
    visible, all_owners = await _glimpse(scope, _watched, ids)
    seen = {booking.id: booking for booking in visible}
    owners = [BookingOwner.of(each) for each in all_owners]
    return seen, {owner.id: owner for owner in owners if owner.id not in seen}


async def _glimpse(
    scope: Scope, made: Callable[[Actor, Set[str]], JsonBatch], ids: Collection[UUID]
) -> list[list[Any]]:
    actor = scope.actor
    ids_of_actor = {name: id for name in _IDS if (id := getattr(actor, name)) is not None}
    kind = replace(ANONYMOUS, kind=actor.kind, role=actor.role, scopes=actor.scopes)
    return await scope.read_batch_outside(
        made(kind, frozenset(ids_of_actor)), ids=sorted(ids), **ids_of_actor
    )


@lru_cache(maxsize=256)
def _seen(kind: Actor, names: Set[str]) -> JsonBatch:
    """Builds the batch of visible bookings by ``ids``, for actors of a kind with these ids."""
    return JsonBatch(_visible_of_ids(kind, names))


@lru_cache(maxsize=256)
def _watched(kind: Actor, names: Set[str]) -> JsonBatch:
    """Builds the same batch with the owners of all ``ids``."""
    owners = select(col(Booking.id), col(Booking.customer_id), col(Booking.held_by_id))
    of_tenant = col(Booking.tenant_id) == bindparam("tenant_id", type_=Uuid())
    return JsonBatch(_visible_of_ids(kind, names), owners.where(of_tenant, _is_of_ids()))


def _visible_of_ids(kind: Actor, names: Set[str]) -> Select[Booking]:
    ids_of_actor: Any = {name: bindparam(name, type_=Uuid()) for name in ("tenant_id", *names)}
    return _visible(replace(kind, **ids_of_actor), ids_of_actor["tenant_id"]).where(_is_of_ids())


def _is_of_ids() -> ColumnElement[bool]:
    return col(Booking.id) == any_(bindparam("ids", type_=ARRAY(Uuid())))


def status(scope: Scope, booking: Booking) -> Status:
    """The current status. A hold past its expiry is EXPIRED."""
    now = booking.as_of or scope.now()
    return effective_status(Status(booking.status), booking.hold_expires_at, now)


async def load_visible_booking(
    scope: Scope, id: BookingId, *, path: tuple[str, ...] = ("id",)
) -> Booking:
    """Returns a booking before any lock, to know its room.

    Raises NotFound, and Forbidden for callers who may see no bookings.
    """
    if grant_of(scope.actor, P.BOOKINGS_READ) is None:
        raise refusal(scope.actor, P.BOOKINGS_READ)
    seen = (await seen_bookings(scope, [id])).get(id)
    if seen is None:
        raise NotFound("booking", path=path)
    return seen


async def locked_booking(
    scope: Scope,
    id: BookingId,
    *,
    version: int | None = None,
    path: tuple[str, ...] = ("id",),
    also_spaces: Sequence[UUID] = (),
    with_tenant: bool = False,
) -> Booking:
    """Returns a booking under the locks of its spaces and of those that it may move to.

    ``with_tenant`` loads its ``tenant`` in the same statement. Raises NotFound, StaleVersion.
    """
    seen = await load_visible_booking(scope, id, path=path)
    return await lock_seen_booking(
        scope, seen, version=version, path=path, also_spaces=also_spaces, with_tenant=with_tenant
    )


async def lock_seen_booking(
    scope: Scope,
    seen: Booking,
    *,
    version: int | None = None,
    path: tuple[str, ...] = ("id",),
    also_spaces: Sequence[UUID] = (),
    with_tenant: bool = False,
) -> Booking:
    """Returns the same for a booking that was loaded before any lock."""
    id = seen.id
    held = await spaces_of_move(scope, seen)
    await lock_rooms(scope, spaces=[*seen.spaces, *also_spaces, *held])
    visible = visible_bookings(scope)
    if with_tenant:
        visible = visible.options(joinedload(Booking.tenant, innerjoin=True))  # type: ignore[arg-type]
    if version is None:
        locked = await get_or_refuse(scope, visible, id, what="booking", path=path)
    else:
        locked = await get_at_version(scope, visible, id, version=version, what="booking")
    if locked.room_id != seen.room_id:
        raise StaleVersion(locked, path=("version",))
    check_spaces(scope, locked)
    return locked


async def spaces_of_move(scope: Scope, seen: Booking) -> list[UUID]:
    """Returns the spaces where the booking's new time is held, so that they are locked as well."""
    if seen.terms is None or seen.status not in MOVABLE:
        return []
    hold = await scope.read_outside(holds_of_move(scope.tenant_id, seen.id))
    return hold.spaces if hold else []


def state_of(booking: Booking, tenant: Tenant) -> BookingState:
    return BookingState(
        Status(booking.status),
        Interval(booking.starts_at, booking.ends_at),
        booking.hold_expires_at,
        booking.approval_expires_at,
        requires_confirmation=tenant.requires_confirmation,
        check_in_from_minutes=tenant.check_in_from_minutes,
        zone=zone(tenant.time_zone),
    )


def too_late_to_cancel(
    scope: Scope, booking: Booking, tenant: Tenant
) -> CancellationTooLate | None:
    """Returns the refusal of a customer who cancels a booking later than the venue allows."""
    if not only_own(scope.actor, P.BOOKINGS_WRITE):
        return None
    until = cancellable_until(state_of(booking, tenant), tenant.min_change_notice_minutes)
    if until is None or scope.now() <= until:
        return None
    return CancellationTooLate(until, zone(tenant.time_zone), path=("id",))


def record_change(
    scope: Scope,
    type: EventType,
    booking: Booking,
    before: Any,
    *,
    reason: str | None = None,
    claimed: Claim | None = None,
    also: Mapping[str, object] | None = None,
) -> Booking:
    """Raises the version of a changed booking, and logs the change."""
    event = change_event(scope, type, booking, before, reason=reason, claimed=claimed, also=also)
    scope.emit(event)
    return booking


def change_event(
    scope: Scope,
    type: EventType,
    booking: Booking,
    before: Any,
    *,
    reason: str | None = None,
    claimed: Claim | None = None,
    also: Mapping[str, object] | None = None,
) -> Event:
    """Raises the version of a changed booking, and returns the event to log."""
    booking.version += 1
    booking.updated_at = scope.now()
    if has_changed_hands(scope.actor, booking, before):
        booking.link_version += 1
    return booking_event(type, booking, before=before, reason=reason, claimed=claimed, also=also)


def has_changed_hands(actor: Actor, booking: Booking, before: Mapping[str, object]) -> bool:
    """Returns whether the customer has changed, other than by a guest who books their own hold."""
    return actor.confined_to is None and before["customer_id"] != snapshot(booking)["customer_id"]


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
