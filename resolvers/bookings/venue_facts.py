"""The facts that decide whether a venue takes a booking, kept in the process by their version.

A change of hours, rooms, rules or prices raises ``tenants.calendar_version`` in its transaction.
Nobody is told: kept facts may be outdated, and whoever decides by them compares their version in
the statement that relies on them (docs/decisions/0028-facts-by-version.md).
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.bookings.availability import RoomFacts
from domain.core.ids import RoomId
from domain.core.intervals import Interval
from domain.core.local_time import zone
from domain.venue.hours import HoursFacts
from kit.postgres.json_batch import JsonBatch
from kit.scope import Scope
from kit.shared_reads import SharedReads
from models.bookings.availability import FACTS
from models.tenants import Tenant
from models.venue.rooms import Room
from resolvers.bookings.hooks import BookingPermit
from resolvers.venue.hours import hours_facts

PAST: Final = timedelta(days=4)
"""How far back kept facts reach: further than what decides about a start that is still to come."""
_AROUND_MIDNIGHT: Final = timedelta(days=3)
"""The hours of a window depend on dates before it, on the clock of any time zone."""
MAX_ROWS: Final = 20_000
"""The most rows of one venue that are kept; the facts of a larger one are read for each use."""
MAX_KEPT_ROWS: Final = 200_000
RETRY_AFTER: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Venue:
    """The tenant with some of its rooms."""

    tenant: Tenant
    rooms: Mapping[RoomId, Room]

    @property
    def zone(self) -> ZoneInfo:
        return zone(self.tenant.time_zone)

    @property
    def longest_booking(self) -> timedelta:
        """No booking of its rooms is longer."""
        return timedelta(minutes=self.tenant.longest_minutes)


@dataclass(frozen=True, eq=False)
class VenueFacts:
    """All that decides about a venue's rooms but their bookings, as of a calendar version.

    ``venue`` has all rooms by name, archived ones too, and ``rooms`` the same without any booking.
    ``permit`` are the rows of ``BookingPermit``. Exceptions and blackouts that ended before
    ``since`` are left out. An instance never changes, so what is worked out from it holds as long
    as it does.
    """

    version: int
    since: datetime
    venue: Venue
    rooms: Mapping[RoomId, RoomFacts]
    permit: tuple[Any, ...]

    def covers(self, window: Interval) -> bool:
        """Whether nothing that decides about the window is left out."""
        return window.start >= self.since


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was read of a tenant; without facts if there are too many of them."""

    facts: VenueFacts | None
    rows: int
    read_at: datetime


@cache
def _batch(permit_facts: Any) -> JsonBatch:
    # Compiling it takes longer than building the rest of an app, of which tests build thousands.
    return JsonBatch(*FACTS, permit_facts)


class KeptFacts:
    """The facts of the venues that this process was last asked about, within a number of rows."""

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
    """The facts of the scope's venue, which may be outdated; of version ``at_least`` or later.

    Whoever decides by them reads ``tenants.calendar_version`` in the statement that relies on them,
    and asks anew for at least that version where it is another. None where they are too many to be
    kept: then they are read as ``load_venue`` and ``load_calendar`` do.
    """
    return await scope.service(KeptFacts).facts(scope, at_least=at_least)


def room_facts(room: Room, *, hours: HoursFacts, blackouts: tuple[Interval, ...]) -> RoomFacts:
    """A room as the rules see it, without any booking."""
    return RoomFacts(
        RoomId(room.id),
        name=room.name,
        capacity=room.capacity,
        archived=room.archived_at is not None,
        buffer_before_minutes=room.buffer_before_minutes,
        buffer_after_minutes=room.buffer_after_minutes,
        hourly_rate=room.hourly_rate,
        hours=hours,
        blackouts=blackouts,
    )


def blocked_times(blackouts: Iterable[Any]) -> Mapping[RoomId | None, list[Interval]]:
    """The times that are blocked in each room, and in the whole venue (None)."""
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
    (tenant,), rooms, weekdays, exceptions, blackouts, permit = parts
    venue = Venue(tenant, {RoomId(room.id): room for room in rooms})
    hours = hours_facts(list(venue.rooms), weekdays, exceptions)
    blocked = blocked_times(blackouts)
    facts = VenueFacts(
        tenant.calendar_version,
        since,
        venue=venue,
        rooms={
            id: room_facts(room, hours=hours[id], blackouts=(*blocked[None], *blocked[id]))
            for id, room in venue.rooms.items()
        },
        permit=tuple(permit),
    )
    return _Kept(facts, rows, scope.now())
