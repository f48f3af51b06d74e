"""Whether a room is free at a time, and every rule that refuses it when it isn't.

What is shown as free and what a booking is allowed are the same answer to the same question.
``room_starts`` gives it for many starts at once; property tests hold the two together.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from itertools import chain
from typing import Self

from domain.bookings.refusals import Busy, Reason, SlotTaken, SlotUnavailable
from domain.bookings.seat_map import SeatMap
from domain.bookings.seats import numbers_of, seats_to_take
from domain.bookings.slot_facts import (
    DAY_MINUTES,
    LOOK_AHEAD_DAYS,
    RoomFacts,
    RoomTimes,
    SlotRequest,
    VenueRules,
)
from domain.bookings.start_grid import StartGrid
from domain.core.formatting import booked, counted, moment, span, too_close, too_few_seats
from domain.core.ids import BookingId
from domain.core.intervals import Interval, first_overlap, merge
from domain.core.local_time import midnight
from domain.core.refusals import Code, Invalid, Path, Refusal
from domain.core.stretches import (
    MINUTE,
    Disjoint,
    Stretch,
    instant_of,
    merged,
    refused_starts,
    ticks,
)


def reasons_against(room: RoomFacts, start: datetime, wish: SlotRequest) -> tuple[Reason, ...]:
    """Every rule that refuses a start; none means free, and a booking made now succeeds."""
    wanted = wish.interval(start)
    return RoomCalendar.of(room, wanted, wish).reasons_against(wanted)


def overridden(start: datetime, wish: SlotRequest) -> tuple[Code, ...]:
    """The rules that would refuse a start but for the override, for the audit."""
    if not wish.override:
        return ()
    lifted = (
        (Code.MIN_NOTICE, _notice),
        (Code.OFF_GRID, _grid),
    )
    return tuple(
        code
        for code, rule in lifted
        if any(rule(start, wish, override=False)) and not any(rule(start, wish, override=True))
    )


def clashes(room: RoomFacts, wanted: Interval) -> tuple[Busy, ...]:
    """The bookings that have the wanted time; where there are none, those within the buffers."""
    taken = tuple(busy for busy in room.busy if busy.interval.overlaps(wanted))
    padded = room.padded(wanted)
    found = taken or tuple(busy for busy in room.busy if busy.occupied.overlaps(padded))
    if room.seats is None:
        return found
    # Many may sit there at the same time, and nobody is told who.
    return tuple({busy.interval: busy for busy in found}.values())


def refusals(
    room: RoomFacts,
    start: datetime,
    reasons: Sequence[Reason],
    *,
    wish: SlotRequest,
    exclude_booking_id: BookingId | None = None,
) -> list[Refusal]:
    """What to raise for the reasons against a start: one refusal for each, in their order."""
    if not reasons:
        return []
    wanted = wish.interval(start)
    remaining_seats = None
    if room.seats is not None:
        remaining_seats = RoomCalendar.of(room, wanted, wish).free_seats(wanted).bit_count()
    return [
        SlotTaken(
            reason.code,
            room_id=room.id,
            room_name=room.name,
            wanted=wanted,
            party_size=wish.party_size,
            zone=wish.rules.zone,
            conflicts=clashes(room, wanted),
            exclude_booking_id=exclude_booking_id,
            remaining_seats=remaining_seats,
            path=("start",),
        )
        if reason.code in {Code.SLOT_TAKEN, Code.BUFFER_VIOLATION}
        else SlotUnavailable(reason.code, reasons=tuple(reasons), path=_path(reason.code))
        for reason in reasons
    ]


def party_refusals(party_size: int, *, room_name: str, capacity: int) -> list[Refusal]:
    """What refuses a party that has its time already, and only changes its size."""
    if party_size < 1:
        return [Invalid("The party must have at least 1 person.", path=("party_size",))]
    reasons = tuple(_over_capacity(party_size, room_name, capacity))
    return [SlotUnavailable(each.code, reasons, path=_path(each.code)) for each in reasons]


@lru_cache(maxsize=64)
def first_on_grid(since: datetime, rules: VenueRules) -> datetime | None:
    """The first start on the venue's grid from an instant on, at most two days later."""
    return next(iter(rules.grid(Interval.of_minutes(since, 2 * DAY_MINUTES)).starts), None)


@dataclass(frozen=True)
class RoomCalendar:
    """A room's facts made ready to answer one wish for many starts.

    It answers for every start whose whole slot lies in one of the windows. ``times`` are what
    bookings take of the room.
    """

    room: RoomFacts
    windows: Sequence[Interval]
    wish: SlotRequest
    times: RoomTimes

    @classmethod
    def of(cls, room: RoomFacts, window: Interval, wish: SlotRequest) -> Self:
        """Ready for every start whose whole slot lies in the window."""
        return cls(room, [window], wish, room.times)

    @classmethod
    def of_times(cls, room: RoomFacts, times: Sequence[Interval], wish: SlotRequest) -> Self:
        """Ready for these times only, which may be far apart."""
        return cls(room, times, wish, room.times)

    @cached_property
    def _standing(self) -> tuple[Reason, ...]:
        """The reasons against any start."""
        return tuple(standing_reasons(self.room, self.wish))

    @cached_property
    def _opened(self) -> list[Interval]:
        hours, zone = self.room.hours, self.wish.rules.zone
        if len(self.windows) == 1:
            return hours.open_intervals(self.windows[0], zone)
        half = DAY_MINUTES // 2
        # Daily times grow together, so that no day is looked at for several of them.
        spans = merge(each.padded(before_minutes=half, after_minutes=half) for each in self.windows)
        return merge(chain.from_iterable(hours.open_intervals(span, zone) for span in spans))

    @cached_property
    def _blackouts(self) -> Disjoint:
        return Disjoint(merged(self.room.blocked))

    @cached_property
    def _booked(self) -> Disjoint:
        return Disjoint(merged(self.times.booked))

    @cached_property
    def _occupied(self) -> Disjoint:
        return Disjoint(merged(self.times.occupied))

    @cached_property
    def _refused_by_blackouts(self) -> Disjoint:
        return Disjoint(refused_starts(self._blackouts.stretches, before=self._length))

    @cached_property
    def _refused_by_bookings(self) -> Disjoint:
        if self.room.seats is not None:
            return Disjoint(self.seat_map.refused(self.wish.party_size))
        before, after = self._reach
        return Disjoint(refused_starts(self.times.occupied, before=before, after=after))

    @cached_property
    def seat_map(self) -> SeatMap:
        """Which seats are taken, of a room whose seats are booked."""
        return SeatMap(self.room, self.times, length=self._length)

    def free_seats(self, wanted: Interval) -> int:
        """Returns the set of seats that are free for a time, of a room whose seats are booked."""
        return self.seat_map.free(ticks(wanted.start))

    def seats_for(self, wanted: Interval, party_size: int) -> int:
        """Returns the seats to take for a time that nothing refuses; none of an exclusive room."""
        if self.room.seats is None:
            return 0
        own = self.room.moving.seats if self.room.moving else 0
        return seats_to_take(self.free_seats(wanted), party_size, own=own)

    def seat_numbers(self, wanted: Interval, party_size: int) -> list[int] | None:
        """Returns the numbers of these seats, as they are stored; None for an exclusive room."""
        if self.room.seats is None:
            return None
        return [*numbers_of(self.seats_for(wanted, party_size))]

    @cached_property
    def _length(self) -> int:
        """How long a slot is, in ticks."""
        return self.wish.duration_minutes * MINUTE

    @cached_property
    def _reach(self) -> tuple[int, int]:
        """How long before and after occupied time a start is refused, in ticks."""
        room = self.room
        before = self._length + room.buffer_after_minutes * MINUTE
        return before, room.buffer_before_minutes * MINUTE

    @cached_property
    def _told(self) -> dict[Hashable, Reason]:
        """The reasons found so far: a booking is the same reason for all the starts it refuses."""
        return {}

    @property
    def refused_spans(self) -> list[Stretch]:
        """The stretches whose starts, but for their edges, blackouts or bookings refuse."""
        return [*self._refused_by_bookings.stretches, *self._refused_by_blackouts.stretches]

    def turns(self, grid: StartGrid) -> int:
        """Returns the starts of a grid whose reasons may differ from those of the start before.

        All of them lie on the grid of the venue and within opening hours.
        """
        wish, (before, after) = self.wish, self._reach
        turns = grid.turns(self._blackouts.stretches, before=self._length)
        turns |= grid.turns(self._booked.stretches, before=self._length)
        turns |= grid.turns(self.times.occupied, before=before, after=after)
        for each in (wish.now, wish.earliest):
            later = grid.since(ticks(each))
            turns |= later & -later
        # Each opens for booking at an instant of its own.
        turns |= grid.since(ticks(wish.latest) + 1)
        if self.room.moving is not None:
            has = self.room.moving.interval
            turns |= grid.turns([(ticks(has.start) - 1, ticks(has.end) - self._length + 1)])
        return turns

    def _is_open(self, wanted: Interval) -> bool:
        """Whether the room is open all the time; buffers may lie outside."""
        if self.room.hours.is_open_by_date(wanted, self.wish.rules.zone):
            return True
        opened = first_overlap(self._opened, wanted)
        return opened is not None and opened.contains(wanted)

    def reasons_against(self, wanted: Interval, *, is_listed: bool = False) -> tuple[Reason, ...]:
        """Returns the reasons against a start, in the order in which rules are checked.

        ``is_listed``: it is known to be on the grid and within opening hours.
        """
        time = wanted.stretch
        return (
            *self._standing,
            *self._notice(wanted.start),
            *_advance(wanted.start, self.wish),
            *(() if is_listed else self._misplaced(wanted)),
            *self._blackout(time),
            *self._clash(wanted, time),
        )

    def _misplaced(self, wanted: Interval) -> Iterator[Reason]:
        yield from _grid(wanted.start, self.wish, override=self.wish.override)
        if not self._is_open(wanted):
            yield from self._outside_hours(wanted)

    def _notice(self, start: datetime) -> Iterator[Reason]:
        wish = self.wish
        if start < wish.earliest:
            key = Code.MIN_NOTICE, start < wish.now
            told = self._told.get(key)
            if told is None:
                (told,) = _notice(start, wish, override=wish.override)
                self._told[key] = told
            yield told

    def _once(
        self, tell: Callable[[Interval, datetime], Reason], about: Stretch, until: int
    ) -> Reason:
        """Returns the reason of a stretch that refuses starts until a tick, worked out once."""
        key = tell.__name__, about, until
        told = self._told.get(key)
        if told is None:
            told = tell(Interval.of_stretch(about), instant_of(until))
            self._told[key] = told
        return told

    def _outside_hours(self, wanted: Interval) -> Iterator[Reason]:
        zone = self.wish.rules.zone
        day = wanted.start.astimezone(zone).date()
        hours = self.room.hours.opening_day(day)
        shown = ", ".join(f"{each.opens_at}–{each.closes_at}" for each in hours)  # noqa: RUF001
        yield Reason(
            Code.OUTSIDE_BUSINESS_HOURS,
            message=(
                f"{self.room.name} isn't open for all of {span(wanted, zone)}; "
                f"the hours that start on that day: {shown or 'none'}."
            ),
            rule={
                "date": day.isoformat(),
                "intervals": [
                    {"opensAt": str(each.opens_at), "closesAt": str(each.closes_at)}
                    for each in hours
                ],
            },
            frees_at=self._next_open(wanted),
        )

    def _next_open(self, wanted: Interval) -> datetime | None:
        ahead = wanted.padded(before_minutes=0, after_minutes=LOOK_AHEAD_DAYS * DAY_MINUTES)
        for opened in self.room.hours.open_intervals(ahead, self.wish.rules.zone):
            start = max(wanted.start, opened.start)
            if opened.contains(self.wish.interval(start)):
                return start
        return None

    def _blackout(self, wanted: Stretch) -> Iterator[Reason]:
        if not self.room.blackouts:
            return
        refused = self._refused_by_blackouts.strictly_around(wanted[0])
        blackout = self._blackouts.meeting(*wanted)
        if refused is not None and blackout is not None:
            yield self._once(self._blocked, blackout, refused[1])

    def _blocked(self, blackout: Interval, frees_at: datetime) -> Reason:
        return Reason(
            Code.BLACKOUT,
            message=f"{self.room.name} is blocked {span(blackout, self.wish.rules.zone)}.",
            rule={"startsAt": _json(blackout.start), "endsAt": _json(blackout.end)},
            frees_at=frees_at,
        )

    def _clash(self, wanted: Interval, time: Stretch) -> Iterator[Reason]:
        start, end = time
        if self.room.seats is not None:
            yield from self._too_few_seats(start)
            return
        if not self.times.occupied:
            return
        refused = self._refused_by_bookings.strictly_around(start)
        if refused is None or self.room.only_frees(wanted):
            return
        before, after = self._reach
        if taken := self._booked.meeting(start, end):
            yield self._once(self._taken, taken, refused[1])
        elif occupied := self._occupied.meeting(start - after, start + before):
            yield self._once(self._too_close, occupied, refused[1])

    def _too_few_seats(self, start: int) -> Iterator[Reason]:
        party, left = self.wish.party_size, self.seat_map.free(start).bit_count()
        if left >= party or party > self.room.largest_party:
            return
        frees_at = self.seat_map.frees_at(start, party)
        key = Code.SLOT_TAKEN, left, frees_at
        told = self._told.get(key)
        if told is None:
            told = self._told[key] = Reason(
                Code.SLOT_TAKEN,
                message=too_few_seats(self.room.name, left),
                rule={"seats": self.room.seats, "remainingSeats": left},
                frees_at=None if frees_at is None else instant_of(frees_at),
            )
        yield told

    def _taken(self, taken: Interval, frees_at: datetime) -> Reason:
        return Reason(
            Code.SLOT_TAKEN,
            message=booked(self.room.name, taken, self.wish.rules.zone),
            rule={"startsAt": _json(taken.start), "endsAt": _json(taken.end)},
            frees_at=frees_at,
        )

    def _too_close(self, occupied: Interval, frees_at: datetime) -> Reason:
        return Reason(
            Code.BUFFER_VIOLATION,
            message=too_close(self.room.name, occupied, self.wish.rules.zone),
            rule={
                "bufferBeforeMinutes": self.room.buffer_before_minutes,
                "bufferAfterMinutes": self.room.buffer_after_minutes,
            },
            frees_at=frees_at,
        )


def _over_capacity(party_size: int, room_name: str, capacity: int) -> Iterator[Reason]:
    if party_size > capacity:
        yield Reason(
            Code.CAPACITY_EXCEEDED,
            message=f"{room_name} holds at most {counted(capacity, 'guest')}.",
            rule={"capacity": capacity},
        )


def standing_reasons(room: RoomFacts, wish: SlotRequest) -> Iterator[Reason]:
    """The rules that refuse a wish whatever the start."""
    rules = wish.rules
    if room.archived:
        yield Reason(Code.ROOM_ARCHIVED, message=f"{room.name} is archived and can't be booked.")
    yield from _over_capacity(wish.party_size, room.name, room.largest_party)
    if wish.duration_minutes < rules.min_duration_minutes:
        yield Reason(
            Code.MIN_DURATION,
            message=f"Bookings must last at least {counted(rules.min_duration_minutes, 'minute')}.",
            rule={"minDurationMinutes": rules.min_duration_minutes},
        )
    if wish.duration_minutes > rules.max_duration_minutes:
        yield Reason(
            Code.MAX_DURATION,
            message=f"Bookings must last at most {counted(rules.max_duration_minutes, 'minute')}.",
            rule={"maxDurationMinutes": rules.max_duration_minutes},
        )


def _notice(start: datetime, wish: SlotRequest, *, override: bool) -> Iterator[Reason]:
    earliest = wish.earliest_by(override=override)
    if start >= earliest:
        return
    notice = 0 if override else wish.rules.min_notice_minutes
    ahead = f"Book at least {counted(notice, 'minute')} ahead: "
    # On the grid, so that what is told stays true until the next start is too near as well.
    first = first_on_grid(earliest, wish.rules) or earliest
    yield Reason(
        Code.MIN_NOTICE,
        message=(
            "This time has passed."
            if start < wish.now
            else f"{ahead}now that is {moment(first, wish.rules.zone)} or later."
        ),
        rule={"minNoticeMinutes": notice},
        frees_at=first,
    )


def _advance(start: datetime, wish: SlotRequest) -> Iterator[Reason]:
    days = wish.rules.max_advance_days
    opens = start - timedelta(days=days)
    if opens > wish.now:
        yield Reason(
            Code.MAX_ADVANCE,
            message=(
                f"Bookings open {counted(days, 'day')} ahead: "
                f"for this time at {moment(opens, wish.rules.zone)}."
            ),
            rule={"maxAdvanceDays": days},
            frees_at=opens,
        )


def _grid(start: datetime, wish: SlotRequest, *, override: bool) -> Iterator[Reason]:
    clock = start.astimezone(wish.rules.zone)
    slot_minutes = 1 if override else wish.rules.slot_minutes
    whole_minute = not clock.second and not clock.microsecond
    if whole_minute and (clock.hour * 60 + clock.minute) % slot_minutes == 0:
        return
    if start == midnight(clock.date(), wish.rules.zone):
        return
    yield Reason(
        Code.OFF_GRID,
        message=f"Bookings start every {counted(slot_minutes, 'minute')}, counted from midnight.",
        rule={"slotMinutes": slot_minutes},
        frees_at=first_on_grid(start, wish.rules),
    )


def _json(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


def _path(code: Code) -> Path:
    match code:
        case Code.ROOM_ARCHIVED:
            return ("room_id",)
        case Code.CAPACITY_EXCEEDED:
            return ("party_size",)
        case Code.MIN_DURATION | Code.MAX_DURATION:
            return ("duration_minutes",)
        case _:
            return ("start",)
