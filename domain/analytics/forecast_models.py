"""The models that forecast demand, each from several days at once, for backtests.

A model returns for each origin the minutes expected on it and on the days that follow; it sees
nothing that became known on the origin or later. Origins are in order.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

from domain.analytics.demand import WEEK, Demand
from domain.analytics.regression import level_regression, regression
from domain.analytics.smoothing import SmoothedDemand, smoothing

_BASELINE_WEEKS: Final = 4

Expected = list[list[float]]
Model = Callable[[SmoothedDemand, int], Expected]
"""Takes the number of days; returns the days of each origin."""


class ModelName(StrEnum):
    """The models; the values are public."""

    SEASONAL_NAIVE = "seasonal_naive"
    SMOOTHING = "smoothing"
    REGRESSION = "regression"
    LEVEL_REGRESSION = "level_regression"
    BLEND = "blend"


def seasonal_naive(smoothed: SmoothedDemand, days: int) -> Expected:
    """Expects the mean of the same weekday of the last four weeks before the origin."""
    return [
        [
            sum(past) / len(past) if past else 0.0
            for past in (_same_weekday(smoothed.demand, origin, ahead) for ahead in range(days))
        ]
        for origin in smoothed.origins
    ]


def _same_weekday(demand: Demand, origin: int, ahead: int) -> list[float]:
    last = origin - WEEK + ahead % WEEK
    days = range(last, last - _BASELINE_WEEKS * WEEK, -WEEK)
    return [demand.minutes[day] for day in days if day >= 0]


_MODELS: Final[Mapping[ModelName, Model]] = {
    ModelName.SEASONAL_NAIVE: seasonal_naive,
    ModelName.SMOOTHING: smoothing,
    ModelName.REGRESSION: regression,
    ModelName.LEVEL_REGRESSION: level_regression,
}
_BLENDED: Final = (ModelName.SMOOTHING, ModelName.REGRESSION, ModelName.LEVEL_REGRESSION)


def expect_by_all(
    demand: Demand, origins: Sequence[int], days: int
) -> Mapping[ModelName, Expected]:
    """Returns what each model expects, the baseline first."""
    smoothed = SmoothedDemand(demand, origins)
    expected = {name: model(smoothed, days) for name, model in _MODELS.items()}
    return expected | {ModelName.BLEND: _blend(expected[each] for each in _BLENDED)}


def expect(name: ModelName, demand: Demand, *, days: int) -> list[float]:
    """Returns what a model expects of the days after the demand."""
    members = _BLENDED if name is ModelName.BLEND else (name,)
    smoothed = SmoothedDemand(demand, [len(demand)])
    (expected,) = _blend(_MODELS[each](smoothed, days) for each in members)
    return expected


def _blend(models: Iterable[Expected]) -> Expected:
    """Returns the mean of several models."""
    return [
        [sum(day) / len(day) for day in zip(*of_origin, strict=True)]
        for of_origin in zip(*models, strict=True)
    ]
