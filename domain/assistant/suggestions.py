"""Suggests times: ranks the free slots of rooms by stated weights, and says why.

What a time is worth is the sum of the points of each criterion that applies: its weight times how
well the time meets it, from 0 to 1. All times of one search have the same criteria.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

from domain.assistant.gaps import Buffers, Gaps, free_stretches
from domain.assistant.wishes import Distance, Habits, Wishes
from domain.bookings.slots import RoomSlots, Slot
from domain.bookings.start_grid import places
from domain.core.intervals import Interval
from domain.core.money import Money
from domain.core.stretches import MINUTE


class Criterion(StrEnum):
    """What decides about a suggestion."""

    TIME = "TIME"
    DATE = "DATE"
    PRICE = "PRICE"
    ROOM = "ROOM"
    SIZE = "SIZE"
    HABIT = "HABIT"
    GAP = "GAP"


WEIGHTS: Final[Mapping[Criterion, int]] = {
    Criterion.TIME: 30,
    Criterion.DATE: 20,
    Criterion.PRICE: 20,
    Criterion.ROOM: 20,
    Criterion.HABIT: 15,
    Criterion.GAP: 15,
    Criterion.SIZE: 10,
}
ENOUGH_VISITS: Final = 3
"""So many visits of a customer are a habit."""
MOST_AT_ONE_START: Final = 2
"""So many rooms are suggested for the same start, unless there is nothing else."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a time meets a criterion: ``share`` is 0 to 1."""

    criterion: Criterion
    share: float

    @property
    def weight(self) -> int:
        return WEIGHTS[self.criterion]

    @property
    def points(self) -> float:
        return self.weight * self.share


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A free slot with how well it meets each criterion that applies.

    ``gap`` are the minutes that it leaves unusable before and after it.
    """

    slot: Slot
    local: datetime
    distance: Distance
    fits: tuple[Fit, ...]
    gap: tuple[int, int]

    @property
    def score(self) -> int:
        """Returns its points as a share of all that there are: 0 to 100."""
        return round(100 * _points(self.fits) / sum(each.weight for each in self.fits))


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A free start of a room: its place on the grid, and what it is worth."""

    room: "_RankedRoom"
    place: int
    interval: Interval
    points: float

    def shares_time(self, other: "_Candidate") -> bool:
        return self.room is other.room and self.interval.overlaps(other.interval)


class Ranking:
    """The free slots of a search, in the order of what they are worth to somebody's wishes."""

    def __init__(
        self,
        found: Sequence[tuple[RoomSlots, str | None]],
        wishes: Wishes,
        *,
        zone: ZoneInfo,
        shortest_minutes: int,
        habits: Habits | None = None,
        shows_prices: bool = True,
    ) -> None:
        """Takes the slots of each room with its category.

        ``shortest_minutes`` is the duration of the venue's shortest booking. Unless prices are
        shown, they don't count; nor do habits of few visits.
        """
        self.wishes, self._zone, self._shows_prices = wishes, zone, shows_prices
        self.habits = habits if habits and habits.visits >= ENOUGH_VISITS else None
        self._near = self._places_near(found[0][0]) if found else {}
        self._rooms = [_RankedRoom(self, *each, shortest_minutes) for each in found]

    @property
    def intervals(self) -> list[Interval]:
        """The times of all starts that meet the wishes, free or not, in order."""
        return [self._rooms[0].interval(place) for place in self._near]

    @cached_property
    def cheapest(self) -> Money | None:
        """The lowest price of the slots that meet the wishes; None if prices don't count."""
        prices = (room.price(place) for room in self._rooms for place in room.places())
        known = [each for each in prices if each is not None] if self._shows_prices else []
        return min(known, key=lambda each: each.amount_minor, default=None)

    def best(
        self, first: int, *, accepts: Callable[[Interval], bool] = lambda _: True
    ) -> list[Suggestion]:
        """Returns the best slots whose time is accepted.

        Unless there are too few others, none shares time with a better one of the same room, and
        no more than two have the same start. Of equal ones the earlier comes first.
        """
        chosen: list[_Candidate] = []
        alike: list[_Candidate] = []
        for each in sorted(self._candidates(), key=_order):
            if len(chosen) == first:
                break
            if _is_alike(each, chosen):
                alike.append(each)
            elif accepts(each.interval):
                chosen.append(each)
        for each in alike:
            if len(chosen) == first:
                break
            if accepts(each.interval):
                chosen.append(each)
        return [each.room.suggestion(each.place) for each in sorted(chosen, key=_order)]

    def _candidates(self) -> Iterator[_Candidate]:
        for room in self._rooms:
            for place in room.places():
                yield _Candidate(room, place, room.interval(place), room.points(place))

    def _places_near(self, slots: RoomSlots) -> dict[int, tuple[datetime, Distance]]:
        """Returns the places on the grid that are near enough to the dates and hours."""
        found = {}
        for place, start in enumerate(slots.search.grid.starts):
            local = start.astimezone(self._zone)
            distance = self.wishes.distance(local)
            if distance is not None:
                found[place] = local, distance
        return found

    def start(self, place: int) -> tuple[datetime, Distance]:
        """Returns the local time of a start that is near enough, and how far it lies away."""
        return self._near[place]

    def is_near(self, place: int) -> bool:
        """Returns whether a start is near enough to the dates and hours."""
        return place in self._near

    def by_start(self, place: int) -> tuple[Fit, ...]:
        """Returns how well a start meets what doesn't depend on the room."""
        found = self._by_start.get(place)
        if found is None:
            found = self._by_start[place] = tuple(self._fits_of_start(self._near[place][1]))
        return found

    @cached_property
    def _by_start(self) -> dict[int, tuple[Fit, ...]]:
        return {}

    def _fits_of_start(self, distance: Distance) -> Iterator[Fit]:
        wishes = self.wishes
        if wishes.hours is not None:
            away = abs(distance.minutes) / (wishes.flexible_minutes + 1)
            yield Fit(Criterion.TIME, 1 - away)
        if wishes.flexible_days:
            yield Fit(Criterion.DATE, 1 - distance.days / (wishes.flexible_days + 1))


class _RankedRoom:
    """The free slots of a room, and how well they meet the wishes."""

    def __init__(
        self, ranking: Ranking, slots: RoomSlots, category: str | None, shortest_minutes: int
    ) -> None:
        self._ranking, self._slots = ranking, slots
        self._by_room = tuple(self._fits_of_room(ranking, slots, category))
        self._room_points = _points(self._by_room)
        self._shortest_minutes = shortest_minutes

    def places(self) -> Iterator[int]:
        return filter(self._ranking.is_near, places(self._slots.listed))

    def interval(self, place: int) -> Interval:
        search = self._slots.search
        return search.wish.interval(search.grid.starts[place])

    def price(self, place: int) -> Money | None:
        totals = self._slots.totals
        if totals is not None:
            return totals.at[place]
        return self._slots.search.price(self._slots.room.hourly_rate)

    def suggestion(self, place: int) -> Suggestion:
        local, distance = self._ranking.start(place)
        slot = self._slots.slot(place)
        return Suggestion(slot, local, distance, self.fits(place), self._gap(place))

    def points(self, place: int) -> float:
        """Returns what a slot is worth."""
        of_slot = sum(each.points for each in self._fits_of_slot(place))
        return _points(self._ranking.by_start(place)) + self._room_points + of_slot

    def fits(self, place: int) -> tuple[Fit, ...]:
        """Returns how well a slot meets each criterion that applies."""
        return (*self._ranking.by_start(place), *self._by_room, *self._fits_of_slot(place))

    @staticmethod
    def _fits_of_room(ranking: Ranking, slots: RoomSlots, category: str | None) -> Iterator[Fit]:
        room, wishes = slots.room, ranking.wishes
        if wishes.names_rooms:
            yield Fit(Criterion.ROOM, float(wishes.wants(room.id, category)))
        # A room that is booked by its seats has no seats too many.
        whole = room.seats is None
        yield Fit(Criterion.SIZE, slots.search.wish.party_size / room.capacity if whole else 1)

    def _fits_of_slot(self, place: int) -> Iterator[Fit]:
        habits, cheapest = self._ranking.habits, self._ranking.cheapest
        if cheapest is not None:
            yield Fit(Criterion.PRICE, self._fit_of_price(place, cheapest))
        if habits is not None:
            local, _ = self._ranking.start(place)
            close = habits.closeness(local.hour * 60 + local.minute)
            there = habits.in_room(self._slots.room.id)
            yield Fit(Criterion.HABIT, (close + there) / (2 * habits.visits))
        yield Fit(Criterion.GAP, 1 - sum(map(bool, self._gap(place))) / 2)

    def _fit_of_price(self, place: int, cheapest: Money) -> float:
        """Returns 1 within the budget, and 0 from its double on; else, by the lowest price."""
        price, budget = self.price(place), self._ranking.wishes.budget
        if price is None or not price.amount_minor:
            return 1
        if budget is None:
            return cheapest.amount_minor / price.amount_minor
        over = price.amount_minor - budget.amount_minor
        return 1 - min(max(over, 0) / max(budget.amount_minor, 1), 1)

    def _gap(self, place: int) -> tuple[int, int]:
        slots = self._slots
        if slots.room.seats is not None:
            return 0, 0
        start = slots.search.grid.ticks[place]
        return self._gaps.around(start, start + slots.search.wish.duration_minutes * MINUTE)

    @cached_property
    def _gaps(self) -> Gaps:
        slots, room = self._slots, self._slots.room
        opened = room.hours.open_intervals(slots.search.lasting, slots.search.wish.zone)
        free = free_stretches(
            [each.stretch for each in opened], [*slots.times.occupied, *room.blocked]
        )
        buffers = Buffers.of_minutes(
            room.buffer_before_minutes, room.buffer_after_minutes, self._shortest_minutes
        )
        return Gaps(free, buffers)


def _order(candidate: _Candidate) -> tuple[float, datetime]:
    return -candidate.points, candidate.interval.start


def _is_alike(candidate: _Candidate, chosen: Sequence[_Candidate]) -> bool:
    """Returns whether somebody who doesn't want one of the chosen won't want this either."""
    if any(candidate.shares_time(each) for each in chosen):
        return True
    start = candidate.interval.start
    return sum(each.interval.start == start for each in chosen) >= MOST_AT_ONE_START


def _points(fits: Sequence[Fit]) -> float:
    return sum(each.points for each in fits)
