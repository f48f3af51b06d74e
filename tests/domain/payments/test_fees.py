"""Fees that are due without a payment in advance."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.core.money import Money
from domain.payments.cancellation import CancellationStep, quote
from domain.payments.fees import Fees, fee_refusals, no_show_due

START = datetime(2027, 3, 5, 18, tzinfo=UTC)
STEPS = (CancellationStep(1440, 100), CancellationStep(120, 50))


def euros(minor: int) -> Money:
    return Money(minor, "EUR")


@pytest.mark.parametrize(
    ("hours", "held", "refund", "fee", "due"),
    [
        (24, 0, 0, 0, 0),
        (24, 4000, 4000, 0, 0),
        (3, 0, 0, 2000, 2000),
        (3, 1000, 0, 2000, 1000),
        (3, 4000, 2000, 2000, 0),
        (1, 0, 0, 4000, 4000),
        (1, 4000, 0, 4000, 0),
    ],
    ids=[
        "free and unpaid",
        "free and paid",
        "half of nothing",
        "a deposit",
        "half of all",
        "all",
        "all was paid",
    ],
)
def test_a_late_cancellation_costs_a_part_of_the_price(
    hours: int, held: int, refund: int, fee: int, due: int
) -> None:
    now = START - timedelta(hours=hours)

    found = quote(STEPS, euros(held), start=START, now=now, price=euros(4000))

    assert (found.refund, found.fee, found.due) == (euros(refund), euros(fee), euros(due))


def test_nothing_is_due_before_the_venue_has_confirmed() -> None:
    found = quote(STEPS, euros(0), start=START, now=START, is_confirmed=False, price=euros(4000))

    assert (found.refund, found.fee, found.due) == (euros(0), euros(0), euros(0))


@given(
    price=st.integers(0, 100_000),
    held=st.integers(0, 120_000),
    percent=st.integers(0, 100),
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
)
def test_what_is_kept_refunded_and_due_adds_up(
    price: int, held: int, percent: int, currency: str
) -> None:
    steps = (CancellationStep(0, percent),)
    whole, paid = Money(price, currency), Money(held, currency)

    found = quote(steps, paid, start=START, now=START, price=whole)

    kept = paid.amount_minor - found.refund.amount_minor
    assert 0 <= kept <= held and 0 <= found.due.amount_minor <= found.fee.amount_minor <= price
    # A refund is rounded up to what can be sent, and never down.
    assert kept + found.due.amount_minor <= found.fee.amount_minor
    assert found.fee.amount_minor - kept - found.due.amount_minor < 10


@pytest.mark.parametrize(
    ("percent", "paid", "on_card", "owed"),
    [
        (0, 0, None, None),
        (50, 0, None, 2000),
        (50, 1500, None, 500),
        (50, 4000, None, None),
        (0, 0, 3000, 3000),
        (50, 0, 3000, 3000),
        (100, 0, 3000, 4000),
    ],
    ids=[
        "no fee",
        "unpaid",
        "a deposit",
        "paid",
        "a card",
        "a card of more",
        "a card of less",
    ],
)
def test_what_a_no_show_still_owes(
    percent: int, paid: int, on_card: int | None, owed: int | None
) -> None:
    card = None if on_card is None else euros(on_card)

    found = no_show_due(Fees(no_show_percent=percent), euros(4000), paid=euros(paid), on_card=card)

    assert found == (None if owed is None else euros(owed))


@pytest.mark.parametrize("percent", [-1, 101], ids=["below", "above"])
def test_a_percentage_out_of_bounds_is_refused(percent: int) -> None:
    (refused,) = fee_refusals(Fees(no_show_percent=percent))

    assert refused.path == ("no_show_fee_percent",)
