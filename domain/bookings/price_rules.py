"""Price rules: when and to what they apply, and which one decides about each minute."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from domain.bookings.pricing import PriceUnit
from domain.core.ids import RoomId
from domain.core.local_time import offset_spans
from domain.core.money import Money
from domain.core.percents import Percent
from domain.core.stretches import MINUTE, Stretch
from domain.venue.hours import Weekday

_DAY_MINUTES: Final = 24 * 60
_DAY: Final = _DAY_MINUTES * MINUTE
_EPOCH: Final = date(1970, 1, 1).toordinal()
_WEEKDAYS: Final = tuple(Weekday)


@dataclass(frozen=True, slots=True)
class LocalHours:
    """Hours of a date in minutes from its midnight; they may end on the next date.

    They start before 24:00 and last at most a day.
    """

    starts_at: int
    ends_at: int


@dataclass(frozen=True, slots=True)
class Range:
    """A range of whole numbers, both ends included; an end that is None is open."""

    least: int | None = None
    most: int | None = None

    @property
    def beyond(self) -> int | None:
        """The first number above the range."""
        return None if self.most is None else self.most + 1

    def __contains__(self, number: int) -> bool:
        return (self.least is None or self.least <= number) and (
            self.most is None or number <= self.most
        )


@dataclass(frozen=True, slots=True, eq=False)
class PriceRule:
    """What is charged instead of a room's hourly rate, where all conditions are met.

    A condition that is None or empty is met always. The dates, both included, and weekdays are
    those on which ``hours`` start. ``duration`` and ``notice`` are minutes.
    """

    label: str
    unit: PriceUnit
    amount: Money
    tax_rate: Percent | None = None
    room_ids: frozenset[RoomId] = frozenset()
    categories: frozenset[str] = frozenset()
    weekdays: frozenset[Weekday] = frozenset()
    hours: LocalHours | None = None
    first_date: date | None = None
    last_date: date | None = None
    duration: Range = Range()
    notice: Range = Range()
    customer_tag: str | None = None

    def is_for_room(self, room_id: RoomId, category: str | None) -> bool:
        """Returns whether the rule may apply to a room."""
        is_named = not self.room_ids or room_id in self.room_ids
        return is_named and (not self.categories or category in self.categories)

    def is_on(self, ordinal: int) -> bool:
        """Returns whether the rule's hours start on a date."""
        if self.weekdays and _WEEKDAYS[(ordinal - 1) % 7] not in self.weekdays:
            return False
        first, last = self.first_date, self.last_date
        return (first is None or first.toordinal() <= ordinal) and (
            last is None or ordinal <= last.toordinal()
        )

    def covers(self, minute: int) -> bool:
        """Returns whether the hours contain a minute, counted from the midnight they start after.

        Those from 1,440 on are minutes of the next date.
        """
        if self.hours is None:
            return minute < _DAY_MINUTES
        return self.hours.starts_at <= minute < self.hours.ends_at


Stretches = Sequence[tuple[int, int, PriceRule | None]]
"""The ticks between which a rule decides, or none does; in order, without gaps."""


def deciding(rules: Sequence[PriceRule], span: Stretch, zone: ZoneInfo) -> Stretches:
    """Returns which of some rules is the first to apply to each minute of a stretch.

    Each minute counts by what the clock shows: a rule for an hour that the clock repeats applies to
    both, and one for an hour that it skips to none.
    """
    found: list[tuple[int, int, PriceRule | None]] = []
    for start, end, rule in _pieces(rules, span, zone):
        if found and found[-1][2] is rule:
            found[-1] = found[-1][0], end, rule
        else:
            found.append((start, end, rule))
    return found


def _pieces(
    rules: Sequence[PriceRule], span: Stretch, zone: ZoneInfo
) -> Iterator[tuple[int, int, PriceRule | None]]:
    # Dates on which the same rules apply, as on the same weekday, are alike.
    alike: dict[_OfDate, list[tuple[int, int, PriceRule | None]]] = {}
    for first, last, ahead in offset_spans(span, zone):
        for day in range((first + ahead) // _DAY, (last + ahead - 1) // _DAY + 1):
            ordinal, midnight = day + _EPOCH, day * _DAY - ahead
            of_date = tuple(
                (rule, begins, goes_on)
                for rule in rules
                for begins, goes_on in [(rule.is_on(ordinal), rule.is_on(ordinal - 1))]
                if begins or goes_on
            )
            if of_date not in alike:
                alike[of_date] = [*_of_date(of_date)]
            for turn, until, rule in alike[of_date]:
                start, end = midnight + turn, midnight + until
                if start < last and first < end:
                    yield max(start, first), min(end, last), rule


_OfDate = tuple[tuple[PriceRule, bool, bool], ...]
"""Rules whose hours start on a date, or on the one before."""


def _of_date(rules: _OfDate) -> Iterator[tuple[int, int, PriceRule | None]]:
    """Yields the ticks of a date, from its midnight, between which a rule decides."""
    turns = sorted({0, *_turns(rule for rule, *_ in rules)})
    for turn, until in pairwise((*turns, _DAY_MINUTES)):
        deciding = next(
            (
                rule
                for rule, begins, goes_on in rules
                if (begins and rule.covers(turn)) or (goes_on and rule.covers(turn + _DAY_MINUTES))
            ),
            None,
        )
        yield turn * MINUTE, until * MINUTE, deciding


def _turns(rules: Iterable[PriceRule]) -> Iterator[int]:
    """Yields the minutes of a day at which a rule may start or cease to apply."""
    for rule in rules:
        if rule.hours is not None:
            yield rule.hours.starts_at % _DAY_MINUTES
            yield rule.hours.ends_at % _DAY_MINUTES


def minutes_ahead(start: datetime, now: datetime) -> int:
    """Returns the whole minutes from now to a start; below 0 in the past."""
    return (start - now) // timedelta(minutes=1)


def applicable(
    rules: Iterable[PriceRule],
    duration_minutes: int,
    start: datetime,
    now: datetime,
    tags: frozenset[str],
) -> tuple[PriceRule, ...]:
    """Returns the rules that may apply to a booking made now, whatever its hours, in order."""
    notice = minutes_ahead(start, now)
    return tuple(
        each
        for each in rules
        if duration_minutes in each.duration
        and notice in each.notice
        and (each.customer_tag is None or each.customer_tag in tags)
    )
