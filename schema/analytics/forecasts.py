"""Forecasts of demand, which state their own error."""

import datetime
from typing import Annotated

import strawberry

from domain.analytics import forecasts as rules
from kit.graphql.cost import Cost
from permissions.roles import P
from resolvers.analytics import forecasts
from schema.core.fields import column, query, value


@value(rules.ForecastPoint)
class ForecastPoint:
    """The booked minutes that are expected on a date."""

    date: datetime.date = column("The date, in the venue's time zone.")
    low: float = column("The lower bound of the 80% band, in minutes; never below 0.")
    expected: float = column("The expected booked minutes.")
    high: float = column(
        "The upper bound of the 80% band, in minutes; never above the open minutes."
    )
    capacity_minutes: int = column(
        "How many minutes the rooms are open on the date, as of when the forecast was made."
    )
    reason: str | None = column(
        "What sets the date apart, in English, for a person: closed, a public holiday of the "
        "venue's country, or more or less on the books than usual. Null if nothing does."
    )


@value(rules.DemandForecast)
class DemandForecast:
    """A forecast of booked minutes by date, with its error as measured in a backtest.

    In the backtest, the last weeks are forecast four times from what was known before them.
    """

    model: str = column(
        "The model that was best in the backtest: `seasonal_naive` (the baseline: the mean of the "
        "same weekday of the last 4 weeks), `smoothing`, `regression`, `level_regression` or "
        "`blend` (the mean of these three). Models may be added."
    )
    trained_from: datetime.date = column(
        "The first date of the history that the model learnt from."
    )
    trained_until: datetime.date = column("The last date of that history, included.")
    backtest_wape: float = column(
        "The sum of the backtest's absolute errors, relative to the sum of the booked minutes: "
        "0.12 is 12%."
    )
    baseline_wape: float = column("The same of the baseline.")
    coverage: float = column(
        "The share of the backtest's days that lie inside the bands that the rest of the backtest "
        "gives them, from 0 to 1; 0.8 is aimed at."
    )
    points: list[ForecastPoint] = column(
        "The dates from today on, in order: as many as were requested, at most 84."
    )


@value(rules.InsufficientData)
class InsufficientData:
    """There is too little history for a forecast whose error can be measured."""

    weeks_needed: int = column("How many weeks of history a forecast needs.")
    weeks_seen: int = column("How many weeks there are since the first booked date.")


DemandForecastResult = Annotated[
    DemandForecast | InsufficientData,
    strawberry.union(
        "DemandForecastResult", description="A forecast of demand, or why there is none."
    ),
]


@strawberry.type
class ForecastQueries:
    demand_forecast: DemandForecastResult | None = query(
        forecasts.demand_forecast, requires=P.ANALYTICS_READ, cost=Cost(20)
    )
