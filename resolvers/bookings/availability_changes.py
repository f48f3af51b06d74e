"""Finds the changes of availability since a cursor, in one snapshot.

No state is kept for a client: the log has the changes, and every slot that these may have affected
is returned in its current state. So the result is right for a client that read availability at the
cursor, or at any time since.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import product
from typing import Any, Final
from uuid import UUID

from domain.bookings.availability_changes import (
    LONGEST_BUFFER_MINUTES,
    AffectedSlots,
    next_change,
    recomputed,
    starts_affected_by_time,
    starts_overlapping,
)
from domain.bookings.lifecycle import OCCUPYING, Status, effective_status
from domain.bookings.room_starts import SlotSearch
from domain.bookings.slot_facts import SlotRequest, VenueRules
from domain.bookings.slots import RoomSlots
from domain.bookings.start_grid import StartGrid, start_grid
from domain.core.ids import RoomId
from domain.core.intervals import Interval
from domain.core.local_time import zone
from domain.core.log_events import EventType
from kit.events.event_cursors import LogOffset, LogPosition
from kit.scope import Scope
from models.bookings.availability_changes import CHANGES, MORE_CHANGES
from models.venue.rooms import Room
from resolvers.bookings.availability import (
    AvailabilityQuery,
    ahead_of,
    check_size,
    window_of,
    wish_of_query,
)
from resolvers.bookings.availability_cursors import Known, known_now, view_of
from resolvers.bookings.calendars import load_venue, rooms_by_space, taken_rooms
from resolvers.bookings.customer_tags import customer_tags
from resolvers.bookings.openings import openings
from resolvers.bookings.slot_pages import NO_SLOTS, SlotPage
from resolvers.bookings.venue_facts import Venue

BATCH: Final = 500

_RULES: Final = frozenset(
    {
        "time_zone",
        "slot_minutes",
        "min_notice_minutes",
        "max_advance_days",
        "min_duration_minutes",
        "max_duration_minutes",
    }
)
_PRICES: Final = frozenset(
    {
        "price_rules",
        "price_rounding",
        "price_step",
        "minimum_charge",
        "tax_rate",
        "taxes_included",
    }
)
_GRID: Final = frozenset({"time_zone", "slot_minutes"})
_PLACE: Final[Mapping[str, Callable[[Any], Any]]] = {
    "room_id": UUID,
    "also_room_ids": lambda ids: ids and [UUID(each) for each in ids],
    "starts_at": datetime.fromisoformat,
    "ends_at": datetime.fromisoformat,
}
_PARTY: Final = "party_size"
TIME_TAKING: Final = frozenset({*_PLACE, "status", _PARTY})
"""What of a booking decides whether it takes a room's time, or how many of its seats."""
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SlotKey:
    """The key of a slot: a room has at most one slot at a start."""

    room_id: RoomId
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class AvailabilityChanges:
    """The slots to set and to remove, so that a client's state becomes current.

    ``next_at`` is when time alone will next change something; None: never.
    """

    known: Known
    upserted: SlotPage
    removed: Sequence[SlotKey]
    next_at: datetime | None


class TooOld(Exception):
    """Raised if the changes since a cursor are too old to be read again."""


@dataclass(frozen=True, slots=True)
class _Log:
    """The log entries after a position, and the holds that hadn't expired at it.

    ``combined`` are the spaces of the rooms that consist of others.
    """

    end: LogPosition
    entries: list[Any]
    holds: list[Any]
    combined: Mapping[UUID, Sequence[UUID]]

    def spaces_of(self, room_ids: Iterable[UUID]) -> list[UUID]:
        """Returns the spaces that rooms consist of now."""
        return [space for id in room_ids for space in self.combined.get(id, [id])]


async def availability_changes(
    scope: Scope, query: AvailabilityQuery, known: Known | None, *, not_before: datetime
) -> AvailabilityChanges:
    """Returns the changes of a query's result since ``known``; none for a new client.

    A slot is returned again if it may have changed. Raises TooOld if a change is earlier than
    ``not_before``, and otherwise the errors of ``availability``.
    """
    window = window_of(query)
    log = await _read(scope, known, not_before)
    venue = await load_venue(scope, query.room_ids)
    check_size(venue, window)
    tags = await customer_tags(scope, venue.prices, None)
    wish = wish_of_query(scope, venue, query, tags=tags)
    grid = wish.rules.grid(window)
    upserted, removed = NO_SLOTS, list[SlotKey]()
    by_space = rooms_by_space(venue)
    if known is not None:
        touched = _touched(scope, known, log, venue, query, wish, grid)
        left = await _left(scope, query, venue, touched)
        upserted, removed = await _restated(scope, query, venue, left, wish, touched)
        if touched.hours:
            room_ids = {*venue.rooms, *left.rooms}
            removed += _off_grid(log, room_ids, window, wish.rules, grid)
    return AvailabilityChanges(
        known_now(scope, log.end),
        upserted,
        removed,
        next_at=next_change(
            grid.starts,
            wish,
            include_unavailable=query.include_unavailable,
            expiries=[
                each.hold_expires_at
                for each in log.holds
                if taken_rooms(by_space, each.space_ids or [each.room_id])
            ],
            price_notices=venue.prices.notices,
        ),
    )


# ------------------------------------------------------------------------------ what was done


async def _read(scope: Scope, known: Known | None, not_before: datetime) -> _Log:
    place = known.bookmark.place if known else LogOffset(2**63 - 1, 0)
    at = known.at if known else scope.now()
    (end,), entries, holds, combined = await scope.fetch_batch(
        CHANGES,
        tenant_id=scope.tenant_id,
        xid=place.xid,
        position=place.position,
        batch=BATCH,
        since=at or _LONG_AGO,
    )
    if entries and entries[0].at < not_before:
        raise TooOld
    some = entries
    while len(some) == BATCH:
        last = some[-1]
        (some,) = await scope.fetch_batch(
            MORE_CHANGES,
            tenant_id=scope.tenant_id,
            xid=int(last.xid),
            position=last.position,
            batch=BATCH,
        )
        entries += some
    place = LogOffset(end.xid, end.position)
    position = LogPosition(scope.tenant_id, end.generation, place)
    return _Log(position, entries, holds, {each.id: each.space_ids for each in combined})


def _touched(
    scope: Scope,
    known: Known,
    log: _Log,
    venue: Venue,
    query: AvailabilityQuery,
    wish: SlotRequest,
    grid: StartGrid,
) -> AffectedSlots:
    """Returns all slots that changes, or time alone, may have affected."""
    touched = AffectedSlots(everything=known.at is None or known.view != view_of(scope.actor))
    bookings: defaultdict[UUID, list[Any]] = defaultdict(list)
    for entry in log.entries:
        match entry.subject_type:
            case "Booking":
                bookings[entry.subject_id].append(entry)
            case "Blackout":
                for room_id, span in _blackout(entry, wish):
                    touched.add(room_id, span, grid)
            case "Room":
                # Other parts of one room may be parts of others, and free or take their time.
                touched.everything |= "part_ids" in (entry.before or {})
                if query.room_ids is None or entry.subject_id in query.room_ids:
                    touched.rooms.add(RoomId(entry.subject_id))
                    touched.hours |= entry.type == EventType.HOURS_CHANGED
            case "PriceRule":
                touched.everything = True
            case "Tenant":
                has_hours = entry.type == EventType.HOURS_CHANGED
                changed = (entry.before or {}).keys()
                touched.everything |= has_hours or not changed.isdisjoint(_RULES | _PRICES)
                touched.hours |= has_hours or not changed.isdisjoint(_GRID)
    if known.at is None:
        return touched
    stays = [stay for entries in bookings.values() for stay in _stays(entries, known.at, log)]
    stays += [
        (hold.space_ids or [hold.room_id], _interval(hold.occupied_from, hold.occupied_to))
        for hold in log.holds
        if hold.hold_expires_at <= scope.now()
    ]
    by_space = rooms_by_space(venue)
    for spaces, stay in stays:
        for room_id in taken_rooms(by_space, spaces):
            touched.add(room_id, _meeting(stay, venue.rooms[room_id], wish), grid)
    for span in starts_affected_by_time(
        known.at,
        wish,
        include_unavailable=query.include_unavailable,
        price_notices=venue.prices.notices,
    ):
        touched.add(None, span, grid)
    return touched


def _stays(
    entries: Sequence[Any], at: datetime, log: _Log
) -> Iterator[tuple[Sequence[UUID], Interval]]:
    """Yields a booking's spaces and times in its entries, if these took or freed time since then.

    The row says where it is now, and the entries, read backwards, where it was before each.
    """
    if not any(_matters(entry, at) for entry in entries):
        return
    row = entries[-1]
    place = {name: getattr(row, name) for name in _PLACE}
    yield row.space_ids or [row.room_id], _interval(row.occupied_from, row.occupied_to)
    for entry in reversed(entries):
        left = {
            name: _PLACE[name](each)
            for name, each in (entry.before or {}).items()
            if name in _PLACE
        }
        if not left:
            continue
        place |= left
        # Which buffers it had there isn't known.
        stay = _interval(place["starts_at"], place["ends_at"]).padded(
            before_minutes=LONGEST_BUFFER_MINUTES, after_minutes=LONGEST_BUFFER_MINUTES
        )
        yield log.spaces_of([place["room_id"], *(place["also_room_ids"] or ())]), stay


def _matters(entry: Any, at: datetime) -> bool:
    """Returns whether an entry took or freed a room's time, as known at an instant."""
    before: Mapping[str, Any] = entry.before or {}
    if not _PLACE.keys().isdisjoint(before):
        return True
    if _PARTY in before and entry.seat_numbers is not None:
        return True
    if entry.status is None:
        return False
    if (was := before.get("status")) is None:
        return Status(entry.status) in OCCUPYING
    until = before.get("hold_expires_at")
    expires_at = datetime.fromisoformat(until) if until else entry.hold_expires_at
    was_known_as = effective_status(Status(was), expires_at, at)
    return (was_known_as in OCCUPYING) != (Status(entry.status) in OCCUPYING)


def _blackout(entry: Any, wish: SlotRequest) -> Iterator[tuple[RoomId | None, Interval]]:
    """Yields a blackout's rooms and times, unless a later entry has them."""
    if gone := entry.before:
        times = (datetime.fromisoformat(gone[end]) for end in ("starts_at", "ends_at"))
        room_id = RoomId(UUID(gone["room_id"])) if gone["room_id"] else None
        yield room_id, starts_overlapping(_interval(*times), wish)
    elif entry.starts_at is not None:
        yield entry.room_id, starts_overlapping(_interval(entry.starts_at, entry.ends_at), wish)


def _off_grid(
    log: _Log,
    room_ids: Collection[RoomId],
    window: Interval,
    rules: VenueRules,
    grid: StartGrid,
) -> Iterator[SlotKey]:
    """Yields the starts of the venue's earlier grids that aren't starts of its current one."""
    befores = [entry.before or {} for entry in log.entries if entry.subject_type == "Tenant"]
    zones = {zone(each.get("time_zone", rules.zone.key)) for each in [*befores, {}]}
    steps = {each.get("slot_minutes", rules.slot_minutes) for each in [*befores, {}]}
    starts = {
        start
        for zone, minutes in product(zones, steps)
        for start in start_grid(window, zone, minutes).starts
    }
    gone = sorted(starts.difference(grid.starts))
    return (SlotKey(room_id, start) for room_id in room_ids for start in gone)


# ------------------------------------------------------------------------------ what is now


async def _left(
    scope: Scope, query: AvailabilityQuery, venue: Venue, touched: AffectedSlots
) -> Venue:
    """Returns the venue with its newly archived rooms, if the query is for all rooms in use."""
    gone = touched.rooms - venue.rooms.keys()
    if not gone or query.room_ids is not None:
        return replace(venue, rooms={})
    return await load_venue(scope, sorted(gone))


async def _restated(
    scope: Scope,
    query: AvailabilityQuery,
    venue: Venue,
    left: Venue,
    wish: SlotRequest,
    touched: AffectedSlots,
) -> tuple[SlotPage, list[SlotKey]]:
    """Returns the current state of the affected slots: those to set, and those to remove."""
    rooms = {
        id: room for id, room in (*venue.rooms.items(), *left.rooms.items()) if touched.is_in(id)
    }
    if not rooms:
        return NO_SLOTS, []
    window = window_of(query)
    # Reasons tell how far a refusal reaches, so they are found in the same facts.
    needed = ahead_of(window) if query.include_unavailable else touched.hull(window)
    found = await openings(
        scope,
        [*rooms],
        lambda _: SlotSearch(wish, needed),
        explained=query.include_unavailable,
        exclude_booking_id=query.exclude_booking_id,
    )
    search = SlotSearch(wish, window)
    listed: list[RoomSlots] = []
    removed: list[SlotKey] = []
    for slots in await found.slots(search, include_unavailable=query.include_unavailable):
        upserted, others = recomputed(slots, touched, include_unavailable=query.include_unavailable)
        if slots.room.id in left.rooms:
            others += slots.search.grid.of(upserted.listed)
        elif upserted.listed:
            listed.append(upserted)
        removed += [SlotKey(slots.room.id, start) for start in others]
    return SlotPage(rooms, listed), removed


def _meeting(stay: Interval, room: Room, wish: SlotRequest) -> Interval:
    return starts_overlapping(
        stay,
        wish,
        before_minutes=room.buffer_before_minutes,
        after_minutes=room.buffer_after_minutes,
    )


def _interval(start: datetime, end: datetime) -> Interval:
    return Interval(start.astimezone(UTC), end.astimezone(UTC))
