"""The figures of one date: made from its bookings and payments, and merged into those of spans."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import repeat
from sys import byteorder
from typing import Final
from uuid import UUID

from domain.analytics.cells import HOURS
from domain.analytics.metrics import SUMS, Sums, values_of

NO_LEAD: Final = -(2**62)
"""Stands for the median of an hour without bookings."""


@dataclass(slots=True)
class DayFigures:
    """The figures of one date: by hour, by room, and what can't be added up.

    ``leads`` are the lead times of its bookings in minutes, in order. ``gaps`` are the days between
    each booking and the same customer's one before, in order; first bookings have none.
    ``returning`` and ``lead_medians`` are of single hours.
    """

    hours: list[Sums] = field(default_factory=lambda: [Sums() for _ in range(HOURS)])
    rooms: dict[UUID, Sums] = field(default_factory=dict)
    returning: list[int] = field(default_factory=lambda: [0] * HOURS)
    lead_medians: list[int | None] = field(default_factory=lambda: [None] * HOURS)
    leads: list[int] = field(default_factory=list)
    gaps: list[int] = field(default_factory=list)

    def add_hour(
        self, hour: int, sums: Sums, returning: int, leads: Iterable[int], gaps: Iterable[int]
    ) -> None:
        """Adds the figures of an hour; its lead times and gaps are in any order."""
        of_hour = sorted(leads)
        self.hours[hour] = sums
        self.returning[hour] = returning
        self.lead_medians[hour] = median([of_hour])
        self.leads = sorted([*self.leads, *of_hour])
        self.gaps = sorted([*self.gaps, *gaps])


# ------------------------------------------------------------------------------ merged


def median(ordered: Sequence[Sequence[int]]) -> int | None:
    """Returns the median of all numbers of some ordered lists, None of none.

    Of an even number it is the mean of the middle two, rounded down. Lists are bisected, not
    merged: a year of a large venue has hundreds of thousands of numbers.
    """
    lists = [each for each in ordered if each]
    size = sum(map(len, lists))
    if size == 0:
        return None
    lower = _nth(lists, (size - 1) // 2)
    if size % 2 or _number_until(lists, lower) > size // 2:
        return lower
    places = zip(lists, map(bisect_right, lists, repeat(lower)), strict=False)
    upper = min(each[place] for each, place in places if place < len(each))
    return (lower + upper) // 2


def _nth(lists: Sequence[Sequence[int]], wanted: int) -> int:
    """Returns the number with so many before it, of ordered lists that aren't empty."""
    if len(lists) == 1:
        return lists[0][wanted]
    low, high = min(each[0] for each in lists), max(each[-1] for each in lists)
    until_low, until_high = 0, sum(map(len, lists))
    halves = False
    while low < high:
        middle = (low + high) // 2
        if not halves and until_high > until_low:
            # Where it lies if the numbers between are spread evenly; every other time, halved.
            part = (high - low) * (wanted - until_low) // (until_high - until_low)
            middle = min(max(low + part, low), high - 1)
        halves = not halves
        until_middle = _number_until(lists, middle)
        if until_middle > wanted:
            high, until_high = middle, until_middle
        else:
            low, until_low = middle + 1, until_middle
    return low


def _number_until(lists: Sequence[Sequence[int]], most: int) -> int:
    """Returns how many numbers aren't greater."""
    return sum(map(bisect_right, lists, repeat(most)))


def returning_customers(span_start: date, gaps: Mapping[date, Sequence[int]]) -> int:
    """Returns how many customers have bookings on these dates, but their first one before.

    A customer is counted at their first booking since the span's start: the only one whose
    previous booking lies before it.
    """
    return sum(
        len(each) - bisect_left(each, (day - span_start).days + 1) for day, each in gaps.items()
    )


# ------------------------------------------------------------------------------ stored

_SIZE: Final = len(SUMS)


def packed_hours(day: DayFigures) -> bytes:
    """Returns the figures of all hours as they are stored."""
    rows = zip(*map(values_of, day.hours), strict=True)
    medians = [NO_LEAD if each is None else each for each in day.lead_medians]
    return packed("q", [number for row in (*rows, day.returning, medians) for number in row])


@dataclass(frozen=True, slots=True)
class HourFigures:
    """The figures of one hour of a date, as they were stored."""

    sums: Sums
    returning: int
    lead_median: int | None


def unpacked_hours(stored: bytes) -> list[HourFigures]:
    """Returns the figures of each hour of a date."""
    numbers = unpacked("q", stored)
    columns = [numbers[n * HOURS : (n + 1) * HOURS] for n in range(_SIZE + 2)]
    return [
        HourFigures(Sums(*row[:_SIZE]), row[-2], None if row[-1] == NO_LEAD else row[-1])
        for row in zip(*columns, strict=True)
    ]


def summed_hours(stored: Iterable[bytes]) -> list[Sums]:
    """Returns the sums of each hour over some dates."""
    parts = [unpacked("q", each)[: _SIZE * HOURS] for each in stored]
    if not parts:
        return [Sums() for _ in range(HOURS)]
    totals = [sum(column) for column in zip(*parts, strict=True)]
    return [Sums(*totals[hour::HOURS]) for hour in range(HOURS)]


def packed(kind: str, numbers: Iterable[int]) -> bytes:
    """Returns numbers as bytes: little-endian, ``kind`` as in ``array``."""
    made = array(kind, numbers)
    if byteorder == "big":
        made.byteswap()
    return made.tobytes()


def unpacked(kind: str, stored: bytes) -> Sequence[int]:
    """Returns the numbers of ``packed``."""
    made = array(kind, stored)
    if byteorder == "big":
        made.byteswap()
    return made
