"""What decides about a slot: a room's facts, the venue's rules, and the request."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from domain.bookings.pricing import Price
from domain.bookings.refusals import Busy
from domain.bookings.room_prices import PricePlan, Totals, room_price
from domain.bookings.start_grid import StartGrid, start_grid
from domain.core.ids import RoomId
from domain.core.intervals import Interval
from domain.core.money import Money
from domain.core.refusals import Invalid
from domain.core.stretches import Stretch
from domain.tenants.settings import LONGEST_MINUTES
from domain.venue.hours import HoursFacts

DAY_MINUTES = 24 * 60
LOOK_AHEAD_DAYS = 8


@dataclass(frozen=True, slots=True)
class RoomTimes:
    """What bookings take of a room: their times, and these with the bookings' own buffers.

    ``seats`` are the seats that they take then, of a room whose seats are booked.
    """

    booked: Sequence[Stretch]
    occupied: Sequence[Stretch]
    seats: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class RoomFacts:
    """What decides about a room: load it for the time that ``facts_window`` names.

    ``busy`` are the bookings that keep their time, without one that is being moved; ``moving``
    is the time that one has in this room now. Blackouts are the room's and the venue's. ``seats``
    is how many there are, if they are booked, and None of a room that is booked as a whole. Without
    a price plan, the hourly rate is all that decides about prices.
    """

    id: RoomId
    name: str
    capacity: int
    archived: bool
    buffer_before_minutes: int
    buffer_after_minutes: int
    hourly_rate: Money | None
    hours: HoursFacts
    price_plan: PricePlan | None = None
    blackouts: tuple[Interval, ...] = ()
    busy: tuple[Busy, ...] = ()
    moving: Busy | None = None
    seats: int | None = None

    @property
    def largest_party(self) -> int:
        """The most people that one booking may have."""
        return self.capacity if self.seats is None else self.seats

    @property
    def times(self) -> RoomTimes:
        """What ``busy`` takes of the room."""
        return RoomTimes(
            [each.interval.stretch for each in self.busy],
            [each.occupied.stretch for each in self.busy],
            [each.seats for each in self.busy] if self.seats is not None else (),
        )

    @property
    def blocked(self) -> list[Stretch]:
        """Returns when blackouts block the room."""
        return [each.stretch for each in self.blackouts]

    def within(self, window: Interval) -> Self:
        """The facts with no other blackouts than those that share time with a window."""
        if not self.blackouts:
            return self
        return replace(
            self, blackouts=tuple(each for each in self.blackouts if each.overlaps(window))
        )

    def price(self, time: Interval, wish: "SlotRequest") -> Price | None:
        """Returns what the room costs at a time: as shown, quoted and charged."""
        return room_price(self.price_plan, self.hourly_rate, time, wish, label=self.name)

    def totals(self, grid: StartGrid, wish: "SlotRequest") -> Totals | None:
        """Returns the totals of ``price`` at each start; None if they are the same at any time."""
        if self.price_plan is None:
            return None
        return self.price_plan.totals(self.hourly_rate, grid, wish)

    def only_frees(self, wanted: Interval) -> bool:
        """Whether the time lies within that of the booking that is being moved.

        No neighbour can mind, whatever the buffers are by now.
        """
        return self.moving is not None and self.moving.interval.contains(wanted)

    def padded(self, wanted: Interval) -> Interval:
        """The time with the room's buffers."""
        return wanted.padded(
            before_minutes=self.buffer_before_minutes, after_minutes=self.buffer_after_minutes
        )

    def occupied_by(self, wanted: Interval) -> Interval:
        """The time with its buffers, as no two bookings may have it.

        Of a booking that only frees time, no more than it has already.
        """
        padded = self.padded(wanted)
        if self.moving is None or not self.only_frees(wanted):
            return padded
        has = self.moving.occupied
        return Interval(max(padded.start, has.start), min(padded.end, has.end))


@dataclass(frozen=True, slots=True)
class VenueRules:
    """The venue's settings that hold for every room."""

    zone: ZoneInfo
    slot_minutes: int
    min_notice_minutes: int
    max_advance_days: int
    min_duration_minutes: int
    max_duration_minutes: int

    def grid(self, window: Interval) -> StartGrid:
        """The starts on the venue's grid within an interval."""
        return start_grid(window, self.zone, self.slot_minutes)


@dataclass(frozen=True, slots=True)
class SlotRequest:
    """What somebody asks for, wherever and whenever it is free.

    ``override`` lifts the notice and the grid, and nothing else; even then a start isn't in the
    past and is a whole minute. The customer's tags only decide about prices. Raises Invalid for a
    duration that no booking has or a party of nobody.
    """

    duration_minutes: int
    party_size: int
    rules: VenueRules
    override: bool
    now: datetime
    customer_tags: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not 1 <= self.duration_minutes <= LONGEST_MINUTES:
            problem = f"The duration must be 1 to {LONGEST_MINUTES:,} minutes."
            raise Invalid(problem, path=("duration_minutes",))
        if self.party_size < 1:
            raise Invalid("The party must have at least 1 person.", path=("party_size",))

    @property
    def zone(self) -> ZoneInfo:
        return self.rules.zone

    @property
    def earliest(self) -> datetime:
        """The first instant from which the venue still takes a booking."""
        return self.earliest_by(override=self.override)

    def earliest_by(self, *, override: bool) -> datetime:
        """The same, with the override or without."""
        return self.now + timedelta(minutes=0 if override else self.rules.min_notice_minutes)

    @property
    def latest(self) -> datetime:
        """The last instant for which the venue takes bookings already."""
        return self.now + timedelta(days=self.rules.max_advance_days)

    def keeping_start(self, start: datetime) -> Self:
        """Returns the same for a booking that keeps its start, which no rule refuses then."""
        ahead = (start - self.now).days + 1
        rules = replace(
            self.rules,
            slot_minutes=1,
            min_notice_minutes=0,
            max_advance_days=max(self.rules.max_advance_days, ahead),
        )
        return replace(self, rules=rules, now=min(self.now, start))

    def interval(self, start: datetime) -> Interval:
        """The time it would take from a start in UTC."""
        return Interval.of_minutes(start, self.duration_minutes)


def facts_window(starts: Interval, wish: SlotRequest) -> Interval:
    """The time that a room's facts must cover to answer for starts within an interval.

    Blackouts and bookings that overlap it, and exceptions of the dates around it: from two days
    before, because an earlier booking's buffer and the wanted one's are a day each at most, to
    LOOK_AHEAD_DAYS after, to say when a rule lets go.
    """
    return starts.padded(
        before_minutes=2 * DAY_MINUTES,
        after_minutes=wish.duration_minutes + LOOK_AHEAD_DAYS * DAY_MINUTES,
    )
