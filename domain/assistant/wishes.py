"""What somebody wishes for: dates, hours, rooms and a budget, and how well a time meets each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from domain.core.ids import RoomId
from domain.core.intervals import Interval
from domain.core.local_time import LocalTime, midnight
from domain.core.money import Money
from domain.core.refusals import Invalid, Refusal

MAX_SUGGESTIONS: Final = 10
MAX_FLEXIBLE_DAYS: Final = 14
MAX_FLEXIBLE_MINUTES: Final = 12 * 60
MAX_ROOMS: Final = 100
MAX_CATEGORIES: Final = 20
MAX_DATES: Final = 31
"""The most dates that are searched, those that one may stray to included."""
HABITUAL_MINUTES: Final = 60
"""Times of day that lie closer together are about the same."""

_DAY: Final = timedelta(days=1)
_DAY_MINUTES: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class PreferredHours:
    """The wall-clock times between which a booking is to start, both included."""

    from_: LocalTime
    until: LocalTime


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody wishes for, and how far from the dates and hours a time may lie."""

    first_date: date
    last_date: date
    hours: PreferredHours | None = None
    flexible_days: int = 0
    flexible_minutes: int = 120
    budget: Money | None = None
    room_ids: frozenset[RoomId] = frozenset()
    categories: frozenset[str] = frozenset()

    @property
    def names_rooms(self) -> bool:
        return bool(self.room_ids or self.categories)

    def wants(self, room_id: RoomId, category: str | None) -> bool:
        """Returns whether a room is one of those that are named."""
        return room_id in self.room_ids or (category or "").casefold() in self.categories

    def searched(self, now: datetime, zone: ZoneInfo) -> Interval:
        """Returns the time in which starts may meet the wishes, without the past.

        If all of it is past, this is a minute that no start of the wishes lies in.
        """
        first = max(self.first_date - self.flexible_days * _DAY, now.astimezone(zone).date() - _DAY)
        past_midnight = 2 if self._reach >= _DAY_MINUTES else 1
        last = self.last_date + (self.flexible_days + past_midnight) * _DAY
        start = midnight(first, zone)
        return Interval(start, max(midnight(last, zone), start + timedelta(minutes=1)))

    def distance(self, local: datetime) -> "Distance | None":
        """Returns how far a local start lies from the dates and hours; None if it is too far.

        A start past midnight may be meant as a late one of the date before.
        """
        minute = local.hour * 60 + local.minute
        found = []
        for day, at in ((local.date(), minute), (local.date() - _DAY, minute + _DAY_MINUTES)):
            if at >= _DAY_MINUTES and at > self._reach:
                continue
            days = max((self.first_date - day).days, (day - self.last_date).days, 0)
            minutes = self._minutes_from_hours(at)
            if days <= self.flexible_days and abs(minutes) <= self.flexible_minutes:
                found.append(Distance(days, minutes))
        return min(found, key=lambda each: (each.days, abs(each.minutes)), default=None)

    @property
    def _reach(self) -> int:
        """The latest minute of a date, past midnight too, that may still be meant."""
        return self.hours.until.minutes + self.flexible_minutes if self.hours else 0

    def _minutes_from_hours(self, at: int) -> int:
        """Returns the minutes by which a minute of a date lies before (negative) or after them."""
        if self.hours is None:
            return 0
        early, late = at - self.hours.from_.minutes, at - self.hours.until.minutes
        return early if early < 0 else max(late, 0)


@dataclass(frozen=True, slots=True)
class Distance:
    """The days from the wished dates, and the minutes before (negative) or after the hours."""

    days: int
    minutes: int


@dataclass(frozen=True, slots=True)
class Habits:
    """The rooms and the minutes of the day of a customer's last visits."""

    room_ids: Sequence[RoomId]
    minutes: Sequence[int]

    @property
    def visits(self) -> int:
        return len(self.room_ids)

    def in_room(self, room_id: RoomId) -> int:
        """Returns how many of the visits were in a room."""
        return self.room_ids.count(room_id)

    def around(self, minute: int) -> int:
        """Returns how many of the visits started at about a minute of the day."""
        return sum(_apart(minute, each) <= HABITUAL_MINUTES for each in self.minutes)

    def closeness(self, minute: int) -> float:
        """Returns the same, where a visit an hour earlier or later counts half."""
        apart = (_apart(minute, each) for each in self.minutes)
        return sum(1 - each / (2 * HABITUAL_MINUTES) for each in apart if each <= HABITUAL_MINUTES)


def _apart(one: int, other: int) -> int:
    around = abs(one - other) % _DAY_MINUTES
    return min(around, _DAY_MINUTES - around)


def wish_refusals(wishes: Wishes, *, first: int, currency_code: str) -> Iterator[Refusal]:
    """Yields the reasons to refuse wishes, or so many suggestions for them."""
    if not 1 <= first <= MAX_SUGGESTIONS:
        yield Invalid(f"Ask for 1 to {MAX_SUGGESTIONS} suggestions.", path=("first",))
    for name, value, most in (
        ("flexible_days", wishes.flexible_days, MAX_FLEXIBLE_DAYS),
        ("flexible_minutes", wishes.flexible_minutes, MAX_FLEXIBLE_MINUTES),
    ):
        if not 0 <= value <= most:
            yield Invalid(f"This must be 0 to {most}.", path=(name,))
    dates = (wishes.last_date - wishes.first_date).days + 1
    if dates < 1:
        yield Invalid("The last date can't lie before the first one.", path=("last_date",))
    elif dates + 2 * wishes.flexible_days > MAX_DATES:
        problem = f"At most {MAX_DATES} dates are searched, flexible days included."
        yield Invalid(problem, path=("last_date",))
    if wishes.hours is not None and wishes.hours.until < wishes.hours.from_:
        problem = "This can't lie before `from`; 26:00 is 02:00 of the next date."
        yield Invalid(problem, path=("preferred_hours", "until"))
    if wishes.budget is not None and wishes.budget.currency_code != currency_code:
        yield Invalid(f"Prices of the venue are in {currency_code}.", path=("budget",))
    if len(wishes.room_ids) > MAX_ROOMS:
        yield Invalid(f"At most {MAX_ROOMS} rooms.", path=("room_ids",))
    if len(wishes.categories) > MAX_CATEGORIES:
        yield Invalid(f"At most {MAX_CATEGORIES} categories.", path=("categories",))
