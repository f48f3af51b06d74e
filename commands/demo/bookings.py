"""Fills a demo venue's calendar with bookings, each with a history up to now.

Reproducible except for the time: the random seed is made of venue, day and room.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum, auto
from random import Random
from typing import Any, Final, TypeVar, assert_never
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.dialects.postgresql import Range

from commands.demo.history import History, id_made_at
from commands.demo.venues import (
    BOOKING_NOTES,
    CANCEL_REASONS,
    DAYS_AHEAD,
    DAYS_BACK,
    HOLD_MINUTES,
)
from domain.accounts.users import Role
from domain.bookings.lifecycle import REFERENCE_BYTES, Status, reference
from domain.bookings.pricing import Price, price_of
from domain.core.ids import RoomId
from domain.core.intervals import Interval, first_overlap
from domain.core.local_time import midnight
from domain.core.log_events import Event, EventType
from domain.venue.hours import HoursFacts, Weekday
from models.bookings.bookings import Booking
from models.bookings.price_rules import PriceRule
from models.bookings.stored_prices import price_columns
from models.core.base import snapshot
from models.customers.customers import Customer
from models.venue.rooms import Room

T = TypeVar("T")

_GRID: Final = timedelta(minutes=30)
_NOTICE: Final = timedelta(hours=1)
_BOOKED_AHEAD: Final = timedelta(days=30)
_OWN_BOOKING_EVERY: Final = 30
"""One booking in this many is the customer user's."""


class Fate(StrEnum):
    """The final outcome of a booking."""

    COMPLETED = auto()
    CANCELLED = auto()
    NO_SHOW = auto()
    EXPIRED = auto()
    REJECTED = auto()


_FATES: Final = {
    Fate.COMPLETED: 83,
    Fate.CANCELLED: 9,
    Fate.NO_SHOW: 4,
    Fate.EXPIRED: 2,
    Fate.REJECTED: 2,
}
_PAID: Final = (Status.COMPLETED, Status.NO_SHOW, Status.CANCELLED)
_DESKS: Final = {Role.STAFF: 60, Role.MANAGER: 25, Role.ADMIN: 10, Role.OWNER: 5}


@dataclass(frozen=True, slots=True)
class Calendar:
    """The times at which rooms can be booked; blackouts by room, disjoint and sorted."""

    zone: ZoneInfo
    hours: HoursFacts
    blackouts: Mapping[UUID, Sequence[Interval]]

    def hours_of(self, day: date) -> Iterator[Interval]:
        """Yields the opening hours that start on a day."""
        around = Interval.of_minutes(midnight(day, self.zone), 24 * 60)
        for opened in self.hours.open_intervals(around, self.zone):
            if opened.start.astimezone(self.zone).date() == day:
                yield opened


class Bookings:
    """Creates the bookings of a venue; the first of the people is the customer user."""

    def __init__(
        self,
        history: History,
        calendar: Calendar,
        people: Sequence[Customer],
        rules: Sequence[PriceRule],
    ) -> None:
        self.made: list[Booking] = []
        # Those that were made online and have ended.
        self.paid: list[Booking] = []
        self._history = history
        self._calendar = calendar
        self._people = people
        # By room; each applies until a date.
        self._rules = {id: rule for rule in rules for id in rule.applies.room_ids}

    def fill(self, rooms: Sequence[Room], *, days_back: int = DAYS_BACK) -> None:
        """Books the rooms up to DAYS_AHEAD, as far as they would be by now."""
        today = self._history.now.astimezone(self._calendar.zone).date()
        for offset in range(-days_back, DAYS_AHEAD + 1):
            for room in rooms:
                seed = f"{self._history.venue.subdomain} {offset} {room.name}"
                dice = Random(seed)  # noqa: S311 - reproducible
                for opened in self._calendar.hours_of(today + timedelta(days=offset)):
                    self._fill(room, opened, dice)

    def _fill(self, room: Room, opened: Interval, dice: Random) -> None:
        """Steps through the hours of a day by half hours, and books by demand."""
        start, freed_at, freed_until = opened.start, opened.start, opened.start
        while start < opened.end:
            wanted = Interval.of_minutes(start, _weighed(self._history.venue.durations, dice))
            earliest = start - _BOOKED_AHEAD
            if start < freed_until:
                earliest = max(earliest, freed_at)
            made_at = _between(earliest, start - _NOTICE, dice)
            is_wanted = dice.random() < self._demand(start, opened)
            is_possible = (
                earliest < made_at
                and opened.contains(wanted)
                and not first_overlap(self._calendar.blackouts[room.id], wanted)
            )
            if not is_wanted or not is_possible:
                start += _GRID
                continue
            if made_at > self._history.now:
                # Somebody will book it. Given to others, the weeks ahead would be fuller than the
                # past ones were at the same time before.
                start = _occupied(room, wanted).end
                continue
            price = self._price(room, wanted)
            life = _Life(self._history, room, wanted, price, made_at=made_at, dice=dice)
            life.run(self._somebody(dice))
            self.made.append(life.booking)
            if life.is_online and life.booking.status in _PAID:
                self.paid.append(life.booking)
            if life.freed_at is None:
                start = life.occupied.end
            else:
                freed_at, freed_until = life.freed_at, life.occupied.end

    def _price(self, room: Room, wanted: Interval) -> Price | None:
        rule = self._rules.get(RoomId(room.id))
        if rule is not None and rule.applies.last_date is not None:
            day = wanted.start.astimezone(self._calendar.zone).date()
            if day <= rule.applies.last_date:
                return price_of(rule.amount, wanted, label=rule.label)
        return price_of(room.hourly_rate, wanted, label=room.name)

    def _demand(self, start: datetime, opened: Interval) -> float:
        """Returns the probability that a time is booked."""
        zone, venue = self._calendar.zone, self._history.venue
        weekday = tuple(Weekday)[opened.start.astimezone(zone).weekday()]
        return venue.weekdays[weekday] * venue.hours_of_day[start.astimezone(zone).hour]

    def _somebody(self, dice: Random) -> Customer:
        if len(self.made) % _OWN_BOOKING_EVERY == 0:
            return self._people[0]
        # Squared: some customers come often and many rarely.
        return self._people[1 + int((len(self._people) - 1) * dice.random() ** 2)]


class _Life:
    """Simulates one booking from its creation to its end, or to now."""

    def __init__(
        self,
        history: History,
        room: Room,
        wanted: Interval,
        price: Price | None,
        *,
        made_at: datetime,
        dice: Random,
    ) -> None:
        self.freed_at: datetime | None = None
        self.is_online = False
        self.occupied = _occupied(room, wanted)
        self.booking = Booking(
            tenant_id=history.tenant_id,
            id=id_made_at(made_at, dice),
            reference=reference(dice.randbytes(REFERENCE_BYTES)),
            room_id=room.id,
            status=Status.HELD.value,
            starts_at=wanted.start,
            ends_at=wanted.end,
            occupied=Range(self.occupied.start, self.occupied.end),
            party_size=1 + int(room.capacity * dice.random()),
            **price_columns(price),
            currency_code=room.currency_code,
            created_at=made_at,
            updated_at=made_at,
        )
        if room.space_ids:
            self.booking.space_ids = room.space_ids
        self._history = history
        self._wanted = wanted
        self._at = made_at
        self._dice = dice
        self._logged: Mapping[str, object] | None = None

    def run(self, customer: Customer) -> None:
        """Simulates everything that has happened by now."""
        history, dice = self._history, self._dice
        is_own = customer.id == history.users[Role.CUSTOMER].customer_id
        desk = _weighed(_DESKS, dice)
        by = Role.CUSTOMER if is_own and dice.random() < 0.7 else desk
        fate = _weighed(_FATES, dice)
        start, end = self._wanted.start, self._wanted.end

        if fate is Fate.EXPIRED:
            self._hold(by, customer if by is Role.CUSTOMER else None)
            self._expire()
            return
        if dice.random() < 0.25:
            self.is_online = True
            self._hold(by, customer if by is Role.CUSTOMER else None)
            self._at += timedelta(seconds=dice.randrange(20, 200))
        if not self._create(by, customer):
            return
        if history.venue.requires_confirmation and not self._confirm(fate, desk):
            return
        if dice.random() < 0.05:
            self._become(
                self._between_now_and(start),
                EventType.BOOKING_UPDATED,
                desk,
                note=dice.choice(BOOKING_NOTES),
            )
        match fate:
            case Fate.CANCELLED:
                at = self._between_now_and(start)
                reason = dice.choice(CANCEL_REASONS)
                self._end(at, EventType.BOOKING_CANCELLED, by, Status.CANCELLED, reason=reason)
            case Fate.NO_SHOW:
                at = start + timedelta(minutes=dice.randrange(20, 30))
                self._end(at, EventType.BOOKING_NO_SHOW, desk, Status.NO_SHOW)
            case Fate.COMPLETED | Fate.REJECTED:
                at = start + timedelta(minutes=dice.randrange(-10, 10))
                self._become(at, EventType.BOOKING_CHECKED_IN, desk, status=Status.CHECKED_IN)
                at = end + timedelta(minutes=dice.randrange(-5, 10))
                self._become(at, EventType.BOOKING_COMPLETED, desk, status=Status.COMPLETED)
            case _:
                assert_never(fate)

    def _hold(self, by: Role, customer: Customer | None) -> None:
        self.booking.held_by_id = self._history.users[by].id
        self.booking.customer_id = None if customer is None else customer.id
        self.booking.hold_expires_at = self._at + timedelta(minutes=HOLD_MINUTES)
        self._logged = self._history.created(
            EventType.BOOKING_HELD, self.booking, at=self._at, by=by
        )

    def _expire(self) -> None:
        assert self.booking.hold_expires_at is not None
        self._end(self.booking.hold_expires_at, EventType.BOOKING_EXPIRED, None, Status.EXPIRED)

    def _create(self, by: Role, customer: Customer) -> bool:
        is_pending = self._history.venue.requires_confirmation
        status = Status.PENDING if is_pending else Status.CONFIRMED
        if self.booking.hold_expires_at is not None:
            return self._become(
                self._at,
                EventType.BOOKING_CREATED,
                by,
                status=status,
                customer_id=customer.id,
                hold_expires_at=None,
            )
        self.booking.held_by_id = self._history.users[by].id
        self.booking.customer_id = customer.id
        self.booking.status = status.value
        self._logged = self._history.created(
            EventType.BOOKING_CREATED, self.booking, at=self._at, by=by
        )
        return True

    def _confirm(self, fate: Fate, desk: Role) -> bool:
        at = self._at + timedelta(minutes=self._dice.randrange(2, 50))
        if fate is Fate.REJECTED:
            self._end(at, EventType.BOOKING_REJECTED, desk, Status.REJECTED)
            return False
        return self._become(at, EventType.BOOKING_CONFIRMED, desk, status=Status.CONFIRMED)

    def _end(
        self,
        at: datetime,
        type: EventType,
        by: Role | None,
        status: Status,
        *,
        reason: str | None = None,
    ) -> None:
        if self._become(at, type, by, reason=reason, status=status):
            self.freed_at = at

    def _become(
        self,
        at: datetime,
        type: EventType,
        by: Role | None,
        *,
        reason: str | None = None,
        **changes: Any,
    ) -> bool:
        """Changes the booking, if that is not in the future."""
        if at > self._history.now:
            return False
        booking = self.booking
        before = self._logged
        for name, value in changes.items():
            setattr(booking, name, value)
        booking.version += 1
        booking.updated_at = self._at = at
        self._logged = after = snapshot(booking)
        event = Event(type, "Booking", booking.id, reason=reason, before=before, after=after)
        self._history.add_event(event, at=at, by=by)
        return True

    def _between_now_and(self, end: datetime) -> datetime:
        return _between(self._at, end, self._dice)


def _occupied(room: Room, wanted: Interval) -> Interval:
    return wanted.padded(
        before_minutes=room.buffer_before_minutes, after_minutes=room.buffer_after_minutes
    )


def _between(start: datetime, end: datetime, dice: Random) -> datetime:
    """Returns a random whole second in an interval; its start if it is empty."""
    seconds = int((end - start) / timedelta(seconds=1))
    return start + timedelta(seconds=int(max(seconds, 0) * dice.random()))


def _weighed(choices: Mapping[T, int], dice: Random) -> T:
    return dice.choices(list(choices), list(choices.values()))[0]
