"""Money is exact: what goes in comes out, and halves round up."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.core.money import CURRENCY_CODES, Money, currency_digits
from domain.core.refusals import Invalid

currencies = st.sampled_from(sorted(CURRENCY_CODES))


@given(st.integers(0, 10**12), currencies)
def test_an_amount_is_read_back_as_it_is_written(amount_minor: int, currency_code: str) -> None:
    money = Money(amount_minor, currency_code)

    assert Money.parse(money.amount, currency_code) == money


@given(st.integers(-(2**63), 2**63 - 1), currencies)
def test_a_decimal_is_the_minor_units_over_their_digits(
    amount_minor: int, currency_code: str
) -> None:
    money = Money(amount_minor, currency_code)

    assert Fraction(money.amount) == Fraction(amount_minor, 10 ** currency_digits(currency_code))


@given(st.integers(0, 10**12), st.integers(1, 366 * 24 * 60))
def test_a_rate_for_minutes_is_rounded_half_up(rate_minor: int, minutes: int) -> None:
    exact = Fraction(rate_minor * minutes, 60)

    cost = Money(rate_minor, "USD").for_minutes(minutes)

    assert cost.amount_minor == floor(exact + Fraction(1, 2))


@pytest.mark.parametrize(
    ("rate", "minutes", "cost"),
    [("29.00", 60, "29.00"), ("29.00", 90, "43.50"), ("0.01", 30, "0.01"), ("0.01", 29, "0.00")],
)
def test_an_hourly_rate_costs(rate: str, minutes: int, cost: str) -> None:
    assert Money.parse(rate, "USD").for_minutes(minutes).amount == cost


@pytest.mark.parametrize(
    ("amount", "currency_code", "amount_minor"),
    [
        ("29.00", "USD", 2900),
        ("29", "USD", 2900),
        ("29.5", "EUR", 2950),
        ("0", "USD", 0),
        ("2900", "JPY", 2900),
        ("29.005", "KWD", 29005),
        ("29.005", "IQD", 29005),
        ("29.05", "RSD", 2905),
        ("10000000000.00", "USD", 10**12),
    ],
)
def test_a_decimal_is_read_by_its_currencys_digits(
    amount: str, currency_code: str, amount_minor: int
) -> None:
    assert Money.parse(amount, currency_code) == Money(amount_minor, currency_code)


@pytest.mark.parametrize(
    ("amount", "currency_code"),
    [
        *[("29.000", "USD"), ("29.0", "JPY"), ("29.0000", "KWD"), ("1e3", "USD"), ("NaN", "USD")],
        *[("-1", "USD"), ("+1", "USD"), ("", "USD"), (".5", "USD"), ("5.", "USD"), ("1,5", "USD")],
        *[(" 1", "USD"), ("1\n", "USD"), ("007", "USD"), ("Infinity", "USD"), ("1_0", "USD")],
        *[("\u0661", "USD"), ("10000000000.01", "USD"), ("9" * 5000, "USD")],
    ],
)
def test_what_is_no_amount_is_refused(amount: str, currency_code: str) -> None:
    with pytest.raises(Invalid) as refused:
        Money.parse(amount, currency_code, path=("hourly_rate",))

    assert refused.value.path == ("hourly_rate", "amount")


@pytest.mark.parametrize("currency_code", ["usd", "XXX", "DEM", "XAU", "", "BITCOIN"])
def test_what_is_no_currency_in_use_is_refused(currency_code: str) -> None:
    with pytest.raises(Invalid) as refused:
        Money.parse("29.00", currency_code, path=("hourly_rate",))

    assert refused.value.path == ("hourly_rate", "currency_code")


def test_amounts_of_one_currency_add_up() -> None:
    assert Money(2900, "USD") + Money(50, "USD") == Money(2950, "USD")


def test_amounts_of_two_currencies_cannot_be_added() -> None:
    with pytest.raises(ValueError, match="EUR can't be added to USD"):
        Money(2900, "USD") + Money(50, "EUR")


@pytest.mark.parametrize("amount_minor", [2**63, -(2**63) - 1])
def test_an_amount_fits_a_bigint(amount_minor: int) -> None:
    with pytest.raises(ValueError, match="bigint"):
        Money(amount_minor, "USD")


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(2900, "USD"), "29.00 USD"),
        (Money(-5, "USD"), "-0.05 USD"),
        (Money(2900, "JPY"), "2900 JPY"),
        (Money(5, "KWD"), "0.005 KWD"),
    ],
)
def test_money_reads(money: Money, text: str) -> None:
    assert str(money) == text
