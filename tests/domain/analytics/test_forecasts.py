"""Forecasts of demand: known series, the backtest that chooses, and bands."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from random import Random

import pytest

from domain.analytics.demand import Booked, Demand, demand_of
from domain.analytics.forecast_models import ModelName, expect
from domain.analytics.forecasts import DemandForecast, InsufficientData, forecast, wape

MONDAY = date(2026, 1, 5)
WEEKLY = (100, 120, 140, 160, 300, 400, 50)


def demand(
    weeks: int,
    minutes: Callable[[int], float],
    *,
    capacity: Sequence[int] = (),
    holidays: Sequence[date] = (),
) -> Demand:
    days = weeks * 7
    return Demand(
        MONDAY,
        [minutes(day) for day in range(days)],
        list(capacity) or [1440] * (days + 84),
        dict.fromkeys(holidays, "New Year's Day"),
    )


def forecast_of(demand: Demand, days: int = 28) -> DemandForecast:
    made = forecast(demand, days=days)
    assert isinstance(made, DemandForecast)
    return made


def noisy(seed: int) -> Callable[[int], float]:
    dice = Random(seed)
    return lambda day: WEEKLY[day % 7] + dice.gauss(0, 20)


# ------------------------------------------------------------------------------ known series


@pytest.mark.parametrize("model", list(ModelName))
def test_every_model_continues_a_weekly_pattern(model: ModelName) -> None:
    made = expect(model, demand(30, lambda day: WEEKLY[day % 7]), days=14)

    assert made == pytest.approx(WEEKLY * 2, rel=0.03, abs=5)


def test_a_constant_series_is_forecast_by_the_baseline_without_error() -> None:
    made = forecast_of(demand(10, lambda _: 240))

    assert (made.model, made.backtest_wape, made.baseline_wape) == ("seasonal_naive", 0, 0)
    assert {(day.low, day.expected, day.high) for day in made.points} == {(240, 240, 240)}


def test_weeks_without_bookings_are_forecast_as_zero() -> None:
    made = forecast_of(demand(24, lambda day: 60 if day == 0 else 0))

    assert {(day.expected, day.low) for day in made.points} == {(0, 0)}
    assert made.backtest_wape == 0


def test_demand_that_follows_a_quiet_beginning_is_learnt() -> None:
    made = expect(ModelName.SMOOTHING, demand(30, lambda day: 0 if day < 40 else 300), days=7)

    assert made == pytest.approx([300] * 7, rel=0.1)


def test_the_baseline_is_the_mean_of_four_same_weekdays() -> None:
    weeks = (1000, 10, 20, 30, 40)
    series = demand(5, lambda day: weeks[day // 7] + day % 7)

    made = expect(ModelName.SEASONAL_NAIVE, series, days=8)

    assert made == [25, 26, 27, 28, 29, 30, 31, 25]


def test_noise_around_a_pattern_is_forecast_better_than_by_the_baseline() -> None:
    series = demand(60, noisy(7))

    made = forecast_of(series)

    assert made.backtest_wape < 0.95 * made.baseline_wape
    assert made.model is not ModelName.SEASONAL_NAIVE


# ------------------------------------------------------------------------------ what was seen


@pytest.mark.parametrize(("days", "seen"), [(0, 0), (6, 0), (55, 7)])
def test_less_than_eight_weeks_are_too_little(days: int, seen: int) -> None:
    series = Demand(MONDAY, [60.0] * days, [1440] * (days + 84))

    assert forecast(series) == InsufficientData(weeks_needed=8, weeks_seen=seen)


def test_eight_weeks_are_enough() -> None:
    made = forecast_of(demand(8, noisy(1)), days=84)

    assert len(made.points) == 84
    assert (made.trained_from, made.trained_until) == (MONDAY, MONDAY + timedelta(days=55))
    assert made.points[0].date == MONDAY + timedelta(days=56)


def test_a_model_sees_nothing_after_the_origin() -> None:
    series = demand(20, noisy(3))
    until = Demand(series.first, series.minutes[:112], series.capacity)
    changed = Demand(series.first, [*series.minutes[:112], *[9999.0] * 28], series.capacity)

    assert forecast(until) == forecast(
        Demand(changed.first, changed.minutes[:112], changed.capacity)
    )
    assert forecast(until) != forecast(changed)


def test_dates_have_no_zone_so_clock_changes_do_not_shift_them() -> None:
    # The clock changes in March and October in Berlin, and a night in the lists is no longer one.
    series = demand(52, lambda day: WEEKLY[day % 7])

    made = forecast_of(series)

    assert [day.date.weekday() for day in made.points[:7]] == list(range(7))
    assert [round(day.expected) for day in made.points[:7]] == list(WEEKLY)


# ------------------------------------------------------------------------------ capacity, holidays


def test_bands_are_cut_at_zero_and_at_capacity() -> None:
    dice = Random(5)
    series = demand(20, lambda _: dice.choice((0, 0, 200)), capacity=[200] * (140 + 84))

    made = forecast_of(series, days=84)

    assert all(0 <= day.low <= day.expected <= day.high <= 200 for day in made.points)
    assert {day.low for day in made.points} == {0}


def test_nothing_is_expected_on_a_closed_date_and_closed_ones_teach_nothing() -> None:
    closed = {5, 6}
    series = demand(
        12,
        lambda day: 0 if day % 7 in closed else 300,
        capacity=[0 if day % 7 in closed else 600 for day in range(12 * 7 + 84)],
    )

    made = forecast_of(series)

    assert [day.expected for day in made.points[:7]] == [300, 300, 300, 300, 300, 0, 0]
    assert [day.reason for day in made.points[4:7]] == [None, "Closed", "Closed"]


def test_a_holiday_is_forecast_as_earlier_ones_were() -> None:
    holidays = [MONDAY + timedelta(days=day) for day in range(10, 60 * 7 + 28, 30)]
    series = demand(
        60,
        lambda day: 500 if MONDAY + timedelta(days=day) in holidays else 200,
        holidays=holidays,
    )

    made = forecast_of(series)

    on = next(day for day in made.points if day.date in holidays)
    assert on.expected == pytest.approx(500, rel=0.15)
    assert on.reason == "New Year's Day"
    assert made.points[0].expected == pytest.approx(200, rel=0.1)


# ------------------------------------------------------------------------------ on the books


def test_what_is_on_the_books_raises_what_is_expected() -> None:
    # Half of each day's minutes are booked a week before it, the rest on the day itself.
    today = MONDAY + timedelta(days=140)
    dice = Random(9)
    booked = []
    for day in range(147):
        minutes = 2 * dice.randrange(50, 250)
        on = MONDAY + timedelta(days=day)
        booked.append(Booked(on, 7, None, minutes // 2 if day < 146 else 800))
        if day < 140:
            booked.append(Booked(on, 0, None, minutes // 2))
    series = demand_of(
        booked,
        today=today,
        capacity={MONDAY + timedelta(days=day): 2000 for day in range(240)},
        holidays={},
    )
    assert series is not None

    made = forecast_of(series)

    assert made.model is ModelName.REGRESSION
    assert made.points[6].expected == pytest.approx(1600, rel=0.1)
    assert made.points[6].reason is not None
    assert "more is booked already than usual" in made.points[6].reason
    assert made.points[7].expected == pytest.approx(300, rel=0.25)


def test_on_the_books_is_what_was_known_when_each_date_began() -> None:
    today = MONDAY + timedelta(days=3)
    booked = [
        Booked(MONDAY, 2, None, 60),
        Booked(MONDAY, 5, 1, 30),
        Booked(MONDAY, 0, None, 15),
        Booked(today + timedelta(days=1), 90, None, 45),
    ]

    series = demand_of(booked, today=today, capacity={MONDAY: 10}, holidays={})

    assert series is not None
    assert series.minutes == [75, 0, 0]
    # Of the date itself nothing, one day before without the cancelled one, then with it.
    assert [series.on_the_books[before][0] for before in range(6)] == [60, 90, 30, 30, 30, 0]
    assert [column[4] for column in series.on_the_books] == [45] * 84
    assert series.capacity[:2] == [75, 0]


def test_without_past_bookings_there_is_no_demand() -> None:
    ahead = [Booked(MONDAY, 3, None, 60)]

    assert demand_of(ahead, today=MONDAY, capacity={}, holidays={}) is None


# ------------------------------------------------------------------------------ bands


def test_bands_cover_about_four_fifths_of_what_comes() -> None:
    inside = total = 0
    for seed in range(6):
        series = demand(34, noisy(seed))
        made = forecast_of(Demand(MONDAY, series.minutes[: 30 * 7], series.capacity))
        for ahead, day in enumerate(made.points):
            inside += day.low <= series.minutes[30 * 7 + ahead] <= day.high
            total += 1

    assert 0.7 <= inside / total <= 0.9


def test_bands_widen_beyond_what_the_backtest_reached() -> None:
    made = forecast_of(demand(30, noisy(2)), days=84)

    widths = [day.high - day.low for day in made.points]
    assert widths[83] > 1.4 * widths[27]


@pytest.mark.parametrize(
    ("error", "booked", "expected"), [(25, 100, 0.25), (0, 0, 0.0), (5, 0, 1.0)]
)
def test_wape_is_relative_to_what_was_booked(error: float, booked: float, expected: float) -> None:
    assert wape(error, booked) == expected
