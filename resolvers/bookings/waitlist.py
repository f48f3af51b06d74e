"""The waitlist: customers join it, leave it, and answer what is offered to them."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Final
from uuid import UUID

from sqlalchemy import Select, false
from sqlalchemy.orm import joinedload
from sqlmodel import col
from typing_extensions import Doc

from domain.accounts.refusals import EmailNotVerified
from domain.accounts.users import Role
from domain.bookings.availability import refusals
from domain.bookings.lifecycle import Status
from domain.bookings.refusals import HoldExpired, WaitlistEntryClosed
from domain.bookings.room_prices import PLAIN_PRICES
from domain.bookings.slot_facts import SlotRequest
from domain.bookings.waitlist import (
    MAX_OPEN_ENTRIES,
    MAX_VENUE_ENTRIES,
    WaitlistDates,
    WaitlistStatus,
    WaitlistWish,
    lasting_reasons,
    span_refusals,
)
from domain.core.ids import BookingId, RoomId, WaitlistEntryId
from domain.core.local_time import Start, resolve_start, zone
from domain.core.log_events import Event, EventType
from domain.core.money import Money
from domain.core.refusals import Invalid, LimitReached, NotFound, Refusal, Required
from domain.customers.customers import CustomerChoice
from domain.customers.tags import tag_name
from domain.venue.hours import HoursFacts
from kit.postgres.keyset_pagination import Listing, Order
from kit.scope import Scope
from models.bookings.bookings import Booking, bookings_of
from models.bookings.waitlist import (
    WaitlistEntry,
    WaitlistFilter,
    entries_matching,
    entries_of,
    open_entries,
    own_entries,
    positions,
    stored_dates,
)
from models.core.base import snapshot
from models.core.filters import is_any
from models.tenants import Tenant
from models.venue.rooms import Room, rooms_of
from permissions.policy import grant_of, may
from permissions.roles import GrantScope, P
from resolvers.bookings.booking_access import status as booking_status
from resolvers.bookings.bookings import book_hold
from resolvers.bookings.calendars import load_venue, wish_of
from resolvers.bookings.new_bookings import BookingWish
from resolvers.bookings.space_locks import check_spaces, space_locks
from resolvers.bookings.transitions import cancel_locked
from resolvers.bookings.venue_facts import Venue, room_facts
from resolvers.core.lookups import CALENDAR, get_or_refuse, raise_all
from resolvers.customers.customers import chosen_booker
from resolvers.tenants.tenants import own_tenant

WAITLIST: Final = ("waitlist",)
"""The lock of those who join a venue's waitlist, because they are counted."""

Id = Annotated[WaitlistEntryId, Doc("The id of the entry.")]


def visible_entries(scope: Scope) -> Select[WaitlistEntry]:
    """Selects the entries that the caller may see: all, their own, or none."""
    match grant_of(scope.actor, P.BOOKINGS_READ):
        case GrantScope.ANY:
            return entries_of(scope.tenant_id)
        case GrantScope.OWN if scope.actor.confined_to is None:
            return own_entries(scope.tenant_id, scope.actor.own_id)
        case _:
            return entries_of(scope.tenant_id).where(false())


def waitlist(
    scope: Scope,
    *,
    filter: Annotated[
        WaitlistFilter | None, Doc("Which entries to return; all by default.")
    ] = None,
) -> Listing[WaitlistEntry]:
    """The entries of the waitlist, with every status, in the order in which customers joined.

    A customer who calls sees only their own.
    """
    entries = entries_matching(visible_entries(scope), filter)
    return Listing(WaitlistEntry, entries, (Order(WaitlistEntry.created_at),))


# ------------------------------------------------------------------------------ joining


async def join_waitlist(
    scope: Scope,
    *,
    start: Annotated[Start | None, Doc("The start to wait for; otherwise, give `dates`.")] = None,
    dates: Annotated[
        WaitlistDates | None, Doc("The dates and local times of which any fits.")
    ] = None,
    duration_minutes: Annotated[int, Doc("The duration of the booking in minutes: 1 to 44,700.")],
    party_size: Annotated[int, Doc("The number of people.")] = 1,
    room_ids: Annotated[
        tuple[RoomId, ...] | None, Doc("The rooms of which any fits; every room by default.")
    ] = None,
    customer: Annotated[
        CustomerChoice | None,
        Doc("The customer who waits. Customers can only wait for themselves."),
    ] = None,
) -> WaitlistEntry:
    """Wait for a time that isn't free, and get an offer once it is.

    Whoever comes first gets the time held, until `offerExpiresAt`, and an e-mail about it. Then
    `acceptWaitlistOffer` books it; if the offer is declined or expires, the next one gets it. If
    the time is free already, it is offered within seconds. A customer can have 20 open entries, and
    a venue 2,000.
    """
    actor = scope.actor
    if actor.role == Role.CUSTOMER and actor.user_id is not None and actor.own_id is None:
        raise EmailNotVerified
    if (start is None) == (dates is None):
        raise Invalid("Give either `start` or `dates`.", path=("start",))
    if room_ids == ():
        raise Invalid("Name at least one room, or leave this out.", path=("room_ids",))
    await scope.lock(WAITLIST, shared=[CALENDAR])
    venue = await load_venue(scope, None if room_ids is None else [*dict.fromkeys(room_ids)])
    wish = WaitlistWish(
        duration_minutes,
        party_size,
        None if start is None else resolve_start(start, venue.zone),
        dates,
        None if room_ids is None else frozenset(room_ids),
    )
    refused = _wish_refusals(scope, venue, wish, room_ids or ())
    booker, unknown = await chosen_booker(scope, customer)
    refused += unknown
    if booker.customer_id is None and not unknown:
        refused.append(Required(path=("customer",)))
    raise_all(refused)
    assert booker.customer_id is not None
    raise_all(await _limit_refusals(scope, booker.customer_id))
    first_start_at, last_start_at = wish.first_and_last(venue.zone)
    entry = scope.add(
        WaitlistEntry(
            tenant_id=scope.tenant_id,
            customer_id=booker.customer_id,
            starts_at=wish.starts_at,
            **stored_dates(dates),
            duration_minutes=duration_minutes,
            party_size=party_size,
            room_ids=None if room_ids is None else [*dict.fromkeys(room_ids)],
            first_start_at=first_start_at,
            last_start_at=last_start_at,
            created_at=scope.now(),
            updated_at=scope.now(),
        )
    )
    scope.emit(Event(EventType.WAITLIST_JOINED, "WaitlistEntry", entry.id, after=snapshot(entry)))
    return entry


def _wish_refusals(
    scope: Scope, venue: Venue, wish: WaitlistWish, room_ids: Sequence[RoomId]
) -> list[Refusal]:
    """Returns what refuses a wish whatever becomes free. Raises Invalid."""
    refused: list[Refusal] = [
        NotFound("room", path=("room_ids", place))
        for place, id in enumerate(room_ids)
        if id not in venue.rooms
    ]
    by_rules = wish_of(
        scope,
        venue,
        duration_minutes=wish.duration_minutes,
        party_size=wish.party_size,
        override=False,
    )
    refused += span_refusals(wish, venue.zone, now=scope.now())
    if refused:
        return refused
    every = [_refused_in(room, wish, by_rules) for room in venue.rooms.values()]
    return every[0] if every and all(every) else []


def _refused_in(room: Room, wish: WaitlistWish, by_rules: SlotRequest) -> list[Refusal]:
    facts = room_facts(room, hours=HoursFacts(()), prices=PLAIN_PRICES, blackouts=())
    reasons = lasting_reasons(facts, wish, by_rules)
    start = wish.starts_at or by_rules.now
    return refusals(facts, start, reasons, wish=by_rules)


async def _limit_refusals(scope: Scope, customer_id: UUID) -> list[Refusal]:
    ((of_venue, own),) = await scope.rows(open_entries(scope.tenant_id, customer_id))
    refused: list[Refusal] = []
    if own >= MAX_OPEN_ENTRIES:
        problem = f"A customer can wait for at most {MAX_OPEN_ENTRIES} times: leave one first."
        refused.append(LimitReached("waitlist entries", MAX_OPEN_ENTRIES, own, hint=problem))
    elif of_venue >= MAX_VENUE_ENTRIES:
        problem = "The venue's waitlist is full; try again later."
        refused.append(LimitReached("waitlist entries", MAX_VENUE_ENTRIES, of_venue, hint=problem))
    return refused


# ------------------------------------------------------------------------------ answering


async def accept_waitlist_offer(
    scope: Scope,
    id: Id,
    *,
    expected_total: Annotated[
        Money | None,
        Doc(
            "The price that the customer agreed to. If the price differs, the mutation is refused "
            "with PRICE_CHANGED."
        ),
    ] = None,
) -> WaitlistEntry:
    """Book the time that is offered, as `createBooking` does with its hold.

    If the customer has to pay in advance, the booking stays HELD until its `payment` is made, and
    the entry OFFERED. An offer that has expired is refused with HOLD_EXPIRED.
    """
    seen = await scope.read_outside(visible_entries(scope).where(col(WaitlistEntry.id) == id))
    if seen is None:
        raise NotFound("waitlist entry", path=("id",))
    if seen.hold_id is None or seen.status != WaitlistStatus.OFFERED:
        raise await _closed(scope, seen)
    try:
        booking = await book_hold(
            scope, BookingId(seen.hold_id), BookingWish(None, None, None, expected_total)
        )
    except HoldExpired as refusal:
        refusal.path = ("id",)
        raise
    entry = await get_or_refuse(scope, entries_of(scope.tenant_id), id, what="waitlist entry")
    if entry.status == WaitlistStatus.OFFERED:
        # It waits for its payment.
        entry.offer_expires_at = booking.hold_expires_at
        entry.updated_at = scope.now()
    return entry


async def decline_waitlist_offer(scope: Scope, id: Id) -> WaitlistEntry:
    """Decline the time that is offered, which the next one on the waitlist gets at once.

    The entry ends; join again to wait for another time.
    """
    return await _give_up(scope, id, WaitlistStatus.DECLINED, EventType.WAITLIST_DECLINED)


async def leave_waitlist(scope: Scope, id: Id) -> WaitlistEntry:
    """Leave the waitlist, and give up what is offered, if anything is."""
    return await _give_up(scope, id, WaitlistStatus.LEFT, EventType.WAITLIST_LEFT)


async def _give_up(
    scope: Scope, id: WaitlistEntryId, status: WaitlistStatus, type: EventType
) -> WaitlistEntry:
    visible = visible_entries(scope)
    seen = await scope.read_outside(visible.where(col(WaitlistEntry.id) == id))
    if seen is None:
        raise NotFound("waitlist entry", path=("id",))
    await _lock_entry(scope, seen)
    entry = await get_or_refuse(scope, visible, id, what="waitlist entry")
    if entry.status == WaitlistStatus.OFFERED and entry.hold_id != seen.hold_id:
        raise WaitlistEntryClosed("A time has just been offered; look at it first.", path=("id",))
    answers = {WaitlistStatus.OFFERED} | (
        {WaitlistStatus.WAITING} if status is WaitlistStatus.LEFT else set()
    )
    if entry.status not in answers:
        raise await _closed(scope, entry)
    if entry.status == WaitlistStatus.OFFERED:
        hold = await _locked_hold(scope, entry)
        if booking_status(scope, hold) is Status.EXPIRED:
            raise await _closed(scope, entry)
        await cancel_locked(scope, hold)
    end_entry(scope, entry, status, type)
    return entry


async def _lock_entry(scope: Scope, seen: WaitlistEntry) -> None:
    """Locks an entry as it was seen before, with the spaces of what is offered to it."""
    spaces: list[UUID] = []
    if seen.status == WaitlistStatus.OFFERED:
        hold = await scope.read_outside(
            bookings_of(scope.tenant_id).where(col(Booking.id) == seen.hold_id)
        )
        spaces += hold.spaces if hold is not None else []
    await scope.lock(entry_lock(seen.id), *space_locks(scope, *spaces), shared=[CALENDAR])


def entry_lock(id: UUID) -> tuple[object, ...]:
    """Returns the name of the lock under which an entry gets an offer or gives one up."""
    return "waitlist entry", id


def end_entry(scope: Scope, entry: WaitlistEntry, status: WaitlistStatus, type: EventType) -> None:
    """Stores a new status of an entry, and logs it."""
    before = snapshot(entry)
    entry.status = status.value
    entry.updated_at = scope.now()
    scope.emit(Event(type, "WaitlistEntry", entry.id, before=before, after=snapshot(entry)))


async def _locked_hold(scope: Scope, entry: WaitlistEntry) -> Booking:
    with_tenant = joinedload(Booking.tenant, innerjoin=True)  # type: ignore[arg-type]
    hold = await scope.one(
        bookings_of(scope.tenant_id).where(col(Booking.id) == entry.hold_id).options(with_tenant)
    )
    assert hold is not None, "bookings are never removed"
    check_spaces(scope, hold)
    return hold


async def _closed(scope: Scope, entry: WaitlistEntry) -> Refusal:
    """Returns the refusal of an answer to an entry to which nothing is offered."""
    status = WaitlistStatus(entry.status)
    is_late = status in {WaitlistStatus.OFFERED, WaitlistStatus.EXPIRED}
    if is_late and entry.offer_expires_at is not None:
        tenant: Tenant = await own_tenant(scope)
        return HoldExpired(entry.offer_expires_at, zone(tenant.time_zone), path=("id",))
    problems = {
        WaitlistStatus.WAITING: "No time is offered yet.",
        WaitlistStatus.ACCEPTED: "The offer was accepted already: cancel the booking instead.",
        WaitlistStatus.EXPIRED: "The time that this entry waited for has passed.",
    }
    problem = problems.get(status, "This entry has ended; join the waitlist again.")
    return WaitlistEntryClosed(problem, path=("id",))


# ------------------------------------------------------------------------------ fields


async def position(scope: Scope, entry: WaitlistEntry) -> int | None:
    """The place of a waiting entry among those that wait for the same time and rooms: 1 is next.

    Null if it doesn't wait any more.
    """

    async def load(ids: list[UUID]) -> list[int | None]:
        tag = priority_tag(await own_tenant(scope))
        rows = await scope.rows(positions(scope.tenant_id, tag, ids))
        found = {row[0]: row[1] for row in rows}
        return [found.get(id) for id in ids]

    return await scope.loaders.batch("waitlist position", load, entry.id)


async def rooms(scope: Scope, entry: WaitlistEntry) -> list[Room] | None:
    """The rooms of which any fits: at most 100. Null if every room does."""
    if entry.room_ids is None:
        return None

    async def load(ids: list[UUID]) -> list[Room | None]:
        known = await scope.all(rooms_of(scope.tenant_id).where(is_any(Room.id, ids)))
        by_id = {each.id: each for each in known}
        return [by_id.get(id) for id in ids]

    loading = [scope.loaders.batch("rooms of waitlist", load, id) for id in entry.room_ids]
    return [each for each in await asyncio.gather(*loading) if each is not None]


async def booking(scope: Scope, entry: WaitlistEntry) -> Booking | None:
    """The hold that is or was offered, and the booking that it became; null without an offer."""
    hold: Booking | None = await scope.loaders.related(entry, "hold")
    return hold if hold is not None and may(scope.actor, P.BOOKINGS_READ, hold) else None


async def dates(_: Scope, entry: WaitlistEntry) -> WaitlistDates | None:
    """The dates and local times of which any fits, or null if `startsAt` is given."""
    return entry.dates


def priority_tag(tenant: Tenant) -> str | None:
    """Returns the tag of the customers who come first, in the form in which tags are stored."""
    tag = tenant.waitlist_priority_tag
    return None if tag is None else tag_name(tag)
