"""Figures of dates, merged into those of spans."""

from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.analytics.cells import HOURS
from domain.analytics.day_figures import (
    DayFigures,
    median,
    packed,
    packed_hours,
    returning_customers,
    summed_hours,
    unpacked,
)
from domain.analytics.metrics import SUMS, Sums

NUMBERS = st.lists(st.integers(-(2**31), 2**31 - 1) | st.integers(0, 20), max_size=12)


@given(st.lists(NUMBERS, max_size=8))
def test_the_median_of_ordered_lists_is_that_of_all_numbers(lists: list[list[int]]) -> None:
    numbers = sorted(number for each in lists for number in each)

    found = median([unpacked("i", packed("i", sorted(each))) for each in lists])

    lower, upper = numbers[(len(numbers) - 1) // 2 :][:1], numbers[len(numbers) // 2 :][:1]
    assert found == ((lower[0] + upper[0]) // 2 if numbers else None)


@pytest.mark.parametrize("spread", [0, 1, 30, 100_000])
@pytest.mark.parametrize("seed", range(12))
def test_the_median_of_many_numbers_is_found_by_bisecting(seed: int, spread: int) -> None:
    random = Random(seed)
    lists = [
        sorted(random.randint(0, spread) + random.choice((0, 0, 0, middle)) for _ in range(number))
        for middle, number in ((0, 700), (spread, 301 + seed), (9 * spread, 40), (5, 1))
    ]
    numbers = sorted(number for each in lists for number in each)

    found = median([unpacked("i", packed("i", each)) for each in lists])

    lower, upper = numbers[(len(numbers) - 1) // 2], numbers[len(numbers) // 2]
    assert found == (lower + upper) // 2


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30)), max_size=40), st.integers(0, 30))
def test_returning_customers_are_those_who_came_before(
    visits: list[tuple[int, int]], start: int
) -> None:
    first = date(2027, 1, 1)
    gaps: dict[date, list[int]] = {}
    last: dict[int, int] = {}
    for customer, day in sorted(visits, key=lambda visit: visit[1]):
        if customer in last and day >= start:
            gaps.setdefault(first + timedelta(days=day), []).append(day - last[customer])
        last[customer] = day
    came_before = {customer for customer, day in visits if day < start}
    came_since = {customer for customer, day in visits if day >= start}

    found = returning_customers(
        first + timedelta(days=start), {day: sorted(each) for day, each in gaps.items()}
    )

    assert found == len(came_before & came_since)


# Revenue may be negative.
AMOUNTS = st.integers(-(2**55), 2**55) | st.integers(-3, 3)


@given(st.lists(st.lists(AMOUNTS, min_size=12, max_size=12), max_size=6), st.randoms())
def test_hours_are_summed_as_if_one_by_one(dates: list[list[int]], random: Random) -> None:
    days, expected = [], [Sums() for _ in range(HOURS)]
    for amounts in dates:
        day = DayFigures()
        for amount in amounts:
            hour = random.randrange(HOURS)
            added = Sums(**{random.choice(SUMS): amount})
            expected[hour].add(added)
            day.hours[hour].add(added)
        days.append(packed_hours(day))

    assert summed_hours(days) == expected
