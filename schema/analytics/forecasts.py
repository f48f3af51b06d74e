"""Forecasts of demand, which state their own error, and hints with their evidence."""

import datetime
from typing import Annotated

import strawberry

from domain.analytics import forecasts as rules
from domain.analytics import hints as hint_rules
from domain.venue.hours import Weekday
from kit.graphql.cost import Cost
from permissions.roles import P
from resolvers.analytics import forecasts, hints
from schema.core.fields import column, computed, query, value
from schema.core.money import Money
from schema.venue.rooms import Room


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

    In the backtest, the last weeks are forecast four times or more from what was known before them.
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


@value(hint_rules.HourHint)
class HourHint:
    """How an hour of a weekday was used in the last 12 weeks, or since the first booked date."""

    weekday: Weekday = column("The weekday.")
    hour: int = column("The hour at which it begins, on the venue's clock: 0 to 23.")
    weeks: int = column("In how many of these weeks something was open in the hour: at least 8.")
    occupancy: float = column("The mean share of the open minutes that were booked, from 0 to 1.")
    low: float = column("The share below which it was in one of ten weeks.")
    high: float = column("The share above which it was in one of ten weeks.")
    bookings_at_once: float = column("The mean number of bookings at once during the hour.")
    staff: int = column(
        "How many bookings at once there were at most in nine of ten weeks: as many people are "
        "enough if each booking takes one of them."
    )


@value(hint_rules.PriceHint)
class PriceHint:
    """An hourly rate of a room that has earned more than the present one, with its evidence.

    The values are those of the room's bookings in an average week of the last 26. It is suggested
    if the room has had both rates in at least 4 weeks and for at least 20 bookings each, and if it
    earned more in nine of ten samples of these weeks.
    """

    room: Room = computed(hints.room_of)
    present_rate: Money = column("The room's hourly rate now.")
    suggested_rate: Money = column("The hourly rate that has earned more.")
    weeks_then: int = column("In how many weeks the room had the suggested rate.")
    weeks_now: int = column("In how many weeks it had the present rate.")
    value_then: Money = column(
        "The value of a week's bookings at the suggested rate, scaled by what the other rooms "
        "earned in the same weeks, so that a busier season is no reason."
    )
    value_now: Money = column("The value of a week's bookings at the present rate.")
    change: float = column("How much higher the first is, relative to the second: 0.2 is 20%.")
    low: float = column("The lower bound of its 80% band, by bootstrap over weeks; above 0.")
    high: float = column("The upper bound of the band.")


@value(hint_rules.DemandHints)
class DemandHints:
    """What the last weeks suggest. Lists are empty where the evidence is weak."""

    quiet_hours: list[HourHint] = column(
        "Hours in which at most 30% of the open minutes were booked, in nine of ten weeks."
    )
    full_hours: list[HourHint] = column(
        "Hours in which at least 85% of the open minutes were booked, in nine of ten weeks."
    )
    staffing: list[HourHint] = column(
        "All hours of the week in which the venue is open, in order from Monday: how many bookings "
        "there are at once. Nothing else is known of the staff that a booking needs."
    )
    prices: list[PriceHint] | None = column(
        "Hourly rates that have earned more than the present ones, at most one for each room.",
        requires=P.PRICES_READ,
    )


@strawberry.type
class ForecastQueries:
    demand_hints: DemandHints | None = query(
        forecasts.demand_hints, requires=P.ANALYTICS_READ, cost=Cost(20)
    )
    demand_forecast: DemandForecastResult | None = query(
        forecasts.demand_forecast, requires=P.ANALYTICS_READ, cost=Cost(20)
    )
