"""The amount due for a booking, and how received money is applied."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bookings.lifecycle import Status
from domain.core.money import Money
from domain.core.refusals import Code
from domain.payments.cancellation import CancellationStep
from domain.payments.payments import Arrival, Terms, arrival, terms_refusals
from domain.tenants.payment_policy import PaymentPolicy, PolicyKind

PRICE = Money(10_001, "EUR")


@pytest.mark.parametrize(
    ("policy", "due"),
    [
        (PaymentPolicy(PolicyKind.NONE), 0),
        (PaymentPolicy(PolicyKind.FULL), 10_001),
        (PaymentPolicy(PolicyKind.DEPOSIT, percent=30), 3000),
        (PaymentPolicy(PolicyKind.DEPOSIT, percent=50), 5001),
        (PaymentPolicy(PolicyKind.DEPOSIT, amount=Money(2500, "EUR")), 2500),
        (PaymentPolicy(PolicyKind.DEPOSIT, amount=Money(99_999, "EUR")), 10_001),
        (PaymentPolicy(PolicyKind.CARD_HOLD, percent=100), 10_001),
    ],
)
def test_what_is_due_is_at_most_the_price(policy: PaymentPolicy, due: int) -> None:
    assert policy.due(PRICE) == Money(due, "EUR")


@given(st.integers(0, 10**12), st.integers(1, 100))
def test_a_percentage_is_at_most_half_a_unit_off(price: int, percent: int) -> None:
    due = PaymentPolicy(PolicyKind.DEPOSIT, percent=percent).due(Money(price, "EUR")).amount_minor

    if due == 0:
        assert price * percent < 50 * 100
        return
    assert -50 < due * 100 - price * percent <= 50
    assert 0 <= due <= price


@pytest.mark.parametrize(
    ("status", "is_paid", "becomes"),
    [
        (Status.HELD, False, Arrival.CONFIRMS),
        (Status.EXPIRED, False, Arrival.RECLAIMS),
        (Status.CANCELLED, False, Arrival.IS_TOO_LATE),
        (Status.REJECTED, False, Arrival.IS_TOO_LATE),
        (Status.CONFIRMED, True, Arrival.IS_SURPLUS),
        (Status.HELD, True, Arrival.IS_SURPLUS),
    ],
)
def test_what_becomes_of_money_that_arrives(
    status: Status, is_paid: bool, becomes: Arrival
) -> None:
    assert arrival(status, is_paid=is_paid) is becomes


@pytest.mark.parametrize(
    ("policy", "code", "path"),
    [
        (PaymentPolicy(PolicyKind.DEPOSIT), Code.REQUIRED, ("percent",)),
        (PaymentPolicy(PolicyKind.DEPOSIT, percent=0), Code.INVALID, ("percent",)),
        (PaymentPolicy(PolicyKind.DEPOSIT, percent=101), Code.INVALID, ("percent",)),
        (PaymentPolicy(PolicyKind.FULL, percent=10), Code.INVALID, ("percent",)),
        (PaymentPolicy(PolicyKind.CARD_HOLD, amount=Money(0, "EUR")), Code.INVALID, ("amount",)),
        (PaymentPolicy(PolicyKind.DEPOSIT, amount=Money(500, "USD")), Code.INVALID, ("amount",)),
        (PaymentPolicy(PolicyKind.DEPOSIT, amount=Money(49, "EUR")), Code.INVALID, ("amount",)),
        (
            PaymentPolicy(PolicyKind.DEPOSIT, percent=10, amount=Money(500, "EUR")),
            Code.INVALID,
            ("amount",),
        ),
    ],
)
def test_terms_that_make_no_sense_are_refused(
    policy: PaymentPolicy, code: Code, path: tuple[str, ...]
) -> None:
    (refusal,) = terms_refusals(Terms(policy), currency_code="EUR")

    assert (refusal.code, refusal.path) == (code, path)


def test_terms_that_make_sense_are_taken() -> None:
    policy = PaymentPolicy(PolicyKind.DEPOSIT, percent=30)
    terms = Terms(policy, (CancellationStep(1440, 100), CancellationStep(120, 50)))

    assert list(terms_refusals(terms, currency_code="EUR")) == []
