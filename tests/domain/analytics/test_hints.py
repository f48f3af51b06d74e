"""Hints and their evidence: hours that agree, and rates that earned more."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from random import Random

from domain.analytics.hints import (
    DemandHints,
    HourOfDate,
    PriceHint,
    RoomWeek,
    hour_hints,
    price_hints,
)
from domain.core.ids import RoomId
from domain.core.money import Money
from domain.venue.hours import Weekday
from kit.ids import new_id

MONDAY = date(2027, 3, 22)
ROOM, OTHER = RoomId(new_id()), RoomId(new_id())


def hour(weeks: int, booked: Callable[[int], int], *, days: int = 0) -> Iterator[HourOfDate]:
    for week in range(weeks):
        day = MONDAY + timedelta(days=days - 7 * week)
        yield HourOfDate(day, 18, open_minutes=240, booked_minutes=booked(week))


def test_hours_are_quiet_or_full_if_nearly_all_weeks_agree() -> None:
    hours = [
        *hour(12, lambda _: 60),
        *hour(12, lambda _: 240, days=1),
        *hour(12, lambda week: 60 if week % 2 else 240, days=2),
    ]

    hints = DemandHints(hour_hints(hours), ())

    assert [(each.weekday, each.hour) for each in hints.quiet_hours] == [(Weekday.MONDAY, 18)]
    assert [(each.weekday, each.hour) for each in hints.full_hours] == [(Weekday.TUESDAY, 18)]
    assert [each.occupancy for each in hints.staffing] == [0.25, 1.0, 0.625]
    assert (hints.staffing[2].low, hints.staffing[2].high) == (0.25, 1.0)


def test_staff_are_enough_for_nine_of_ten_weeks() -> None:
    (hint,) = hour_hints(hour(10, lambda week: 240 if week == 0 else 90))

    assert (hint.weeks, hint.bookings_at_once, hint.staff) == (10, 1.75, 2)


def test_seven_weeks_are_too_few() -> None:
    assert hour_hints(hour(7, lambda _: 0)) == ()


def test_closed_hours_do_not_count() -> None:
    closed = [HourOfDate(MONDAY - timedelta(weeks=week), 18, 0, 0) for week in range(12)]

    assert hour_hints(closed) == ()


def weeks(now: int, then: int, *, noise: int = 0, season: float = 1.0) -> list[RoomWeek]:
    """Returns ten weeks at 40 an hour now and ten at 50 before; the other room earned 1,000."""
    dice = Random(1)
    rows = []
    for week in range(20):
        is_now = week >= 10
        scale = 1.0 if is_now else season
        value = (now if is_now else then) + dice.randrange(-noise, noise + 1)
        rate = 4000 if is_now else 5000
        rows.append(RoomWeek(ROOM, week, rate, int(value * 100 * scale), bookings=5))
        rows.append(RoomWeek(OTHER, week, 3000, int(100_000 * scale), bookings=5))
    return rows


def hints(rows: list[RoomWeek]) -> list[PriceHint]:
    return list(price_hints(rows, {ROOM: Money(4000, "EUR")}))


def test_a_rate_that_earned_more_is_suggested_with_its_spread() -> None:
    (hint,) = hints(weeks(800, 1000, noise=100))

    assert (hint.suggested_rate, hint.present_rate) == (Money(5000, "EUR"), Money(4000, "EUR"))
    assert (hint.weeks_then, hint.weeks_now) == (10, 10)
    assert 0 < hint.low < hint.change < hint.high
    assert 0.15 < hint.change < 0.35
    assert hint.value_then.amount_minor > hint.value_now.amount_minor


def test_a_season_that_every_room_had_is_no_reason() -> None:
    assert hints(weeks(1000, 1000, noise=100, season=2.0)) == []


def test_a_rate_that_earned_less_is_not_suggested() -> None:
    assert hints(weeks(1000, 800)) == []


def test_a_difference_within_the_spread_is_no_reason() -> None:
    assert hints(weeks(1000, 1010, noise=600)) == []


def test_three_weeks_at_a_rate_are_too_few() -> None:
    rows = [each for each in weeks(800, 1000) if each.week >= 7]

    assert hints(rows) == []


def test_a_venue_of_one_room_has_nothing_to_compare_with() -> None:
    rows = [each for each in weeks(800, 1000) if each.room_id == ROOM]

    assert hints(rows) == []
