"""The calendar as the columns of a regression.

Nearly all of their values are zero or one, so that products with them are sums of some days.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from operator import mul
from typing import Final

from domain.analytics.demand import MAX_DAYS, WEEK, Demand

_MONTHS: Final = range(1, 13)


class CalendarColumns:
    """A constant, weekdays, months, public holidays, their eves, and the trend in years.

    They cover the days of a demand, and those that can be forecast from it. Values by day may be
    those of the first days only.
    """

    def __init__(self, demand: Demand) -> None:
        days = range(len(demand) + MAX_DAYS)
        dates = [demand.date_of(day) for day in days]
        eves = {holiday - timedelta(days=1) for holiday in demand.holidays}
        self._slices = [
            [slice(None)],
            *([slice((at - dates[0].weekday()) % WEEK, None, WEEK)] for at in range(WEEK)),
            *([*_runs(on.month == month for on in dates)] for month in _MONTHS),
            [*_runs(on in demand.holidays for on in dates)],
            [*_runs(on in eves for on in dates)],
        ]
        self._trend = [(day - len(demand)) / 365 for day in days]
        self._ones: list[list[int]] = [[] for _ in days]
        for place, slices in enumerate(self._slices):
            for each in slices:
                for ones in self._ones[each]:
                    ones.append(place)

    def products(self, values: Sequence[float]) -> list[float]:
        """Returns the sum of the products of values with each column."""
        sums = [sum([sum(values[each]) for each in slices]) for slices in self._slices]
        return [*sums, sum(map(mul, values, self._trend))]

    def gram(self, weights: Sequence[float]) -> list[list[float]]:
        """Returns the weighted products of each column with itself and those before it."""
        rows = []
        for place, slices in enumerate(self._slices):
            column = [0.0] * len(weights)
            for each in slices:
                column[each] = weights[each]
            rows.append(self.products(column)[: place + 1])
        return [*rows, self.products([*map(mul, weights, self._trend)])]

    def fitted(self, day: int, coefficients: Sequence[float]) -> float:
        """Returns what the columns of a day add up to with these coefficients."""
        ones = [coefficients[place] for place in self._ones[day]]
        return sum(ones) + self._trend[day] * coefficients[-1]


def _runs(days: Iterable[bool]) -> Iterator[slice]:
    """Yields the stretches of days that are true."""
    start = 0
    for is_true, run in groupby(days):
        end = start + len([*run])
        if is_true:
            yield slice(start, end)
        start = end
