"""A price is its lines."""

from datetime import UTC, datetime, timedelta

from domain.bookings.pricing import Price, PriceLine, price_of
from domain.core.intervals import Interval
from domain.core.money import Money

EVENING = Interval(datetime(2027, 1, 8, 19, tzinfo=UTC), datetime(2027, 1, 8, 20, 30, tzinfo=UTC))


def test_a_booking_costs_the_hourly_rate_times_its_minutes_in_one_line() -> None:
    assert price_of(Money(2900, "USD"), EVENING, label="Blue Room") == Price(
        lines=(PriceLine("Blue Room", Money(4350, "USD"), interval=EVENING, minutes=90),),
        subtotal=Money(4350, "USD"),
        discount=Money(0, "USD"),
        tax=Money(0, "USD"),
        total=Money(4350, "USD"),
    )


def test_a_room_without_a_rate_has_no_price() -> None:
    assert price_of(None, EVENING, label="Blue Room") is None


def test_a_free_room_has_a_price_of_nothing() -> None:
    price = price_of(Money(0, "JPY"), EVENING, label="Blue Room")

    assert price is not None
    assert price.total == Money(0, "JPY")


def test_a_moved_booking_costs_the_same_at_another_time() -> None:
    price = price_of(Money(2900, "USD"), EVENING, label="Blue Room")

    assert price is not None
    later = Interval(EVENING.start + timedelta(hours=1), EVENING.end + timedelta(hours=1))
    assert price.moved(timedelta(hours=1)) == price_of(Money(2900, "USD"), later, label="Blue Room")
