"""The amounts that a card can be charged in each currency."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bookings.pricing import price_of
from domain.core.card_amounts import (
    charge_refusals,
    chargeable,
    least_charge,
    returnable,
    rounded_down,
    step_refusals,
)
from domain.core.intervals import Interval
from domain.core.money import Money
from domain.tenants.payment_policy import PaymentPolicy, PolicyKind, rate_refusals
from tests.support.clock import MONDAY_MORNING

IN_TENS = ("BHD", "JOD", "KWD", "OMR", "TND")


@pytest.mark.parametrize(
    ("amount", "charged"),
    [
        (Money(4167, "KWD"), 4160),
        (Money(9, "BHD"), 0),
        (Money(10, "TND"), 10),
        (Money(49, "EUR"), 0),
        (Money(50, "EUR"), 50),
        (Money(29, "GBP"), 0),
        (Money(17_499, "HUF"), 0),
        (Money(17_500, "HUF"), 17_500),
        (Money(49, "JPY"), 0),
        (Money(1, "ISK"), 1),
    ],
)
def test_what_is_charged_is_in_steps_and_no_less_than_the_least(
    amount: Money, charged: int
) -> None:
    assert chargeable(amount) == Money(charged, amount.currency_code)


@given(st.integers(0, 10**9), st.sampled_from([*IN_TENS, "EUR", "JPY"]))
def test_rounding_is_in_the_customers_favour(minor: int, code: str) -> None:
    held = rounded_down(Money(minor, code))
    part = held.percent(37)

    back = returnable(part, of=held)

    assert chargeable(held).amount_minor <= held.amount_minor
    assert part.amount_minor <= back.amount_minor <= held.amount_minor
    assert rounded_down(back) == back
    assert list(step_refusals(back, path=())) == []


def test_a_deposit_of_dinars_is_rounded_down_to_ten_fils() -> None:
    policy = PaymentPolicy(PolicyKind.DEPOSIT, percent=33)

    assert policy.due(Money(5000, "KWD")) == Money(1650, "KWD")
    assert policy.due(Money(5050, "KWD")) == Money(1660, "KWD")


def test_a_price_in_dinars_can_be_charged() -> None:
    fifty_minutes = Interval(MONDAY_MORNING, MONDAY_MORNING.replace(minute=50))

    price = price_of(Money(5000, "KWD"), fifty_minutes, label="Room 1")

    assert price is not None
    assert (price.total, price.lines[0].amount) == (Money(4160, "KWD"), Money(4160, "KWD"))


@pytest.mark.parametrize(
    ("amount", "problem"),
    [
        (Money(1005, "KWD"), "The amount must be a multiple of 0.010 KWD."),
        (Money(49, "EUR"), "At least 0.50 EUR: a card can't be charged less."),
        (Money(49, "JPY"), "At least 50 JPY: a card can't be charged less."),
    ],
)
def test_what_can_not_be_charged_says_what_can(amount: Money, problem: str) -> None:
    (refusal,) = charge_refusals(amount, path=("amount",))

    assert (refusal.message, refusal.path) == (problem, ("amount",))


@pytest.mark.parametrize(
    ("policy", "rate", "is_refused"),
    [
        (PaymentPolicy(PolicyKind.NONE), Money(10, "EUR"), False),
        (PaymentPolicy(PolicyKind.FULL), Money(0, "EUR"), False),
        (PaymentPolicy(PolicyKind.FULL), Money(49, "EUR"), True),
        (PaymentPolicy(PolicyKind.FULL), Money(50, "EUR"), False),
        (PaymentPolicy(PolicyKind.DEPOSIT, percent=10), Money(499, "EUR"), False),
        (PaymentPolicy(PolicyKind.DEPOSIT, percent=10), Money(494, "EUR"), True),
        (PaymentPolicy(PolicyKind.NONE), Money(4005, "OMR"), True),
    ],
)
def test_a_rate_of_which_nothing_can_be_charged_is_refused(
    policy: PaymentPolicy, rate: Money, *, is_refused: bool
) -> None:
    assert bool(list(rate_refusals(policy, rate, path=("hourly_rate",)))) is is_refused


def test_no_currency_is_charged_less_than_its_least() -> None:
    assert [least_charge(code).amount for code in ("USD", "GBP", "JPY", "KWD", "CZK")] == [
        "0.50",
        "0.30",
        "50",
        "0.010",
        "15.00",
    ]
