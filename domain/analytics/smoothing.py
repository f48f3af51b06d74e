"""Exponential smoothing of demand: level, damped trend and weekly season."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product, starmap
from math import inf
from typing import Final, NamedTuple

from domain.analytics.demand import WEEK, Demand

_DAMPING: Final = 0.95
_LEVELS: Final = (0.02, 0.05, 0.1, 0.15, 0.25)
_TRENDS: Final = (0.0, 0.02)
_SEASONS: Final = (0.01, 0.02, 0.05)
_WARM_UP: Final = 4 * WEEK
_SPREAD_RATE: Final = 0.05
_FIRST_SPREAD: Final = 0.15
"""The mean absolute surprise, at first relative to the level."""
_LEAST_SPREAD: Final = 1.0
"""In minutes; from zero it would never grow."""


class _Rates(NamedTuple):
    level: float
    trend: float
    season: float


@dataclass(slots=True)
class _Smoothed:
    """Level, trend and weekly season after some days, and the errors on the way."""

    level: float
    trend: float
    season: list[float]
    error: float = 0.0

    def ahead(self, day: int, count: int) -> list[float]:
        expected, trend = [], 0.0
        for n in range(count):
            trend += self.trend * _DAMPING ** (n + 1)
            expected.append(self.level + trend + self.season[(day + n) % WEEK])
        return expected


class SmoothedDemand:
    """A demand and its smoothing up to each of some origins, which are in order.

    Level, damped trend and weekly season are smoothed exponentially. Holidays teach them nothing,
    and a surprise counts for no more than is usual, so that one odd day doesn't move what follows.
    The rates are those of a grid with the smallest error one day ahead, up to each origin.
    """

    def __init__(self, demand: Demand, origins: Sequence[int]) -> None:
        self.demand = demand
        self.origins = origins
        self._teaches = [demand.teaches(day) for day in range(origins[-1])]

    @cached_property
    def states(self) -> list[list[_Smoothed]]:
        """For each origin, the states when each day up to it begins."""
        return [
            [*self._smooth(range(origin + 1), rates)]
            for origin, rates in zip(self.origins, self._best_rates(), strict=True)
        ]

    def levels(self) -> list[list[float]]:
        """Returns for each origin the levels when each day up to it begins."""
        return [[state.level for state in states] for states in self.states]

    def _best_rates(self) -> list[_Rates]:
        best = [(inf, _Rates(0.0, 0.0, 0.0))] * len(self.origins)
        for rates in starmap(_Rates, product(_LEVELS, _TRENDS, _SEASONS)):
            for index, state in enumerate(self._smooth(self.origins, rates)):
                best[index] = min(best[index], (state.error, rates))
        return [rates for _, rates in best]

    def _smooth(self, origins: Sequence[int], rates: _Rates) -> Iterator[_Smoothed]:
        """Yields the state when each origin begins."""
        level, season = _beginning(self.demand, _WARM_UP)
        trend = error = 0.0
        spread = max(_LEAST_SPREAD, level * _FIRST_SPREAD)
        for before, origin in pairwise((0, *origins)):
            for day in range(before, origin):
                if not self._teaches[day]:
                    continue
                at = day % WEEK
                damped = _DAMPING * trend
                surprise = self.demand.minutes[day] - level - damped - season[at]
                if day >= _WARM_UP:
                    error += abs(surprise)
                counted = max(-spread, min(spread, surprise))
                spread += _SPREAD_RATE * (min(abs(surprise), 4 * spread) - spread)
                spread = max(_LEAST_SPREAD, spread)
                level += damped + rates.level * counted
                trend = damped + rates.level * rates.trend * counted
                season[at] += rates.season * counted
            yield _Smoothed(level, trend, season[:], error)


def smoothing(smoothed: SmoothedDemand, days: int) -> list[list[float]]:
    """Continues level, damped trend and weekly season."""
    return [
        states[-1].ahead(origin, days)
        for origin, states in zip(smoothed.origins, smoothed.states, strict=True)
    ]


def _beginning(demand: Demand, days: int) -> tuple[float, list[float]]:
    """Returns the mean of the first days, and how much each weekday differs from it."""
    opened = [day for day in range(days) if demand.teaches(day)]
    level = sum(demand.minutes[day] for day in opened) / max(1, len(opened))
    season = []
    for at in range(WEEK):
        same = [demand.minutes[day] for day in opened if day % WEEK == at]
        season.append(sum(same) / len(same) - level if same else 0.0)
    return level, season
