"""Loads what decides whether rooms are free, and what callers ask for by their venue's rules."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final
from uuid import UUID

from domain.bookings.lifecycle import Status, effective_status
from domain.bookings.refusals import Busy
from domain.bookings.seats import set_of
from domain.bookings.slot_facts import RoomFacts, SlotRequest, VenueRules, facts_window
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval
from domain.core.local_time import dates_around
from kit.actor import Actor
from kit.postgres.json_batch import JsonBatch
from kit.scope import Scope
from kit.time_slice import TimeSlice
from models.bookings.availability import CALENDAR, SLOT, SLOTS, VENUE
from models.bookings.bookings import BookingOwner
from models.venue.rooms import Room
from permissions.policy import may
from permissions.roles import P
from resolvers.bookings.price_facts import venue_prices
from resolvers.bookings.venue_facts import KeptFacts, Venue, blocked_times, room_facts
from resolvers.venue.hours import hours_facts
from resolvers.venue.rooms import MAX_BUFFER_MINUTES

_BUFFERS_MINUTES: Final = 2 * MAX_BUFFER_MINUTES
"""The buffer after one booking and that before the next, at the longest."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """All that decides whether a venue's rooms are free in a window.

    ``stale`` are holds past their time that are not yet stored as expired.
    """

    venue: Venue
    facts: Mapping[RoomId, RoomFacts]
    stale: tuple[BookingId, ...]


async def load_venue(scope: Scope, room_ids: Sequence[RoomId] | None) -> Venue:
    """The tenant with these rooms, unknown ones left out; without ids, with all rooms in use."""
    (tenant,), rooms, rules = await scope.fetch_batch(
        VENUE, tenant_id=scope.tenant_id, room_ids=room_ids
    )
    scope.service(KeptFacts).drop_older(tenant)
    return Venue(tenant, {RoomId(room.id): room for room in rooms}, venue_prices(tenant, rules))


def wish_of(
    scope: Scope,
    venue: Venue,
    *,
    duration_minutes: int,
    party_size: int,
    override: bool | None = None,
    customer_tags: frozenset[str] = frozenset(),
) -> SlotRequest:
    """What the caller asks for under the venue's rules. Raises Invalid.

    ``override`` lifts some of them; by default, if the caller may. ``customer_tags`` decide about
    the price.
    """
    tenant = venue.tenant
    rules = _rules(
        venue.zone,
        tenant.slot_minutes,
        tenant.min_notice_minutes,
        tenant.max_advance_days,
        tenant.min_duration_minutes,
        tenant.max_duration_minutes,
    )
    return SlotRequest(
        duration_minutes=duration_minutes,
        party_size=party_size,
        rules=rules,
        override=may(scope.actor, P.BOOKINGS_OVERRIDE) if override is None else override,
        now=scope.now(),
        customer_tags=customer_tags,
    )


# Each booking asks for the rules; finding them is quicker than making them.
_rules: Final = lru_cache(maxsize=1_000)(VenueRules)


async def load_calendar(
    scope: Scope,
    venue: Venue,
    starts: Interval,
    wish: SlotRequest,
    *,
    exclude_booking_id: BookingId | None = None,
) -> Calendar:
    """The facts about starts within an interval: one statement, whatever the rooms and days."""
    window = facts_window(starts, wish)
    return await _facts(
        scope,
        venue,
        window,
        CALENDAR,
        earliest=window.start - venue.longest_booking,
        latest=window.end,
        exclude_booking_id=exclude_booking_id,
    )


async def load_slot(
    scope: Scope,
    venue: Venue,
    wanted: Interval,
    *,
    exclude_booking_id: BookingId | None = None,
) -> Calendar:
    """No more than what decides whether rooms are free at a time.

    Where one isn't, ``load_calendar`` has all there is to tell about it.
    """
    booked, clear = _around(venue, venue.rooms.values(), wanted)
    return await _facts(
        scope,
        venue,
        wanted,
        SLOT,
        earliest=booked.start,
        latest=booked.end,
        clear_from=clear.start,
        clear_until=clear.end,
        exclude_booking_id=exclude_booking_id,
    )


async def load_slots(
    scope: Scope, venue: Venue, wanted: Sequence[tuple[Room, Interval]]
) -> Calendar:
    """Returns the same for several times of a room each, of which there is at least one."""
    of_spaces = [
        (space, *_around(venue, [room], time)) for room, time in wanted for space in room.spaces
    ]
    return await _facts(
        scope,
        venue,
        Interval(min(time.start for _, time in wanted), max(time.end for _, time in wanted)),
        SLOTS,
        wanted_spaces=[space for space, _, _ in of_spaces],
        all_earliest=[booked.start for _, booked, _ in of_spaces],
        all_latest=[booked.end for _, booked, _ in of_spaces],
        all_clear_from=[clear.start for _, _, clear in of_spaces],
        all_clear_until=[clear.end for _, _, clear in of_spaces],
    )


def _around(venue: Venue, rooms: Iterable[Room], wanted: Interval) -> tuple[Interval, Interval]:
    """Returns when bookings start that can matter to a time, and when it has to be clear of them.

    Both at the most, for any of the rooms.
    """
    touching = wanted.padded(before_minutes=_BUFFERS_MINUTES, after_minutes=_BUFFERS_MINUTES)
    clear = wanted.padded(
        before_minutes=max((each.buffer_before_minutes for each in rooms), default=0),
        after_minutes=max((each.buffer_after_minutes for each in rooms), default=0),
    )
    return Interval(touching.start - venue.longest_booking, touching.end), clear


async def _facts(
    scope: Scope,
    venue: Venue,
    window: Interval,
    bundle: JsonBatch,
    *,
    exclude_booking_id: BookingId | None = None,
    **bounds: object,
) -> Calendar:
    """Loads facts of a window; ``bounds`` are the parameters by which bookings are found."""
    days = dates_around(window, venue.zone)
    rooms, by_space = list(venue.rooms), rooms_by_space(venue)
    weekdays, exceptions, blackouts, claims = await scope.fetch_batch(
        bundle,
        tenant_id=scope.tenant_id,
        room_ids=rooms,
        space_ids=[*by_space],
        first_day=days[0],
        last_day=days[-1],
        since=window.start,
        until=window.end,
        **bounds,
    )
    hours = hours_facts(rooms, weekdays, exceptions)

    blocked = blocked_times(blackouts)

    busy: defaultdict[RoomId, list[Busy]] = defaultdict(list)
    moving: dict[RoomId, Busy] = {}
    stale: list[BookingId] = []
    turn = TimeSlice()
    for taken in claims:
        if turn.is_over:
            await turn.give_way()
        status = effective_status(Status(taken.status), taken.hold_expires_at, scope.now())
        if status is Status.EXPIRED:
            stale.append(taken.id)
            continue
        time = Interval(taken.starts_at, taken.ends_at)
        occupied = Interval(taken.occupied_from, taken.occupied_to)
        is_left_out = taken.id == exclude_booking_id and may_move(
            scope.actor, BookingOwner.of(taken)
        )
        spaces = taken.space_ids or [taken.room_id]
        for id in taken_rooms(by_space, spaces):
            found = Busy(id, taken.id, time, occupied, set_of(taken.seat_numbers or ()))
            if not is_left_out:
                busy[id].append(found)
            elif has_all(spaces, venue.rooms[id]):
                moving[id] = found

    facts = {
        id: replace(
            room_facts(
                room,
                hours=hours[id],
                prices=venue.prices,
                blackouts=(*blocked[None], *blocked[id]),
            ),
            busy=tuple(busy[id]),
            moving=moving.get(id),
        )
        for id, room in venue.rooms.items()
    }
    return Calendar(venue, facts, stale=tuple(stale))


def rooms_by_space(venue: Venue) -> Mapping[UUID, Sequence[RoomId]]:
    """Returns the rooms that each space belongs to."""
    found: defaultdict[UUID, list[RoomId]] = defaultdict(list)
    for id, room in venue.rooms.items():
        for space in room.spaces:
            found[space].append(id)
    return found


def taken_rooms(
    by_space: Mapping[UUID, Sequence[RoomId]], spaces: Iterable[UUID]
) -> Iterable[RoomId]:
    """Returns the rooms of which spaces are taken, each once."""
    return dict.fromkeys(id for space in spaces for id in by_space.get(space, ()))


def has_all(spaces: Sequence[UUID], room: Room) -> bool:
    """Returns whether a booking that takes these spaces has all of a room."""
    return set(spaces).issuperset(room.spaces)


def may_move(actor: Actor, owner: BookingOwner) -> bool:
    """Returns whether an actor may leave out a booking from what is taken, to move it.

    Without these permissions, one who leaves out another's booking would be told of a free time
    that isn't free, and would learn when that booking is.
    """
    return all(may(actor, each, owner) for each in (P.BOOKINGS_READ, P.BOOKINGS_WRITE))
