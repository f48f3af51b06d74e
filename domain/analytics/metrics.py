"""Figures of bookings: what is added up, and what follows from the sums.

Definitions are in docs/analytics.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Final, Self

from domain.bookings.lifecycle import Status
from domain.core.money import Money

COUNTING: Final = (
    Status.PENDING,
    Status.CONFIRMED,
    Status.CHECKED_IN,
    Status.COMPLETED,
    Status.NO_SHOW,
)
"""The statuses of bookings that count; of all others, only CANCELLED is counted, by itself."""


@dataclass(slots=True)
class Sums:
    """Figures that can be added up over dates, hours and rooms, as they are stored.

    ``priced`` bookings have a price in the venue's currency, which ``value_minor`` adds up.
    ``new_customers`` are those whose first booking that counts is among these.
    """

    bookings: int = 0
    cancelled: int = 0
    no_shows: int = 0
    completed: int = 0
    booked_minutes: int = 0
    priced: int = 0
    value_minor: int = 0
    revenue_minor: int = 0
    new_customers: int = 0

    @classmethod
    def total(cls, parts: Iterable["Sums"]) -> Self:
        """Returns the sum of some."""
        return cls(*map(sum, zip(*map(values_of, parts), strict=True)))

    def add(self, other: "Sums") -> None:
        """Adds the figures of others to these."""
        for name, more in zip(SUMS, values_of(other), strict=True):
            setattr(self, name, getattr(self, name) + more)


SUMS: Final = tuple(each.name for each in fields(Sums))
values_of: Final = attrgetter(*SUMS)
"""Returns the figures of ``Sums`` in the order of their names."""


@dataclass(frozen=True, slots=True)
class BookingMetrics:
    """The figures of some bookings, as the API shows them.

    What follows from the sums is worked out where it is read: a year has hundreds of these, and
    few of their figures are selected.
    """

    sums: Sums = field(hash=False)
    currency: str
    open_minutes: int
    median_lead_minutes: int | None = None
    returning_customers: int = 0

    @property
    def bookings(self) -> int:
        return self.sums.bookings

    @property
    def cancelled(self) -> int:
        return self.sums.cancelled

    @property
    def no_shows(self) -> int:
        return self.sums.no_shows

    @property
    def completed(self) -> int:
        return self.sums.completed

    @property
    def booked_minutes(self) -> int:
        return self.sums.booked_minutes

    @property
    def occupancy(self) -> float | None:
        return ratio(self.sums.booked_minutes, self.open_minutes)

    @property
    def booked_value(self) -> Money:
        return Money(self.sums.value_minor, self.currency)

    @property
    def average_value(self) -> Money | None:
        return average(self.sums.value_minor, self.sums.priced, self.currency)

    @property
    def revenue(self) -> Money:
        return Money(self.sums.revenue_minor, self.currency)

    @property
    def cancellation_rate(self) -> float | None:
        return ratio(self.sums.cancelled, self.sums.bookings + self.sums.cancelled)

    @property
    def no_show_rate(self) -> float | None:
        return ratio(self.sums.no_shows, self.sums.completed + self.sums.no_shows)

    @property
    def new_customers(self) -> int:
        return self.sums.new_customers


def ratio(part: int, whole: int) -> float | None:
    """Returns a fraction to 4 digits, rounded half up; None of nothing."""
    if whole == 0:
        return None
    return (part * 20_000 + whole) // (2 * whole) / 10_000


def average(total_minor: int, number: int, currency: str) -> Money | None:
    """Returns the mean of so many amounts, rounded half up to the minor unit; None of none."""
    if number == 0:
        return None
    return Money((2 * total_minor + number) // (2 * number), currency)
