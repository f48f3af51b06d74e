"""Caches the facts that decide whether a venue takes a booking, by their version.

A change of hours, rooms, rules or prices raises ``tenants.calendar_version`` in its transaction.
Nothing invalidates the cache: facts may be outdated, so a caller that decides by them compares
their version in the statement that relies on them (docs/decisions/0028-facts-by-version.md).
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.bookings.quotas import Quota
from domain.bookings.room_prices import VenuePrices
from domain.bookings.slot_facts import RoomFacts
from domain.core.ids import RoomId
from domain.core.intervals import Interval
from domain.core.local_time import zone
from domain.venue.hours import HoursFacts
from kit.postgres.json_batch import JsonBatch
from kit.scope import Scope
from kit.shared_reads import SharedReads
from models.bookings.availability import FACTS
from models.bookings.quotas import as_quota
from models.tenants import Tenant
from models.venue.rooms import Room
from resolvers.bookings.hooks import BookingPermit
from resolvers.bookings.price_facts import venue_prices
from resolvers.venue.hours import hours_facts

PAST: Final = timedelta(days=10)
"""How far back cached facts reach: further than what decides about a week that has begun."""
_AROUND_MIDNIGHT: Final = timedelta(days=3)
"""The hours of a window depend on earlier dates, in any time zone."""
MAX_ROWS: Final = 20_000
"""The most rows of one venue that are cached; the facts of a larger one are read each time."""
MAX_KEPT_ROWS: Final = 200_000
RETRY_AFTER: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Venue:
    """The tenant with some of its rooms."""

    tenant: Tenant
    rooms: Mapping[RoomId, Room]
    prices: VenuePrices

    @property
    def zone(self) -> ZoneInfo:
        return zone(self.tenant.time_zone)

    @property
    def longest_booking(self) -> timedelta:
        """The duration of its longest booking, or more."""
        return timedelta(minutes=self.tenant.longest_minutes)


@dataclass(frozen=True, eq=False)
class VenueFacts:
    """Everything except bookings that decides about a venue's rooms, as of a calendar version.

    ``venue`` has all rooms by name, archived ones too, and ``rooms`` the same as facts without
    bookings. ``permit`` are the rows of ``BookingPermit``. Exceptions and blackouts that ended
    before ``since`` are left out. An instance never changes, so results computed from it can be
    cached with it.
    """

    version: int
    since: datetime
    venue: Venue
    rooms: Mapping[RoomId, RoomFacts]
    permit: tuple[Any, ...]
    quotas: tuple[Quota, ...]

    def spaces_of(self, *room_ids: UUID) -> list[UUID]:
        """Returns the spaces that rooms consist of; a room that is newer is taken for one."""
        known = [(id, self.venue.rooms.get(RoomId(id))) for id in room_ids]
        return [space for id, room in known for space in (room.spaces if room else [id])]

    @cached_property
    def has_parts(self) -> bool:
        """Whether any of the rooms consists of others."""
        return any(room.space_ids for room in self.venue.rooms.values())

    @cached_property
    def seat_rooms(self) -> frozenset[UUID]:
        """The rooms whose seats are booked."""
        return frozenset(id for id, room in self.rooms.items() if room.seats is not None)

    def covers(self, window: Interval) -> bool:
        """Returns whether it has all facts that decide about the window."""
        return window.start >= self.since


@dataclass(frozen=True, slots=True)
class _Kept:
    """A cached read of a tenant's facts; ``facts`` is None if they are too many."""

    facts: VenueFacts | None
    rows: int
    read_at: datetime


@cache
def _batch(permit_facts: Any) -> JsonBatch:
    # Compiling it takes longer than building the rest of an app, of which tests build thousands.
    return JsonBatch(*FACTS, permit_facts)


class KeptFacts:
    """Caches the facts of the venues that were used last, within a number of rows."""

    def __init__(self, permit: BookingPermit, *, max_rows: int = MAX_KEPT_ROWS) -> None:
        self._statement = _batch(permit.facts)
        self._max_rows = max_rows
        self._rows = 0
        self._kept: OrderedDict[UUID, _Kept] = OrderedDict()
        self._reads: SharedReads[_Kept] = SharedReads()

    async def facts(self, scope: Scope, *, at_least: int = 0) -> VenueFacts | None:
        """Returns the facts of the scope's tenant, of version ``at_least`` or later.

        They may be outdated. None for a venue with more than ``MAX_ROWS`` of them.
        """
        kept = self._kept.get(scope.tenant_id)
        if kept is not None:
            self._kept.move_to_end(scope.tenant_id)
            if kept.facts is None:
                if scope.now() < kept.read_at + RETRY_AFTER:
                    return None
            elif kept.facts.version >= at_least:
                return kept.facts
        return (await self._reads.get(scope.tenant_id, lambda: self._read(scope))).facts

    def known(self, tenant: Tenant) -> VenueFacts | None:
        """Returns the facts of a tenant as it has been read, if they are cached."""
        kept = self._kept.get(tenant.id)
        if kept is None or kept.facts is None:
            return None
        return kept.facts if kept.facts.version == tenant.calendar_version else None

    def drop_older(self, tenant: Tenant) -> None:
        """Drops the facts of a tenant if they are older than the tenant as it has been read.

        What outdated facts refuse is decided without them, so nothing else might find that out.
        """
        kept = self._kept.get(tenant.id)
        if kept is None or kept.facts is None:
            return
        if kept.facts.version < tenant.calendar_version:
            self._drop(tenant.id)

    async def _read(self, scope: Scope) -> _Kept:
        read = await _read(scope, self._statement)
        self._drop(scope.tenant_id)
        self._kept[scope.tenant_id] = read
        self._rows += read.rows
        while self._rows > self._max_rows:
            self._drop(next(iter(self._kept)))
        return read

    def _drop(self, tenant_id: UUID) -> None:
        dropped = self._kept.pop(tenant_id, None)
        if dropped is not None:
            self._rows -= dropped.rows


async def venue_facts(scope: Scope, *, at_least: int = 0) -> VenueFacts | None:
    """Returns the facts of the scope's venue, of version ``at_least`` or later.

    They may be outdated. To decide by them, read ``tenants.calendar_version`` in the statement that
    relies on them, and if it differs, get the facts of at least that version. None if they are too
    many to be cached: then read them by ``load_venue`` and ``load_calendar``.
    """
    return await scope.service(KeptFacts).facts(scope, at_least=at_least)


def room_facts(
    room: Room, *, hours: HoursFacts, prices: VenuePrices, blackouts: tuple[Interval, ...]
) -> RoomFacts:
    """Returns the facts of a room for the rules of ``domain``, without bookings."""
    return RoomFacts(
        RoomId(room.id),
        name=room.name,
        capacity=room.capacity,
        archived=room.archived_at is not None,
        buffer_before_minutes=room.buffer_before_minutes,
        buffer_after_minutes=room.buffer_after_minutes,
        hourly_rate=room.hourly_rate,
        hours=hours,
        price_plan=prices.of_room(RoomId(room.id), room.category),
        blackouts=blackouts,
        seats=room.seats,
    )


def blocked_times(blackouts: Iterable[Any]) -> Mapping[RoomId | None, list[Interval]]:
    """Returns the blocked times of each room, and of the whole venue (None)."""
    blocked: defaultdict[RoomId | None, list[Interval]] = defaultdict(list)
    for blackout in blackouts:
        blocked[blackout.room_id].append(Interval(blackout.starts_at, blackout.ends_at))
    return blocked


async def _read(scope: Scope, statement: JsonBatch) -> _Kept:
    since = scope.now() - PAST
    parts = await scope.read_batch_outside(
        statement, since=since, first_day=(since - _AROUND_MIDNIGHT).date(), most=MAX_ROWS + 1
    )
    rows = sum(len(part) for part in parts)
    if rows > MAX_ROWS:
        return _Kept(None, rows=1, read_at=scope.now())
    (tenant,), rooms, weekdays, exceptions, blackouts, quotas, rules, permit = parts
    prices = venue_prices(tenant, rules)
    venue = Venue(tenant, {RoomId(room.id): room for room in rooms}, prices)
    hours = hours_facts(list(venue.rooms), weekdays, exceptions)
    blocked = blocked_times(blackouts)
    facts = VenueFacts(
        tenant.calendar_version,
        since,
        venue=venue,
        rooms={
            id: room_facts(
                room,
                hours=hours[id],
                prices=prices,
                blackouts=(*blocked[None], *blocked[id]),
            )
            for id, room in venue.rooms.items()
        },
        permit=tuple(permit),
        quotas=tuple(map(as_quota, quotas)),
    )
    return _Kept(facts, rows, scope.now())
