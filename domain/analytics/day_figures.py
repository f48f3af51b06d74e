"""The figures of one date: made from its bookings and payments, and merged into those of spans."""

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import repeat
from sys import byteorder
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.analytics.cells import HOURS, Cells, local_date
from domain.analytics.metrics import COUNTING, SUMS, Sums
from domain.analytics.spans import DateSpan
from domain.bookings.lifecycle import Status
from domain.core.intervals import Interval

_MINUTE: Final = timedelta(minutes=1)
_COUNTING: Final = frozenset(status.value for status in COUNTING)
NO_LEAD: Final = -(2**62)
"""Stands for the median of an hour without bookings."""


@dataclass(frozen=True, slots=True)
class CountedBooking:
    """A booking that counts, or was cancelled; ``price_minor`` is in the venue's currency or None.

    ``previous_start`` is when the customer's booking before it starts, of those that count.
    """

    room_id: UUID
    customer_id: UUID | None
    status: str
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
    price_minor: int | None
    previous_start: datetime | None


@dataclass(frozen=True, slots=True)
class CountedPayment:
    """Money that was paid for a booking, or refunded if it is negative."""

    room_id: UUID
    at: datetime
    amount_minor: int


@dataclass(slots=True)
class DayFigures:
    """The figures of one date: by hour, by room, and what can't be added up.

    ``leads`` are the lead times of its bookings in minutes, in order. ``gaps`` are the days between
    each booking and the same customer's one before, in order; first bookings have none.
    ``returning`` and ``lead_medians`` are of single hours.
    """

    hours: list[Sums] = field(default_factory=lambda: [Sums() for _ in range(HOURS)])
    rooms: dict[UUID, Sums] = field(default_factory=lambda: defaultdict(Sums))
    returning: list[int] = field(default_factory=lambda: [0] * HOURS)
    lead_medians: list[int | None] = field(default_factory=lambda: [None] * HOURS)
    leads: Sequence[int] = ()
    gaps: Sequence[int] = ()


def figures_by_date(
    span: DateSpan,
    zone: ZoneInfo,
    bookings: Iterable[CountedBooking],
    payments: Iterable[CountedPayment],
) -> Mapping[date, DayFigures]:
    """Returns the figures of each date of a span, from all bookings that overlap it."""
    cells = Cells.of(span, zone)
    days = [DayFigures() for _ in range(span.days)]
    leads: defaultdict[int, list[int]] = defaultdict(list)
    gaps: list[list[int]] = [[] for _ in days]
    for booking in bookings:
        started = cells.number_of(booking.starts_at)
        if booking.status not in _COUNTING:
            if started is not None:
                for sums in _sums(days, started, booking.room_id):
                    sums.cancelled += 1
            continue
        for number, minutes in cells.minutes_of(Interval(booking.starts_at, booking.ends_at)):
            for sums in _sums(days, number, booking.room_id):
                sums.booked_minutes += minutes
        if started is None:
            continue
        for sums in _sums(days, started, booking.room_id):
            _count(sums, booking)
        leads[started].append(lead_minutes(booking.created_at, booking.starts_at))
        if booking.previous_start is not None:
            day = started // HOURS
            known = local_date(booking.previous_start, zone)
            gaps[day].append((span.from_ + timedelta(days=day) - known).days)
            days[day].returning[started % HOURS] += booking.previous_start < cells.bounds[started]
    for payment in payments:
        number_of_payment = cells.number_of(payment.at)
        if number_of_payment is not None:
            for sums in _sums(days, number_of_payment, payment.room_id):
                sums.revenue_minor += payment.amount_minor
    for number, found in leads.items():
        days[number // HOURS].lead_medians[number % HOURS] = median([sorted(found)])
    for index, figures in enumerate(days):
        hours = range(index * HOURS, (index + 1) * HOURS)
        figures.leads = sorted(lead for number in hours for lead in leads.get(number, ()))
        figures.gaps = sorted(gaps[index])
    return dict(zip(span.dates(), days, strict=True))


def _sums(days: Sequence[DayFigures], number: int, room_id: UUID) -> tuple[Sums, Sums]:
    day = days[number // HOURS]
    return day.hours[number % HOURS], day.rooms[room_id]


def _count(sums: Sums, booking: CountedBooking) -> None:
    sums.bookings += 1
    sums.no_shows += booking.status == Status.NO_SHOW.value
    sums.completed += booking.status == Status.COMPLETED.value
    if booking.price_minor is not None:
        sums.priced += 1
        sums.value_minor += booking.price_minor
    if booking.customer_id is not None and booking.previous_start is None:
        sums.new_customers += 1


def lead_minutes(created_at: datetime, starts_at: datetime) -> int:
    """Returns the whole minutes between booking and start, rounded down."""
    return (starts_at - created_at) // _MINUTE


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
    rows = [[getattr(sums, name) for sums in day.hours] for name in SUMS]
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
