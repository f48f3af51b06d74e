"""When the rooms of a venue were open, kept in the process by the calendar's version."""

from collections import OrderedDict, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.analytics.cells import local_date, span_interval
from domain.analytics.open_time import (
    Day,
    OpenMinutes,
    PlanChange,
    RoomTime,
    VenueTime,
    WeeklyPlans,
    archivings,
    open_minutes,
    week_read,
)
from domain.analytics.spans import DateSpan
from domain.core.intervals import Interval
from domain.core.local_time import zone
from domain.core.log_events import EventType
from domain.venue.hours import Weekday, WeeklyHours, weekly_hours
from kit.scope import Scope
from models.analytics.open_time import OPEN_TIME
from models.tenants import Tenant
from models.venue.hours import from_pairs
from models.venue.rooms import Room

MAX_CHANGES: Final = 20_000
"""So many changes of hours are read of a venue; the plans before the rest are the oldest's."""
MAX_KEPT: Final = 64
_A_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, eq=False)
class VenueOpenTime:
    """A venue's rooms by id, by name, and when each was open on the dates of a span."""

    tenant: Tenant
    rooms: Mapping[UUID, Room]
    span: DateSpan
    _venue: VenueTime
    _rooms: Mapping[UUID, RoomTime]
    _minutes: dict[frozenset[UUID] | None, OpenMinutes]

    @property
    def zone(self) -> ZoneInfo:
        return self._venue.zone

    def minutes(self, room_ids: frozenset[UUID] | None) -> OpenMinutes:
        """Returns the open minutes of some rooms, or of all."""
        found = self._minutes.get(room_ids)
        if found is None:
            wanted = [
                room for id, room in self._rooms.items() if room_ids is None or id in room_ids
            ]
            if len(self._minutes) == MAX_KEPT:
                self._minutes.clear()
            found = self._minutes[room_ids] = open_minutes(self.span, self._venue, wanted)
        return found

    def by_room(self, day: date) -> Mapping[UUID, int]:
        """Returns the open minutes of each room on a date of the span."""
        one = DateSpan(day, day + _A_DAY)
        return open_minutes(one, self._venue, self._rooms.values()).by_room


class KeptOpenTime:
    """The open times of venues that this process was last asked about."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[UUID, int, DateSpan], VenueOpenTime] = OrderedDict()

    async def of(self, scope: Scope, tenant: Tenant, span: DateSpan) -> VenueOpenTime:
        """Returns when rooms were open on the dates of a span.

        Whatever changes it raises the calendar's version in the same transaction, so what is kept
        of a version never differs from what this snapshot would read.
        """
        key = (tenant.id, tenant.calendar_version, span)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = await _read(scope, tenant, span)
            if len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return found


async def _read(scope: Scope, tenant: Tenant, span: DateSpan) -> VenueOpenTime:
    venue_zone = zone(tenant.time_zone)
    window = span_interval(span, venue_zone)
    # Hours past midnight belong to the date before.
    (found,), rooms, weekdays, exceptions, blackouts, changes = await scope.fetch_batch(
        OPEN_TIME,
        tenant_id=scope.tenant_id,
        first_day=span.from_ - _A_DAY,
        last_day=span.until,
        since=window.start - _A_DAY,
        until=window.end + _A_DAY,
        most=MAX_CHANGES,
    )
    plans = _plans(weekdays, changes, venue_zone)
    dates: defaultdict[UUID | None, dict[date, Day]] = defaultdict(dict)
    for each in exceptions:
        dates[each.room_id][each.date] = from_pairs(each.minutes)
    closed: defaultdict[UUID | None, list[Interval]] = defaultdict(list)
    for each in blackouts:
        closed[each.room_id].append(Interval(each.starts_at, each.ends_at))
    archived: defaultdict[UUID, list[Any]] = defaultdict(list)
    for change in changes:
        if change.type != EventType.HOURS_CHANGED:
            is_archived = change.type == EventType.ROOM_ARCHIVED
            archived[change.subject_id].append((change.at, is_archived))
    return VenueOpenTime(
        tenant=found,
        rooms={room.id: room for room in rooms},
        span=span,
        _venue=VenueTime(
            venue_zone,
            plans=plans.get(None, WeeklyPlans()),
            exceptions=dates[None],
            blackouts=tuple(closed[None]),
        ),
        _rooms={
            room.id: RoomTime(
                room.id,
                plans=plans.get(room.id, WeeklyPlans()),
                exceptions=dates[room.id],
                blackouts=tuple(closed[room.id]),
                archivings=archivings(archived[room.id], room.archived_at, venue_zone),
            )
            for room in rooms
        },
        _minutes={},
    )


def _plans(
    weekdays: Collection[Any], changes: Sequence[Any], venue_zone: ZoneInfo
) -> Mapping[UUID | None, WeeklyPlans]:
    """Returns the weekly hours of the venue (None) and of rooms, with those before changes."""
    now: defaultdict[UUID | None, list[WeeklyHours]] = defaultdict(list)
    for row in weekdays:
        now[row.room_id].append(WeeklyHours(Weekday(row.weekday), from_pairs(row.minutes)))
    changed: defaultdict[UUID | None, list[PlanChange]] = defaultdict(list)
    for change in changes:
        if change.type == EventType.HOURS_CHANGED and "weekly_hours" in (change.before or {}):
            owner = change.subject_id if change.subject_type == "Room" else None
            before = week_read(change.before["weekly_hours"])
            changed[owner].append(PlanChange(local_date(change.at, venue_zone), before))
    return {
        owner: WeeklyPlans(weekly_hours(now[owner]), tuple(changed[owner]))
        for owner in {*now, *changed}
    }
