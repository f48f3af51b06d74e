"""What follows for the waitlist from events: offers that end, and times that become free."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlmodel import col

from domain.bookings.lifecycle import OCCUPYING, Status
from domain.bookings.waitlist import WaitlistStatus
from domain.core.intervals import Interval
from domain.core.log_events import EventType, LoggedEvent
from kit.scope import Scope
from models.bookings.bookings import Booking, bookings_of
from models.bookings.waitlist import WaitlistEntry, entries_of, entry_offered, queue_of
from models.venue.rooms import rooms_sharing
from resolvers.bookings.hooks import BookingChange, BookingEvent
from resolvers.bookings.waitlist import end_entry, entry_lock
from resolvers.bookings.waitlist_offers import OFFER_JOB
from resolvers.core.hooks import Conditional, Handler

FOLLOWED: Final = frozenset(
    {
        EventType.BOOKING_CANCELLED,
        EventType.BOOKING_COMPLETED,
        EventType.BOOKING_EXPIRED,
        EventType.BOOKING_NO_SHOW,
        EventType.BOOKING_REJECTED,
        EventType.BOOKING_RESCHEDULED,
        EventType.BOOKING_UPDATED,
        EventType.BLACKOUT_DELETED,
        EventType.HOURS_CHANGED,
        EventType.ROOM_CREATED,
        EventType.ROOM_UNARCHIVED,
        EventType.ROOM_UPDATED,
        EventType.SETTINGS_CHANGED,
        EventType.TENANT_UPDATED,
        EventType.WAITLIST_JOINED,
    }
)
"""The events after which a time may be free for somebody who waits."""


async def follow_waitlist(scope: Scope, event: LoggedEvent) -> None:
    """Ends the offer of a hold that has ended, and enqueues the offers of what became free."""
    match event.subject_type:
        case "Booking":
            await _follow_booking(scope, event)
        case "WaitlistEntry":
            await _follow_entry(scope, event.subject_id)
        case _:
            await _offer(scope, None)


async def _follow_booking(scope: Scope, event: LoggedEvent) -> None:
    entry = await scope.one(entry_offered(scope.tenant_id, event.subject_id))
    if entry is not None:
        await scope.lock(entry_lock(entry.id))
    booking = await scope.one(
        bookings_of(scope.tenant_id).where(col(Booking.id) == event.subject_id)
    )
    assert booking is not None, "bookings are never removed"
    if entry is not None:
        await _end_offer(scope, entry.id, Status(booking.status))
    if (moved := _time_before(booking, event.before or {})) is not None:
        # A later move may have changed its room once more, which the row has already.
        await _offer(scope, moved)
    is_resized = "party_size" in (event.before or {})
    if is_resized or Status(booking.status) not in OCCUPYING:
        await _offer_rooms(scope, _occupied(booking), [booking.room_id, *booking.spaces])


async def _end_offer(scope: Scope, entry_id: UUID, status: Status) -> None:
    """Ends the offer of a hold that has ended, unless its customer has answered."""
    entry = await scope.one(
        entries_of(scope.tenant_id)
        .where(
            col(WaitlistEntry.id) == entry_id,
            col(WaitlistEntry.status) == WaitlistStatus.OFFERED.value,
        )
        .execution_options(populate_existing=True)
    )
    if entry is None:
        return
    if status is Status.EXPIRED:
        end_entry(scope, entry, WaitlistStatus.EXPIRED, EventType.WAITLIST_EXPIRED)
    elif status not in OCCUPYING:
        end_entry(scope, entry, WaitlistStatus.DECLINED, EventType.WAITLIST_DECLINED)


async def _follow_entry(scope: Scope, id: UUID) -> None:
    entry = await scope.one(entries_of(scope.tenant_id).where(col(WaitlistEntry.id) == id))
    assert entry is not None, "entries are never removed"
    length = timedelta(minutes=entry.duration_minutes)
    wanted = Interval(entry.first_start_at, entry.last_start_at + length)
    rooms: Sequence[UUID | None] = entry.room_ids or [None]
    for room_id in rooms:
        await _offer(scope, wanted, room_id=room_id)


async def _offer_rooms(scope: Scope, freed: Interval, spaces: Sequence[UUID]) -> None:
    """Enqueues the offers of a time of all rooms that have some of these spaces."""
    for room in await scope.all(rooms_sharing(scope.tenant_id, spaces)):
        await _offer(scope, freed, room_id=room.id)


async def _offer(scope: Scope, freed: Interval | None, room_id: UUID | None = None) -> None:
    """Enqueues the offers of a time of a room; None: of any, if somebody waits at all."""
    if await scope.one(queue_of(scope.tenant_id, None, None, room_id)) is None:
        return
    payload = {
        "room_id": room_id and str(room_id),
        "since": freed and freed.start.isoformat(),
        "until": freed and freed.end.isoformat(),
    }
    scope.enqueue(OFFER_JOB, payload, dedupe=" ".join(map(str, payload.values())))


def _time_before(booking: Booking, before: Mapping[str, object]) -> Interval | None:
    """Returns the time, with its buffers, that a booking had before it was moved or shortened."""
    if not {"room_id", "starts_at", "ends_at"} & before.keys():
        return None
    start, end = (
        datetime.fromisoformat(str(before[name])).astimezone(UTC)
        if name in before
        else getattr(booking, name)
        for name in ("starts_at", "ends_at")
    )
    occupied = _occupied(booking)
    return Interval(
        start - (booking.starts_at - occupied.start), end + (occupied.end - booking.ends_at)
    )


def _occupied(booking: Booking) -> Interval:
    lower, upper = booking.occupied.lower, booking.occupied.upper
    assert lower is not None and upper is not None
    return Interval(lower, upper)


# ------------------------------------------------------------------------------ in the change


def _is_offered(change: BookingChange) -> bool:
    """Returns whether a hold that is booked may be an offer: nobody else makes it for a customer.

    Others are held by a user or a guest's network, and have no customer before they are booked.
    """
    hold, before = change.booking, change.before
    if before is None or hold.held_by_id is not None or hold.held_from is not None:
        return False
    return before["customer_id"] is not None and hold.moves_id is None


async def _accept(scope: Scope, change: BookingChange) -> None:
    entry = await scope.one(entry_offered(scope.tenant_id, change.booking.id))
    if entry is not None:
        end_entry(scope, entry, WaitlistStatus.ACCEPTED, EventType.WAITLIST_ACCEPTED)


WAITLIST_HANDLERS: Final[Mapping[BookingEvent, Handler[BookingChange]]] = {
    EventType.BOOKING_CREATED: Conditional(_is_offered, _accept)
}
"""An offer that becomes a booking is accepted, whichever mutation or payment booked it."""
