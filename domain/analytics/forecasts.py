"""Forecasts of demand that state their own error, measured by a backtest."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, floor, sqrt
from typing import Final

from domain.analytics.demand import MAX_DAYS, WEEK, WEEKS_NEEDED, Demand
from domain.analytics.forecast_models import ModelName, expect, expect_by_all

FOLDS: Final = 4
_FOLD_DAYS: Final = 28
_LEAST_TRAINING: Final = 4 * WEEK
_BAND: Final = 0.8
_FACTORS: Final = tuple(0.7 + step / 20 for step in range(27))
"""By how much bands may be narrowed, or widened, to cover what they should."""
_USUAL_WEEKS: Final = 8
_NOTABLE_SHARE: Final = 0.25
_NOTABLE_MINUTES: Final = 60
_NEIGHBOURS: Final = 3
"""Residuals of so many days more and fewer ahead count for a day's band."""


@dataclass(frozen=True, slots=True)
class ForecastPoint:
    """The booked minutes that are expected on a date, and the bounds of an 80% band."""

    date: date
    low: float
    expected: float
    high: float
    capacity_minutes: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class DemandForecast:
    """A forecast by the model with the smallest error in a backtest of four folds.

    ``backtest_wape`` is the sum of the absolute errors, relative to the sum of the booked
    minutes; ``baseline_wape`` the same of the seasonal naive model. ``coverage`` is the share of
    days inside the band that the other folds give.
    """

    model: ModelName
    trained_from: date
    trained_until: date
    backtest_wape: float
    baseline_wape: float
    coverage: float
    points: tuple[ForecastPoint, ...]


@dataclass(frozen=True, slots=True)
class InsufficientData:
    """There are too few weeks of history for a forecast that can be tested."""

    weeks_needed: int
    weeks_seen: int


@dataclass(frozen=True, slots=True)
class _Residual:
    """How far a backtest was off, relative to the scale of what it expected."""

    fold: int
    ahead: int
    scaled: float


@dataclass(frozen=True, slots=True)
class _Backtest:
    model: ModelName
    wape: float
    residuals: Sequence[_Residual]


def forecast(demand: Demand | None, *, days: int = MAX_DAYS) -> DemandForecast | InsufficientData:
    """Forecasts the days after the demand by the model that a backtest finds best.

    Folds are of 28 days, or as long as the history allows after four weeks to learn from. If their
    halves are whole weeks, days are forecast from these as well: which model is best is less of an
    accident then. If none is better than the seasonal naive one, that is used.
    """
    weeks = 0 if demand is None else len(demand) // WEEK
    if demand is None or weeks < WEEKS_NEEDED:
        return InsufficientData(WEEKS_NEEDED, weeks)
    end = len(demand)
    fold = min(_FOLD_DAYS, (end - _LEAST_TRAINING) // FOLDS)
    step = fold if fold % (2 * WEEK) else fold // 2
    origins = range(end - fold * FOLDS, end - fold + 1, step)
    scale = _Scale(demand)
    tests = [
        _backtest(demand, name, origins, expected, scale)
        for name, expected in expect_by_all(demand, origins, fold).items()
    ]
    # The baseline is the first, and stays unless another one is better.
    best = min(tests, key=lambda test: test.wape)
    expected = expect(best.model, demand, days=days)
    bands = _Bands(best.residuals, fold)
    return DemandForecast(
        best.model,
        trained_from=demand.first,
        trained_until=demand.date_of(end - 1),
        backtest_wape=round(best.wape, 4),
        baseline_wape=round(tests[0].wape, 4),
        coverage=round(bands.coverage, 4),
        points=tuple(
            _point(demand, end + ahead, minutes, bands.of(ahead), scale)
            for ahead, minutes in enumerate(expected)
        ),
    )


def _backtest(
    demand: Demand,
    model: ModelName,
    origins: Sequence[int],
    by_origin: Sequence[Sequence[float]],
    scale: "_Scale",
) -> _Backtest:
    error = booked = 0.0
    residuals = []
    for origin, expected in zip(origins, by_origin, strict=True):
        fold, days_later = divmod(origin - origins[0], len(expected))
        for ahead, raw in enumerate(expected):
            day = origin + ahead
            minutes, actual = demand.within_capacity(day, raw), demand.minutes[day]
            error += abs(actual - minutes)
            booked += actual
            if not (days_later or demand.is_closed(day)):
                residuals.append(_Residual(fold, ahead, (actual - minutes) / scale.of(minutes)))
    return _Backtest(model, wape(error, booked), residuals)


def wape(error: float, booked: float) -> float:
    """Returns the sum of absolute errors relative to what was booked; 1 if nothing was."""
    if booked:
        return error / booked
    return 1.0 if error else 0.0


class _Scale:
    """How errors grow with what is expected: by its root, as the spread of counts does."""

    def __init__(self, demand: Demand) -> None:
        self._least = max(1.0, sum(demand.minutes) / len(demand) / 10)

    def of(self, minutes: float) -> float:
        return sqrt(max(minutes, self._least))


class _Bands:
    """Bands from the residuals of a backtest, as wide as covers each fold by the others.

    ``coverage`` is the share of days inside the bands that the other folds give. Residuals of one
    fold are alike, so their quantiles alone would be too narrow.
    """

    def __init__(self, residuals: Sequence[_Residual], fold_days: int) -> None:
        self._residuals = residuals
        self._fold_days = fold_days
        without = [[each for each in residuals if each.fold != fold] for fold in range(FOLDS)]
        bands = [[_band(each, ahead) for ahead in range(fold_days)] for each in without]
        for self._factor in _FACTORS:
            inside = sum(
                low * self._factor <= each.scaled <= high * self._factor
                for each in residuals
                for low, high in [bands[each.fold][each.ahead]]
            )
            self.coverage = inside / len(residuals) if residuals else 1.0
            if self.coverage >= _BAND:
                break

    def of(self, ahead: int) -> tuple[float, float]:
        """Returns the bounds so far ahead, relative to the scale of what is expected.

        Beyond what the folds reach they grow by the root of the days ahead.
        """
        tested = min(ahead, self._fold_days - 1)
        wider = self._factor * sqrt((ahead + 1) / (tested + 1))
        low, high = _band(self._residuals, tested)
        return low * wider, high * wider


def _band(residuals: Iterable[_Residual], ahead: int) -> tuple[float, float]:
    """Returns the quantiles of the residuals so far ahead, with the correction for few of them."""
    near = sorted(each.scaled for each in residuals if abs(each.ahead - ahead) <= _NEIGHBOURS)
    if not near:
        return 0.0, 0.0
    tail = (1 - _BAND) / 2 * (len(near) + 1)
    low = near[max(0, floor(tail) - 1)]
    high = near[min(len(near) - 1, ceil(len(near) + 1 - tail) - 1)]
    return min(low, 0.0), max(high, 0.0)


def _point(
    demand: Demand, day: int, minutes: float, band: tuple[float, float], scale: "_Scale"
) -> ForecastPoint:
    expected = demand.within_capacity(day, minutes)
    low, high = (demand.within_capacity(day, expected + each * scale.of(expected)) for each in band)
    return ForecastPoint(
        demand.date_of(day),
        low=round(low, 1),
        expected=round(expected, 1),
        high=round(high, 1),
        capacity_minutes=demand.capacity[day] if demand.capacity else 0,
        reason=_reason(demand, day),
    )


def _reason(demand: Demand, day: int) -> str | None:
    """Returns what sets a day apart, for a person."""
    if demand.is_closed(day):
        return "Closed"
    reasons = [name for on, name in demand.holidays.items() if on == demand.date_of(day)]
    ahead = day - len(demand)
    if ahead < len(demand.on_the_books):
        books = demand.on_the_books[ahead]
        past = [books[each] for each in range(day - WEEK, -1, -WEEK) if each < len(demand)]
        usual = sum(past[:_USUAL_WEEKS]) / max(1, len(past[:_USUAL_WEEKS]))
        more = books[day] - usual
        if usual and abs(more) >= max(_NOTABLE_MINUTES, usual * _NOTABLE_SHARE):
            change = "more" if more > 0 else "less"
            reasons.append(f"{abs(more) / usual:.0%} {change} is booked already than usual")
    return "; ".join(reasons) or None
