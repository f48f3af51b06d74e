"""Open minutes: how long rooms could have been booked, by date, hour and room."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.analytics.cells import HOURS, Cells, dates_of, day_bounds, local_date
from domain.analytics.spans import DateSpan
from domain.core.intervals import Interval, merge
from domain.core.local_time import Edge, LocalTime, instant
from domain.venue.hours import LocalInterval, Weekday, WeeklyHours

Day = tuple[LocalInterval, ...]
ByHour = tuple[int, ...]
"""The open minutes in each of the 24 hours of a date."""

_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_WEEKDAYS: Final = tuple(Weekday)
CLOSED: Final = (0,) * HOURS


@dataclass(frozen=True, slots=True)
class PlanChange:
    """A change of weekly hours, which applies from the date on which it was made."""

    since: date
    before: tuple[WeeklyHours, ...]


@dataclass(frozen=True, slots=True)
class WeeklyPlans:
    """The weekly hours of the venue, or of one room, now and before their changes, in order."""

    now: tuple[WeeklyHours, ...] = ()
    changes: tuple[PlanChange, ...] = ()

    def in_force(self, day: date) -> tuple[WeeklyHours, ...]:
        """Returns the weekly hours that applied on a date; empty where there were none."""
        later = next((change for change in self.changes if change.since > day), None)
        return self.now if later is None else later.before


@dataclass(frozen=True, slots=True)
class RoomTime:
    """What decides when a room was open, besides what applies to all rooms.

    ``archivings`` are the dates on which it was archived (True) and taken into use again, in order.
    """

    id: UUID
    plans: WeeklyPlans = WeeklyPlans()
    exceptions: Mapping[date, Day] = field(default_factory=dict)
    blackouts: tuple[Interval, ...] = ()
    archivings: tuple[tuple[date, bool], ...] = ()

    @property
    def has_own_hours(self) -> bool:
        return bool(self.plans.now or self.plans.changes or self.exceptions)

    def is_in_use(self, day: date) -> bool:
        """Returns whether the room wasn't archived on a date, as of the end of the date."""
        known = [archived for since, archived in self.archivings if since <= day]
        if known:
            return not known[-1]
        # Before it was first archived it was in use, and the other way round.
        return not self.archivings or self.archivings[0][1]


@dataclass(frozen=True, slots=True)
class VenueTime:
    """What decides when the rooms of a venue were open."""

    zone: ZoneInfo
    plans: WeeklyPlans
    exceptions: Mapping[date, Day]
    blackouts: tuple[Interval, ...]

    def opening_day(self, room: RoomTime, day: date) -> Day:
        """Returns the hours that start on a date, as ``HoursFacts.opening_day`` with plans then."""
        for exceptions in (room.exceptions, self.exceptions):
            if day in exceptions:
                return exceptions[day]
        weekly = room.plans.in_force(day) or self.plans.in_force(day)
        weekday = _WEEKDAYS[day.weekday()]
        return next((hours.intervals for hours in weekly if hours.weekday is weekday), ())

    def by_hour(self, room: RoomTime, day: date, blackouts: Sequence[Interval] = ()) -> ByHour:
        """Returns a room's open minutes on a date, less blackouts, which are disjoint."""
        before, today = self.opening_day(room, day - _DAY), self.opening_day(room, day)
        bounds = day_bounds(day, self.zone)
        if not blackouts and _is_regular(bounds):
            return _regular_hours(before, today)
        opened = merge(
            Interval(opens, closes)
            for date_, hours in ((day - _DAY, before), (day, today))
            for each in hours
            if (opens := instant(date_, each.opens_at, self.zone, edge=Edge.OPENING))
            < (closes := instant(date_, each.closes_at, self.zone, edge=Edge.CLOSING))
        )
        cells = Cells(day, bounds)
        minutes = [0] * HOURS
        for interval in opened:
            for number, added in cells.minutes_of(interval):
                minutes[number] += added
            for blackout in blackouts:
                if blackout.overlaps(interval):
                    both = Interval(
                        max(blackout.start, interval.start), min(blackout.end, interval.end)
                    )
                    for number, taken in cells.minutes_of(both):
                        minutes[number] -= taken
        return tuple(minutes)


@dataclass(frozen=True)
class OpenMinutes:
    """The open minutes of some rooms together, by date and hour; and of each room by itself.

    The dates are those of a span, in order.
    """

    by_date: Mapping[date, ByHour]
    by_room: Mapping[UUID, int]

    @cached_property
    def of_dates(self) -> list[int]:
        """The open minutes of all rooms on each date, in order."""
        return [*map(sum, self.by_date.values())]

    @cached_property
    def _running(self) -> list[int]:
        """The minutes before each date, and at last of all."""
        return [*accumulate(self.of_dates, initial=0)]

    def within(self, span: DateSpan) -> int:
        """Returns the open minutes of all rooms on the dates of a span, which are among these."""
        running, first = self._running, next(iter(self.by_date))
        return running[(span.until - first).days] - running[(span.from_ - first).days]

    @cached_property
    def total(self) -> int:
        return self._running[-1]

    @cached_property
    def by_weekday(self) -> Sequence[ByHour]:
        """Returns the open minutes of each hour of the week, from Monday on."""
        found = []
        for weekday in range(len(_WEEKDAYS)):
            of_weekday = [hours for day, hours in self.by_date.items() if day.weekday() == weekday]
            found.append(tuple(map(sum, zip(*of_weekday, strict=True))) or CLOSED)
        return found


def open_minutes(span: DateSpan, venue: VenueTime, rooms: Iterable[RoomTime]) -> OpenMinutes:
    """Returns the open minutes of rooms on the dates of a span.

    Rooms with the venue's hours and nothing of their own are worked out once for all.
    """
    days = span.dates()
    closed_for_all = _by_date(venue.blackouts, span, venue.zone)
    shared: Mapping[date, ByHour] | None = None
    of_room: Mapping[date, ByHour]
    usual = 0
    by_room: dict[UUID, int] = {}
    totals: dict[date, list[int]] = {day: [0] * HOURS for day in days}
    for room in rooms:
        if room.has_own_hours or shared is None:
            base = {day: venue.by_hour(room, day, closed_for_all.get(day, ())) for day in days}
        if room.has_own_hours:
            of_room = base
        else:
            of_room = shared = base if shared is None else shared
        own = _by_date(room.blackouts, span, venue.zone)
        if not (room.has_own_hours or own or room.archivings):
            usual += 1
            by_room[room.id] = -1
            continue
        minutes = 0
        for day in days:
            if not room.is_in_use(day):
                continue
            hours = of_room[day]
            if day in own:
                closed = merge((*own[day], *closed_for_all.get(day, ())))
                hours = venue.by_hour(room, day, closed)
            minutes += sum(hours)
            total = totals[day]
            for hour, more in enumerate(hours):
                total[hour] += more
        by_room[room.id] = minutes
    if usual and shared is not None:
        of_usual = sum(map(sum, shared.values()))
        by_room = {id: of_usual if found < 0 else found for id, found in by_room.items()}
        for day in days:
            totals[day] = [
                known + usual * more for known, more in zip(totals[day], shared[day], strict=True)
            ]
    return OpenMinutes({day: tuple(hours) for day, hours in totals.items()}, by_room)


def archivings(
    changes: Iterable[tuple[datetime, bool]], archived_at: datetime | None, zone: ZoneInfo
) -> tuple[tuple[date, bool], ...]:
    """Returns the dates on which a room was archived and taken into use again, in order."""
    known = [(local_date(at, zone), archived) for at, archived in changes]
    if archived_at is not None and not (known and known[-1][1]):
        known.append((local_date(archived_at, zone), True))
    if archived_at is None and known and known[-1][1]:
        known.pop()
    return tuple(known)


def week_read(logged: Any) -> tuple[WeeklyHours, ...]:
    """Returns weekly hours from an entry of the log."""
    return tuple(
        WeeklyHours(
            Weekday(day["weekday"]),
            tuple(
                LocalInterval(LocalTime.parse(each["opensAt"]), LocalTime.parse(each["closesAt"]))
                for each in day["intervals"]
            ),
        )
        for day in logged
    )


def _by_date(
    blackouts: Sequence[Interval], span: DateSpan, zone: ZoneInfo
) -> Mapping[date, list[Interval]]:
    """Returns disjoint blackouts by the dates of a span that they touch."""
    found: defaultdict[date, list[Interval]] = defaultdict(list)
    for blackout in merge(blackouts):
        for day in dates_of(blackout, zone):
            if day in span:
                found[day].append(blackout)
    return found


def _is_regular(bounds: Sequence[datetime]) -> bool:
    return all(bounds[hour] + _HOUR == bounds[hour + 1] for hour in range(HOURS))


@lru_cache(maxsize=4096)
def _regular_hours(before: Day, today: Day) -> ByHour:
    """Returns the open minutes of a day of 24 hours, from the hours of its eve and its own."""
    spilled = [(0, each.closes_at.minutes - 24 * 60) for each in before]
    pairs = sorted(
        (start, min(end, 24 * 60))
        for start, end in (
            *spilled,
            *((each.opens_at.minutes, each.closes_at.minutes) for each in today),
        )
        if end > start
    )
    minutes = [0] * HOURS
    reached = 0
    for start, end in pairs:
        for hour in range(max(start, reached) // 60, (end + 59) // 60):
            minutes[hour] += max(min(end, 60 * hour + 60) - max(start, reached, 60 * hour), 0)
        reached = max(reached, end)
    return tuple(minutes)
