"""Offers times that have become free to those who wait for them, by holds."""

from collections.abc import Set
from datetime import timedelta
from enum import StrEnum, auto
from typing import Final
from uuid import UUID

from sqlmodel import col

from domain.bookings.lifecycle import Status
from domain.bookings.waitlist import Offer, Openings, WaitlistStatus, accept_until
from domain.core.ids import RoomId
from domain.core.intervals import Interval
from domain.core.local_time import Start
from domain.core.log_events import Event, EventType
from kit.scope import Scope
from kit.time_slice import TimeSlice
from models.bookings.waitlist import WaitlistEntry, entries_of, queue_of
from models.core.base import snapshot
from resolvers.bookings.booking_access import booking_event
from resolvers.bookings.calendars import load_calendar, load_venue, wish_of
from resolvers.bookings.hooks import subscription_refusals
from resolvers.bookings.new_bookings import insert_booking
from resolvers.bookings.quotas import exceeded_quotas
from resolvers.bookings.slot_claims import claim, customer_of
from resolvers.bookings.space_locks import space_locks, spaces_of
from resolvers.bookings.waitlist import end_entry, entry_lock, priority_tag
from resolvers.core.lookups import CALENDAR
from resolvers.customers.customers import Booker

OFFER_JOB: Final = "waitlist"


class Outcome(StrEnum):
    """What has become of an offer: made, too late for it, or refused to its customer."""

    MADE = auto()
    TAKEN = auto()
    REFUSED = auto()


async def find_offers(
    scope: Scope, room_id: RoomId, freed: Interval | None, *, without: Set[UUID] = frozenset()
) -> list[Offer]:
    """Returns who gets which start of a room, of those that touch a freed time; None: any.

    The entries ``without`` are left out.
    """
    venue = await load_venue(scope, [room_id])
    room = venue.rooms.get(room_id)
    if room is None:
        return []
    tenant, now = venue.tenant, scope.now()
    since, until = now, now + timedelta(days=tenant.max_advance_days, minutes=1)
    if freed is not None:
        longest = timedelta(minutes=tenant.max_duration_minutes + room.buffer_after_minutes)
        since = max(since, freed.start - longest)
        until = min(until, freed.end + timedelta(minutes=room.buffer_before_minutes + 1))
    if since >= until:
        return []
    starts = Interval(since, until)
    tag = priority_tag(tenant)
    queue = await scope.all(queue_of(scope.tenant_id, tag, starts, room_id))
    if not queue:
        return []
    longest_wish = wish_of(
        scope,
        venue,
        duration_minutes=max(each.duration_minutes for each in queue),
        party_size=1,
        override=False,
    )
    calendar = await load_calendar(scope, venue, starts, longest_wish)
    openings = Openings(calendar.facts[room_id], starts, longest_wish.rules, now)
    found, turn = [], TimeSlice()
    for entry in queue:
        if entry.id not in without and (offer := openings.offer(entry.waiting)) is not None:
            found.append(offer)
        if turn.is_over:
            await turn.give_way()
    return found


async def make_offer(scope: Scope, offer: Offer) -> Outcome:
    """Holds a start for an entry, unless it is taken by now or the entry doesn't wait any more."""
    spaces = space_locks(scope, *await spaces_of(scope, offer.room_id))
    await scope.lock(entry_lock(offer.entry.id), *spaces, shared=[CALENDAR])
    entry = await scope.one(
        entries_of(scope.tenant_id).where(col(WaitlistEntry.id) == offer.entry.id)
    )
    if entry is None or entry.status != WaitlistStatus.WAITING:
        return Outcome.TAKEN
    claimed = await claim(
        scope,
        offer.room_id,
        Start(at=offer.starts_at),
        duration_minutes=entry.duration_minutes,
        party_size=entry.party_size,
        customer=customer_of(entry),
        override=False,
    )
    until = accept_until(offer.starts_at, now=scope.now(), rules=claimed.wish.rules)
    if claimed.refusals or until <= scope.now() or await subscription_refusals(scope):
        return Outcome.TAKEN
    # Of the customer, as nobody's override is at work here.
    if await exceeded_quotas(scope, claimed.tenant, entry.customer_id, [claimed.wanted]):
        return Outcome.REFUSED
    hold = await insert_booking(
        scope,
        claimed,
        status=Status.HELD,
        booker=Booker(entry.customer_id),
        hold_expires_at=until,
        note=None,
    )
    scope.emit(booking_event(EventType.BOOKING_HELD, hold, claimed=claimed))
    before = snapshot(entry)
    entry.status = WaitlistStatus.OFFERED.value
    entry.hold_id, entry.offer_expires_at = hold.id, until
    entry.updated_at = scope.now()
    scope.emit(
        Event(
            EventType.WAITLIST_OFFERED,
            "WaitlistEntry",
            entry.id,
            before=before,
            after=snapshot(entry),
        )
    )
    return Outcome.MADE


async def expire_entry(scope: Scope, id: UUID) -> None:
    """Ends an entry whose last start has passed, unless it was answered meanwhile."""
    await scope.lock(entry_lock(id))
    entry = await scope.one(entries_of(scope.tenant_id).where(col(WaitlistEntry.id) == id))
    if entry is None or entry.status != WaitlistStatus.WAITING:
        return
    if entry.last_start_at <= scope.now():
        end_entry(scope, entry, WaitlistStatus.EXPIRED, EventType.WAITLIST_EXPIRED)
