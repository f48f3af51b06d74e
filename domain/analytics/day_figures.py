"""The figures of one date: made from its bookings and payments, and merged into those of spans."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain, repeat
from sys import byteorder
from typing import Final
from uuid import UUID

from domain.analytics.cells import HOURS
from domain.analytics.metrics import SUMS, Sums, values_of

NO_LEAD: Final = -(2**62)
"""Stands for the median of an hour without bookings."""
_NEAR: Final = 200
"""So few numbers are sorted rather than bisected."""


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

    Of an even number it is the mean of the middle two, rounded down. Lists are bisected, and merged
    only near the median: a year of a large venue has hundreds of thousands of numbers.
    """
    lists = [each for each in ordered if each]
    size = sum(map(len, lists))
    if size == 0:
        return None
    place = (size - 1) // 2
    low, high, before, until = _around(lists, place)
    if low == high:
        near = [low] * (until - before)
    else:
        parts = (each[bisect_left(each, low) : bisect_right(each, high)] for each in lists)
        near = sorted(chain.from_iterable(parts))
    lower = near[place - before]
    if size % 2:
        return lower
    if place + 1 - before < len(near):
        return (lower + near[place + 1 - before]) // 2
    places = zip(lists, map(bisect_right, lists, repeat(high)), strict=True)
    return (lower + min(each[after] for each, after in places if after < len(each))) // 2


def _around(lists: Sequence[Sequence[int]], place: int) -> tuple[int, int, int, int]:
    """Returns bounds of the number at a place, in the order of all lists together.

    The last two results count the numbers below the lower bound, and those up to the upper one.
    """
    # Half of the numbers of each list are on either side of its own median.
    middles = [each[(len(each) - 1) // 2] for each in lists]
    low, high = min(middles), max(middles)
    before, until = _number_until(lists, low - 1), _number_until(lists, high)
    halves = False
    while low < high and until - before > max(_NEAR, 2 * len(lists)):
        middle = (low + high) // 2
        if not halves:
            # Where it lies if the numbers between are spread evenly; every other time, halved.
            part = (high - low) * (place - before) // (until - before)
            middle = min(max(low + part, low), high - 1)
        halves = not halves
        until_middle = _number_until(lists, middle)
        if until_middle > place:
            high, until = middle, until_middle
        else:
            low, before = middle + 1, until_middle
    return low, high, before, until


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


_SUMMED: Final = 8 * _SIZE * HOURS
# Turns 64 bits in two's complement into the number plus 2**63, which is never negative.
_SIGNS: Final = int.from_bytes(_SIZE * HOURS * (b"\0" * 7 + b"\x80"), "little")


def summed_hours(stored: Iterable[bytes]) -> list[Sums]:
    """Returns the sums of each hour over some dates.

    All numbers of a date are added as one, of which each has 64 bits, as long as no sum needs more.
    """
    total = 0
    for each in stored:
        total += (int.from_bytes(each[:_SUMMED], "little") ^ _SIGNS) - _SIGNS
    sums = unpacked("q", ((total + _SIGNS) ^ _SIGNS).to_bytes(_SUMMED, "little"))
    return [Sums(*sums[hour::HOURS]) for hour in range(HOURS)]


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
