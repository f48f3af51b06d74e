"""Regression of demand on the calendar, and on what is on the books already."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from operator import mul
from typing import Final

from domain.analytics.demand import WEEK, Demand
from domain.analytics.least_squares import Ridge, dot
from domain.analytics.smoothing import smoothed_levels

_DISCOUNT: Final = 0.994
"""The weight of a day, relative to the next one."""
_PENALTIES: Final = (0.01, *[0.1] * 7, *[40.0] * 12, 40.0, 0.5, 0.5)
_LEVEL_PENALTIES: Final = (40.0, *[0.1] * 7, *[40.0] * 12, 400.0, 0.5, 0.5)
"""They shrink, in this order: a constant, weekdays, months, the trend, holidays and their eves."""
_ODD: Final = 2.5
"""A day off by more than so many times the mean counts for less."""
_BOOKS_PENALTY: Final = 0.02
"""Relative to the squares of what is on the books."""


def regression(demand: Demand, origins: Sequence[int], days: int) -> list[list[float]]:
    """Regresses on weekday, month, trend and public holidays, and on what is on the books.

    What is on the books counts by how much it exceeds the usual for such a day, so many days
    before. Newer days weigh more, and odd ones less.
    """
    levels = [0.0] * (len(demand) + 1)
    return [_Regression(demand, origin, levels, _PENALTIES).expect(days) for origin in origins]


def level_regression(demand: Demand, origins: Sequence[int], days: int) -> list[list[float]]:
    """Regresses on the same how much days differ from the smoothed level."""
    return [
        _Regression(demand, origin, levels, _LEVEL_PENALTIES).expect(days)
        for origin, levels in zip(origins, smoothed_levels(demand, origins), strict=True)
    ]


class _Regression:
    """What the days before an origin teach, relative to the levels known some time before each."""

    def __init__(
        self, demand: Demand, origin: int, levels: Sequence[float], penalties: Sequence[float]
    ) -> None:
        self._demand = demand
        self._origin = origin
        self._levels = levels
        self._columns = list(zip(*(self._features(day) for day in range(origin)), strict=True))
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
        self._weighted = [self._by_weight(column) for column in self._columns]
        gram = [
            [dot(weighted, column) for column in self._columns[: index + 1]]
            for index, weighted in enumerate(self._weighted)
        ]
        self._ridge = Ridge(gram, penalties)

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
            abs(minutes - dot(features, coefficients))
            for minutes, features in zip(target, zip(*self._columns, strict=True), strict=True)
        ]

    def _week(self, days: range) -> Iterator[float]:
        """Yields the days of a week ahead: in the past, the level was known that long before."""
        target = self._target(days.start + WEEK)
        products = self._products(target)
        coefficients = self._ridge.solve(products)
        for ahead in days:
            features = self._features(self._origin + ahead)
            expected = self._levels[self._origin] + dot(features, coefficients)
            if ahead < len(self._demand.on_the_books):
                books = self._demand.on_the_books[ahead]
                past = books[: self._origin]
                usual = self._ridge.solve(self._products(past))
                more = books[self._origin + ahead] - dot(features, usual)
                expected += more * self._share(past, usual, target, coefficients)
            yield expected

    def _share(
        self,
        books: Sequence[float],
        usual: Sequence[float],
        target: Sequence[float],
        coefficients: Sequence[float],
    ) -> float:
        """Returns how many minutes more there were in the end for each one more on the books."""
        weighted, products = self._by_weight(books), self._products(books)
        unexplained = dot(weighted, books) * (1 + _BOOKS_PENALTY) - dot(products, usual)
        if unexplained <= 0:
            return 0.0
        return max(0.0, (dot(weighted, target) - dot(products, coefficients)) / unexplained)

    def _products(self, column: Sequence[float]) -> list[float]:
        return [dot(weighted, column) for weighted in self._weighted]

    def _by_weight(self, column: Sequence[float]) -> list[float]:
        return list(map(mul, self._weights, column))

    def _features(self, day: int) -> tuple[float, ...]:
        on = self._demand.date_of(day)
        weekday, month, holidays = on.weekday(), on.month, self._demand.holidays
        return (
            1.0,
            *(float(weekday == each) for each in range(7)),
            *(float(month == each) for each in range(1, 13)),
            (day - len(self._demand)) / 365,
            float(on in holidays),
            float(on + timedelta(days=1) in holidays),
        )
