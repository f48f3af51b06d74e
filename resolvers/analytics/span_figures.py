"""The figures of a span of dates, of a whole venue or of some of its rooms."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from itertools import accumulate, chain, pairwise, starmap
from typing import Final
from uuid import UUID

from domain.analytics.cells import HOURS, Cells
from domain.analytics.day_figures import (
    HourFigures,
    median,
    returning_customers,
    summed_hours,
    unpacked_hours,
)
from domain.analytics.metrics import SUMS, BookingMetrics, Sums, values_of
from domain.analytics.periods import Granularity, parts_of
from domain.analytics.spans import DateSpan
from domain.venue.hours import Weekday
from kit.scope import Scope
from models.analytics.recounts import RECOUNT
from models.analytics.span_figures import BY_ROOM, DAYS, DAYS_OF_ROOMS
from models.venue.rooms import Room
from resolvers.analytics.kept_days import DayDetails, KeptDays, SpanDetails
from resolvers.analytics.open_time import VenueOpenTime
from resolvers.analytics.points import STRETCH, KeptPoints, MetricsPoint, PointRuns, StretchKey

_NUMBER: Final = len(SUMS)
_WEEKDAYS: Final = tuple(Weekday)
_NOTHING: Final = HourFigures(Sums(), 0, None)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is needed of figures that can't be added up."""

    leads: bool
    customers: bool
    hours: bool

    @property
    def any(self) -> bool:
        return self.leads or self.customers or self.hours


@dataclass(frozen=True, slots=True)
class RoomMetrics:
    """The figures of one room."""

    room: Room
    metrics: BookingMetrics

    @property
    def room_id(self) -> UUID:
        return self.room.id


@dataclass(frozen=True, slots=True)
class WeekdayHour:
    """The figures of an hour of the week."""

    weekday: Weekday
    hour: int
    metrics: BookingMetrics


@dataclass(frozen=True, slots=True)
class _Day:
    sums: Sums
    lead_median: int | None
    returning: int


_NO_DAY: Final = _Day(Sums(), None, 0)


@dataclass(slots=True)
class SpanFigures:
    """The figures of a span, by date; ``room_ids`` of None are all rooms.

    Those of all rooms come from rollups. Of some rooms, rollups have only what can be added up by
    date; bookings are counted for the rest, once for all parts of the selection.
    """

    scope: Scope
    span: DateSpan
    open_time: VenueOpenTime
    room_ids: frozenset[UUID] | None
    wanted: Wanted
    days: dict[date, _Day] = field(default_factory=dict)
    details: SpanDetails | None = None
    hours_of_rooms: Mapping[date, Sequence[HourFigures]] | None = None
    _versions: dict[date, int] = field(default_factory=dict)
    _running: Sequence[Sequence[int]] = ()
    _dates: Sequence[date] = field(init=False)

    def __post_init__(self) -> None:
        self._dates = self.span.dates()

    @property
    def currency(self) -> str:
        return self.open_time.tenant.currency_code

    async def load(self) -> None:
        """Reads the figures of each date."""
        values = {
            "tenant_id": self.scope.tenant_id,
            "from_": self.span.from_,
            "until": self.span.until,
        }
        if self.room_ids is not None:
            rows = await self.scope.fetch_prepared(
                DAYS_OF_ROOMS, room_ids=list(self.room_ids), **values
            )
            self.days = {row[0]: _Day(Sums(*row[1:]), None, 0) for row in rows}
            if self.wanted.any:
                await self._recount(by_hour=self.wanted.hours)
            return
        for row in await self.scope.fetch_prepared(DAYS, **values):
            day = row[0]
            self.days[day] = _Day(Sums(*row[1 : 1 + _NUMBER]), row["lead_median"], row["returning"])
            self._versions[day] = row["made_by"]
        if self.wanted.any:
            await self._load_details()

    async def _load_details(self) -> SpanDetails:
        if self.details is None:
            self.details = await self.scope.service(KeptDays).of(self.scope, self._versions)
        return self.details

    async def totals(self) -> BookingMetrics:
        """Returns the figures of the whole span."""
        (point,) = self._points([self.span])
        return point

    async def series(self, granularity: Granularity) -> Iterable[MetricsPoint]:
        """Returns the figures of each part of the span, in order."""
        if granularity is Granularity.HOUR:
            return [
                MetricsPoint(day, day + timedelta(days=1), hour, self._hour(day, hour, figures))
                for day, figures_of_day in (await self._hours()).items()
                for hour, figures in enumerate(figures_of_day)
            ]
        if granularity is Granularity.DAY:
            return self._in_stretches(granularity, self._dates, self._points_of_dates)
        starts = [part.from_ for part in parts_of(self.span, granularity)]
        return self._in_stretches(granularity, starts, self._points_of_parts)

    async def by_room(self) -> list[RoomMetrics]:
        """Returns the figures of each room in use, and of archived ones that have any, by name."""
        rows = await self.scope.fetch_prepared(
            BY_ROOM,
            tenant_id=self.scope.tenant_id,
            from_=self.span.from_,
            until=self.span.until,
        )
        sums = {row[0]: Sums(*row[1:]) for row in rows}
        minutes = self.open_time.minutes(self.room_ids).by_room
        return [
            RoomMetrics(
                room,
                BookingMetrics(sums.get(id) or Sums(), self.currency, minutes.get(id, 0)),
            )
            for id, room in self.open_time.rooms.items()
            if (self.room_ids is None or id in self.room_ids)
            and (id in sums or minutes.get(id) or room.archived_at is None)
        ]

    async def by_weekday_hour(self) -> list[WeekdayHour]:
        """Returns the figures of each hour of the week in which the venue was open or booked."""
        opened = self.open_time.minutes(self.room_ids).by_weekday
        return [
            WeekdayHour(
                _WEEKDAYS[weekday],
                hour,
                BookingMetrics(sums, self.currency, minutes),
            )
            for weekday, hours in (await self._sums_of_weekdays()).items()
            for hour, sums in enumerate(hours)
            if (minutes := opened[weekday][hour]) or sums != _NOTHING.sums
        ]

    # -------------------------------------------------------------------------- parts

    def _points(self, parts: Sequence[DateSpan]) -> list[BookingMetrics]:
        minutes, currency = self.open_time.minutes(self.room_ids), self.currency
        return [
            BookingMetrics(sums, currency, minutes.within(part), lead, returning)
            for part in parts
            for sums, lead, returning in [self._of_part(part)]
        ]

    def _in_stretches(
        self,
        granularity: Granularity,
        starts: Sequence[date],
        points: Callable[[Sequence[date]], list[MetricsPoint]],
    ) -> Iterable[MetricsPoint]:
        """Returns the points that begin on some dates; of all rooms, as far as possible kept ones.

        ``points`` makes those between each of some dates and the next.
        """
        ends = [*starts, self.span.until]
        if self.room_ids is not None:
            return points(ends)
        kept = self.scope.service(KeptPoints)
        opened = self.open_time.minutes(None).of_dates
        made_by = [self._versions.get(day) for day in self._dates]
        stretches = []
        for number in range(0, len(starts), STRETCH):
            between = ends[number : number + STRETCH + 1]
            first, after = self._place(between[0]), self._place(between[-1])
            key = StretchKey(self.scope.tenant_id, granularity, between[0], between[-1])
            made_from = made_by[first:after], opened[first:after], self.currency, self.wanted.any
            stretches.append(kept.of(key, made_from, partial(points, between)))
        return PointRuns(stretches)

    def _place(self, day: date) -> int:
        return (day - self.span.from_).days

    def _points_of_dates(self, ends: Sequence[date]) -> list[MetricsPoint]:
        """Returns the figures of consecutive dates as they were stored."""
        opened, currency = self.open_time.minutes(self.room_ids).of_dates, self.currency
        points = []
        for (day, after), minutes in zip(
            pairwise(ends), opened[self._place(ends[0]) : self._place(ends[-1])], strict=True
        ):
            figures = self.days.get(day, _NO_DAY)
            metrics = BookingMetrics(
                figures.sums, currency, minutes, figures.lead_median, figures.returning
            )
            points.append(MetricsPoint(day, after, None, metrics))
        return points

    def _points_of_parts(self, ends: Sequence[date]) -> list[MetricsPoint]:
        parts = [*starmap(DateSpan, pairwise(ends))]
        return [
            MetricsPoint(part.from_, part.until, None, metrics)
            for part, metrics in zip(parts, self._points(parts), strict=True)
        ]

    def _of_part(self, part: DateSpan) -> tuple[Sums, int | None, int]:
        """Returns the sums of a part, its median lead time, and its returning customers."""
        first, after = self._place(part.from_), self._place(part.until)
        sums = Sums(*(running[after] - running[first] for running in self._totals()))
        if self.details is None:
            return sums, None, 0
        found = self.details.of_part(
            part, [day for day in self._dates[first:after] if day in self.days]
        )
        return sums, found.lead_median, found.returning

    def _totals(self) -> Sequence[Sequence[int]]:
        """Returns each sum of the dates before each date of the span, and at last of all."""
        if not self._running:
            of_days = [values_of(self.days.get(day, _NO_DAY).sums) for day in self._dates]
            columns = zip(*of_days, strict=True)
            self._running = [[*accumulate(column, initial=0)] for column in columns]
        return self._running

    # -------------------------------------------------------------------------- hours

    def _hour(self, day: date, hour: int, figures: HourFigures) -> BookingMetrics:
        open_minutes = self.open_time.minutes(self.room_ids).by_date[day][hour]
        return BookingMetrics(
            figures.sums, self.currency, open_minutes, figures.lead_median, figures.returning
        )

    async def _hours(self) -> Mapping[date, Sequence[HourFigures]]:
        if self.room_ids is not None:
            if self.hours_of_rooms is None:
                await self._recount(by_hour=True)
            return self.hours_of_rooms or {}
        stored = (await self._load_details()).days
        nothing = [_NOTHING] * HOURS
        return {
            day: unpacked_hours(stored[day].hours) if day in stored else nothing
            for day in self._dates
        }

    async def _sums_of_weekdays(self) -> Mapping[int, list[Sums]]:
        if self.room_ids is not None:
            found: dict[int, list[Sums]] = {
                weekday: [Sums() for _ in range(HOURS)] for weekday in range(len(_WEEKDAYS))
            }
            for day, hours in (await self._hours()).items():
                for sums, figures in zip(found[day.weekday()], hours, strict=True):
                    sums.add(figures.sums)
            return found
        of_weekdays: dict[int, list[bytes]] = {number: [] for number in range(len(_WEEKDAYS))}
        for day, details in (await self._load_details()).days.items():
            of_weekdays[day.weekday()].append(details.hours)
        return {weekday: summed_hours(hours) for weekday, hours in of_weekdays.items()}

    # -------------------------------------------------------------------------- bookings counted

    async def _recount(self, *, by_hour: bool) -> None:
        """Counts the bookings of the rooms, and keeps what rollups lack."""
        of_a_date = HOURS if by_hour else 1
        bounds = Cells.of(self.span, self.open_time.zone).bounds[:: HOURS // of_a_date]
        found = await self._counted(bounds, of_a_date)
        nothing = _Counted()
        hours: dict[date, Sequence[HourFigures]] = {}
        details: dict[date, DayDetails] = {}
        for index, day in enumerate(self._dates):
            numbers = range(index * of_a_date + 1, (index + 1) * of_a_date + 1)
            cells = [found.get(number, nothing) for number in numbers]
            if by_hour:
                hours[day] = [cell.figures for cell in cells]
            if day in self.days:
                leads = sorted(chain.from_iterable(cell.leads for cell in cells))
                gaps = sorted(chain.from_iterable(cell.gaps for cell in cells))
                details[day] = DayDetails(0, leads, gaps, b"", 0)
                returning = returning_customers(day, {day: gaps})
                self.days[day] = _Day(self.days[day].sums, median([leads]), returning)
        self.details = SpanDetails(details)
        if by_hour:
            self.hours_of_rooms = hours

    async def _counted(
        self, bounds: Sequence[datetime], of_a_date: int
    ) -> Mapping[int, "_Counted"]:
        """Counts between ascending bounds, ``of_a_date`` to a date, numbered from 1."""
        assert self.room_ids is not None
        longest = timedelta(minutes=self.open_time.tenant.longest_minutes)
        rows = await self.scope.fetch_prepared(
            RECOUNT,
            tenant_id=self.scope.tenant_id,
            room_ids=list(self.room_ids),
            currency=self.currency,
            bounds=list(bounds),
            of_a_date=of_a_date,
            earliest=bounds[0] - longest,
            since=bounds[0],
            until=bounds[-1],
            customers=self.wanted.customers,
            leads=self.wanted.leads,
        )
        found: defaultdict[int, _Counted] = defaultdict(_Counted)
        for row in rows:
            cell = found[row[0]]
            cell.sums.add(Sums(*row[1 : 1 + _NUMBER]))
            cell.returning += row["returning"] or 0
            cell.leads = row["leads"] or cell.leads
            cell.gaps = row["gaps"] or cell.gaps
        return found


@dataclass(slots=True)
class _Counted:
    """What was counted between two bounds."""

    sums: Sums = field(default_factory=Sums)
    returning: int = 0
    leads: Sequence[int] = ()
    gaps: Sequence[int] = ()

    @property
    def figures(self) -> HourFigures:
        return HourFigures(self.sums, self.returning, median([self.leads]))
