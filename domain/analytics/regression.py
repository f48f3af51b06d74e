"""Regression of demand on the calendar, and on what is on the books already."""

from collections.abc import Iterator, Sequence
from operator import mul
from typing import Final

from domain.analytics.calendar_columns import CalendarColumns
from domain.analytics.demand import WEEK, Demand
from domain.analytics.least_squares import Ridge, dot
from domain.analytics.smoothing import SmoothedDemand

_DISCOUNT: Final = 0.994
"""The weight of a day, relative to the next one."""
_PENALTIES: Final = (0.01, *[0.1] * 7, *[40.0] * 12, 0.5, 0.5, 40.0)
_LEVEL_PENALTIES: Final = (40.0, *[0.1] * 7, *[40.0] * 12, 0.5, 0.5, 400.0)
"""They shrink the coefficients of ``CalendarColumns``."""
_ODD: Final = 2.5
"""A day off by more than so many times the mean counts for less."""
_BOOKS_PENALTY: Final = 0.02
"""Relative to the squares of what is on the books."""


def regression(smoothed: SmoothedDemand, days: int) -> list[list[float]]:
    """Regresses on weekday, month, trend and public holidays, and on what is on the books.

    What is on the books counts by how much it exceeds the usual for such a day, so many days
    before. Newer days weigh more, and odd ones less.
    """
    levels = [0.0] * (len(smoothed.demand) + 1)
    return _expected(smoothed, [levels] * len(smoothed.origins), _PENALTIES, days)


def level_regression(smoothed: SmoothedDemand, days: int) -> list[list[float]]:
    """Regresses on the same how much days differ from the smoothed level."""
    return _expected(smoothed, smoothed.levels(), _LEVEL_PENALTIES, days)


def _expected(
    smoothed: SmoothedDemand,
    levels: Sequence[Sequence[float]],
    penalties: Sequence[float],
    days: int,
) -> list[list[float]]:
    columns = CalendarColumns(smoothed.demand)
    return [
        _Regression(smoothed.demand, columns, origin, known, penalties).expect(days)
        for origin, known in zip(smoothed.origins, levels, strict=True)
    ]


class _Regression:
    """What the days before an origin teach, relative to the levels known some time before each."""

    def __init__(
        self,
        demand: Demand,
        columns: CalendarColumns,
        origin: int,
        levels: Sequence[float],
        penalties: Sequence[float],
    ) -> None:
        self._demand = demand
        self._columns = columns
        self._origin = origin
        self._levels = levels
        self._weigh(
            [
                0.0 if demand.is_closed(day) else _DISCOUNT ** (origin - day)
                for day in range(origin)
            ],
            penalties,
        )
        residuals = self._residuals(self._target(WEEK))
        usual = _ODD * dot(self._weights, residuals) / max(1e-9, sum(self._weights))
        self._weigh(
            [
                # Holidays are odd by nature, and have columns of their own.
                weight * usual / residual if residual > usual and demand.teaches(day) else weight
                for day, (weight, residual) in enumerate(zip(self._weights, residuals, strict=True))
            ],
            penalties,
        )

    def expect(self, days: int) -> list[float]:
        return [
            each
            for week in range(0, days, WEEK)
            for each in self._week(range(week, min(days, week + WEEK)))
        ]

    def _weigh(self, weights: Sequence[float], penalties: Sequence[float]) -> None:
        self._weights = weights
        self._ridge = Ridge(self._columns.gram(weights), penalties)

    def _target(self, lag: int) -> list[float]:
        """Returns how much each day differs from the level so many days before."""
        return [
            self._demand.minutes[day] - self._levels[max(0, day - lag + 1)]
            for day in range(self._origin)
        ]

    def _residuals(self, target: Sequence[float]) -> list[float]:
        """Returns how far the fit is off on each day, unsigned."""
        coefficients = self._ridge.solve(self._products(target))
        return [
            abs(minutes - self._columns.fitted(day, coefficients))
            for day, minutes in enumerate(target)
        ]

    def _week(self, days: range) -> Iterator[float]:
        """Yields the days of a week ahead: in the past, the level was known that long before."""
        target = self._target(days.start + WEEK)
        coefficients = self._ridge.solve(self._products(target))
        for ahead in days:
            day = self._origin + ahead
            expected = self._levels[self._origin] + self._columns.fitted(day, coefficients)
            if ahead < len(self._demand.on_the_books):
                expected += self._of_books(
                    self._demand.on_the_books[ahead], day, target, coefficients
                )
            yield expected

    def _of_books(
        self,
        books: Sequence[float],
        day: int,
        target: Sequence[float],
        coefficients: Sequence[float],
    ) -> float:
        """Returns how many more minutes to expect, as more is on the books than usual.

        In the past there were so many more in the end for each one more on the books.
        """
        past = books[: self._origin]
        weighted = self._by_weight(past)
        products = self._columns.products(weighted)
        usual = self._ridge.solve(products)
        unexplained = dot(weighted, past) * (1 + _BOOKS_PENALTY) - dot(products, usual)
        if unexplained <= 0:
            return 0.0
        share = (dot(weighted, target) - dot(products, coefficients)) / unexplained
        return max(0.0, share) * (books[day] - self._columns.fitted(day, usual))

    def _products(self, column: Sequence[float]) -> list[float]:
        return self._columns.products(self._by_weight(column))

    def _by_weight(self, column: Sequence[float]) -> list[float]:
        return list(map(mul, self._weights, column))
