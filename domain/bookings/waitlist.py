"""Waitlists: who gets a time that has become free, and how long they have to accept it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.bookings.availability import RoomCalendar, reasons_against, standing_reasons
from domain.bookings.refusals import Busy, Reason
from domain.bookings.room_starts import SlotSearch, room_starts
from domain.bookings.slot_facts import RoomFacts, SlotRequest, VenueRules
from domain.bookings.start_grid import StartGrid, places
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval
from domain.core.local_time import Edge, LocalTime, dates_around, instant
from domain.core.refusals import Code, Invalid, Path, Refusal
from domain.core.stretches import ticks

MAX_SPAN_DAYS: Final = 90
MAX_OPEN_ENTRIES: Final = 20
"""How many open entries a customer may have."""
MAX_VENUE_ENTRIES: Final = 2_000
"""How many open entries a venue may have."""
ACCEPT_SAME_DAY: Final = timedelta(minutes=15)
ACCEPT_LATER: Final = timedelta(hours=24)
_MIDNIGHT: Final = LocalTime(24 * 60)
# As of ``resolve_start``: years in which arithmetic on dates can't overflow.
_FIRST_YEAR, _LAST_YEAR = 1971, 2199
_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)
"""The least time to accept an offer: no start is offered that leaves less."""
# Whatever becomes free, these rules still refuse a wish.
_FOR_GOOD: Final = frozenset(
    {
        Code.CAPACITY_EXCEEDED,
        Code.MAX_DURATION,
        Code.MIN_DURATION,
        Code.MIN_NOTICE,
        Code.OFF_GRID,
        Code.ROOM_ARCHIVED,
    }
)


class WaitlistStatus(StrEnum):
    """The status of an entry; the value is stored."""

    WAITING = "waiting"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    LEFT = "left"


# An entry with one of these may still become a booking.
OPEN: Final = frozenset({WaitlistStatus.WAITING, WaitlistStatus.OFFERED})


@dataclass(frozen=True, slots=True)
class WaitlistDates:
    """Local dates, and the local times between which a booking lies on one of them.

    Without times, it may be at any time of a day. ``latest`` may be a time of the next day.
    """

    first: date
    last: date
    earliest: LocalTime | None = None
    latest: LocalTime | None = None


@dataclass(frozen=True, slots=True)
class WaitlistWish:
    """What somebody waits for: exactly one of a start and dates, in some rooms or in any."""

    duration_minutes: int
    party_size: int
    starts_at: datetime | None = None
    dates: WaitlistDates | None = None
    room_ids: frozenset[UUID] | None = None

    def windows(self, zone: ZoneInfo, *, around: Interval | None = None) -> list[Interval]:
        """Returns the times in one of which the whole booking lies, in order.

        ``around``: only of the dates around an interval.
        """
        if self.starts_at is not None:
            return [Interval.of_minutes(self.starts_at, self.duration_minutes)]
        assert self.dates is not None
        return [*_windows(self.dates, zone, around)]

    def starts(self, zone: ZoneInfo, *, around: Interval | None = None) -> list[Interval]:
        """Returns the starts by which the booking lies in its windows; the last is included."""
        length = timedelta(minutes=self.duration_minutes)
        return [
            Interval(each.start, each.end - length + _MINUTE)
            for each in self.windows(zone, around=around)
            if each.end - length >= each.start
        ]

    def first_and_last(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Returns the bounds of its starts, both included. Raises IndexError without any."""
        starts = self.starts(zone)
        return starts[0].start, starts[-1].end - _MINUTE


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry that waits, as far as it decides who gets a time."""

    id: UUID
    wish: WaitlistWish


@dataclass(frozen=True, slots=True)
class Offer:
    """A start of a room for an entry."""

    entry: Waiting
    room_id: RoomId
    starts_at: datetime


def span_refusals(wish: WaitlistWish, zone: ZoneInfo, *, now: datetime) -> list[Refusal]:
    """Returns what is wrong with the time that somebody wants to wait for."""
    dates = wish.dates
    path: Path = ("dates",)
    if dates is not None:
        if not 0 <= (dates.last - dates.first).days < MAX_SPAN_DAYS:
            problem = f"Give 1 to {MAX_SPAN_DAYS} days, the first one first."
            return [Invalid(problem, path=(*path, "last"))]
        if not _FIRST_YEAR <= dates.first.year <= _LAST_YEAR:
            problem = f"The year lies between {_FIRST_YEAR} and {_LAST_YEAR}."
            return [Invalid(problem, path=(*path, "first"))]
    starts = wish.starts(zone)
    if not starts:
        return [Invalid("The duration is longer than the times of a day.", path=path)]
    if starts[-1].end <= now:
        path = ("start",) if dates is None else (*path, "last")
        return [Invalid("This time has passed.", path=path)]
    return []


def lasting_reasons(
    room: RoomFacts, wish: WaitlistWish, request: SlotRequest
) -> tuple[Reason, ...]:
    """Returns the rules that refuse a wish in a room, whatever becomes free or opens."""
    if wish.starts_at is None:
        return tuple(standing_reasons(room, request))
    found = reasons_against(room, wish.starts_at, request)
    return tuple(each for each in found if each.code in _FOR_GOOD)


def accept_until(starts_at: datetime, *, now: datetime, rules: VenueRules) -> datetime:
    """Returns until when an offer made now can be accepted.

    15 minutes for a time of the same local day, else 24 hours, but no longer than the venue takes
    bookings of that time.
    """
    is_today = starts_at.astimezone(rules.zone).date() == now.astimezone(rules.zone).date()
    until = now + (ACCEPT_SAME_DAY if is_today else ACCEPT_LATER)
    return min(until, starts_at - timedelta(minutes=rules.min_notice_minutes))


class Openings:
    """The free starts of a room, which are given away one after the other.

    ``starts`` are those to look at, for which the room's facts were loaded. What is too near to be
    accepted isn't offered.
    """

    def __init__(self, room: RoomFacts, starts: Interval, rules: VenueRules, now: datetime) -> None:
        self._room = room
        self._starts = starts
        self._rules = rules
        self._now = now
        self._earliest = now + timedelta(minutes=rules.min_notice_minutes) + _MINUTE
        # Most entries want the same durations and sizes.
        self._free: dict[tuple[int, int], tuple[StartGrid, int]] = {}

    def offer(self, entry: Waiting) -> Offer | None:
        """Gives an entry the first start that is left for it, if any.

        Call it for each entry, in the order in which they are served.
        """
        start = self._first(entry.wish)
        if start is None:
            return None
        self._take(entry, start)
        return Offer(entry, self._room.id, start)

    def _first(self, wish: WaitlistWish) -> datetime | None:
        if wish.room_ids is not None and self._room.id not in wish.room_ids:
            return None
        grid, free = self._left_for(wish)
        if free:
            for each in wish.starts(self._rules.zone, around=self._starts):
                allowed = free & grid.within(ticks(each.start), ticks(each.end) - 1)
                if allowed:
                    return grid.starts[next(places(allowed))]
        return None

    def _left_for(self, wish: WaitlistWish) -> tuple[StartGrid, int]:
        """Returns a grid with the set of its starts that are free for the duration and party."""
        key = wish.duration_minutes, wish.party_size
        left = self._free.get(key)
        if left is None:
            since = max(self._starts.start, self._earliest)
            if since >= self._starts.end:
                return StartGrid(()), 0
            search = SlotSearch(self._request(wish), Interval(since, self._starts.end))
            left = self._free[key] = search.grid, room_starts(self._room, search).free
        return left

    def _take(self, entry: Waiting, start: datetime) -> None:
        time = Interval.of_minutes(start, entry.wish.duration_minutes)
        calendar = RoomCalendar.of(self._room, time, self._request(entry.wish))
        taken = Busy(
            self._room.id,
            BookingId(entry.id),
            time,
            self._room.padded(time),
            calendar.seats_for(time, entry.wish.party_size),
        )
        self._room = replace(self._room, busy=(*self._room.busy, taken))
        self._free.clear()

    def _request(self, wish: WaitlistWish) -> SlotRequest:
        return SlotRequest(
            wish.duration_minutes, wish.party_size, self._rules, override=False, now=self._now
        )


def _windows(dates: WaitlistDates, zone: ZoneInfo, around: Interval | None) -> Iterator[Interval]:
    earliest = LocalTime(0) if dates.earliest is None else dates.earliest
    latest = _MIDNIGHT if dates.latest is None else dates.latest
    first, last = dates.first, dates.last
    if around is not None:
        near = dates_around(around, zone)
        # Times of the next day belong to the date before.
        first, last = max(first, near[0] - _DAY), min(last, near[-1])
    for n in range((last - first).days + 1):
        day = first + n * _DAY
        start = instant(day, earliest, zone, edge=Edge.OPENING)
        end = instant(day, latest, zone, edge=Edge.CLOSING)
        if start < end:
            yield Interval(start, end)
