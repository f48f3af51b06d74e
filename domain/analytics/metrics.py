"""Figures of bookings: what is added up, and what follows from the sums.

Definitions are in docs/analytics.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
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
    """The figures of some bookings, as the API shows them."""

    bookings: int
    cancelled: int
    no_shows: int
    completed: int
    booked_minutes: int
    open_minutes: int
    occupancy: float | None
    booked_value: Money
    average_value: Money | None
    revenue: Money
    cancellation_rate: float | None
    no_show_rate: float | None
    median_lead_minutes: int | None
    new_customers: int
    returning_customers: int

    @classmethod
    def of(
        cls,
        sums: Sums,
        *,
        currency: str,
        open_minutes: int,
        median_lead_minutes: int | None = None,
        returning_customers: int = 0,
    ) -> Self:
        """Returns the figures that follow from the sums, with those that don't."""
        return cls(
            bookings=sums.bookings,
            cancelled=sums.cancelled,
            no_shows=sums.no_shows,
            completed=sums.completed,
            booked_minutes=sums.booked_minutes,
            open_minutes=open_minutes,
            occupancy=ratio(sums.booked_minutes, open_minutes),
            booked_value=Money(sums.value_minor, currency),
            average_value=average(sums.value_minor, sums.priced, currency),
            revenue=Money(sums.revenue_minor, currency),
            cancellation_rate=ratio(sums.cancelled, sums.bookings + sums.cancelled),
            no_show_rate=ratio(sums.no_shows, sums.completed + sums.no_shows),
            median_lead_minutes=median_lead_minutes,
            new_customers=sums.new_customers,
            returning_customers=returning_customers,
        )


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
