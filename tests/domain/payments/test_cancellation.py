"""Refunds of a cancellation, to the second and to the minor unit."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.core.money import Money
from domain.core.refusals import Code
from domain.payments.cancellation import (
    CancellationStep,
    Quote,
    free_until,
    in_order,
    quote,
    step_refusals,
)

START = datetime(2027, 3, 5, 18, 0, tzinfo=UTC)
STEPS = (CancellationStep(120, 50), CancellationStep(24 * 60, 100))
SECOND = timedelta(seconds=1)


def euros(minor: int) -> Money:
    return Money(minor, "EUR")


def quoted(now: datetime, held: int = 3000) -> Quote:
    return quote(STEPS, euros(held), start=START, now=now)


@pytest.mark.parametrize(
    ("now", "refund", "label"),
    [
        (START - timedelta(days=9), 3000, "Free until 24 hours before the start"),
        (START - timedelta(hours=24), 3000, "Free until 24 hours before the start"),
        (START - timedelta(hours=24) + SECOND, 1500, "50 % back until 2 hours before the start"),
        (START - timedelta(hours=2), 1500, "50 % back until 2 hours before the start"),
        (START - timedelta(hours=2) + SECOND, 0, "Nothing back after 2 hours before the start"),
        (START + timedelta(minutes=5), 0, "Nothing back after 2 hours before the start"),
    ],
)
def test_a_step_ends_on_its_very_second(now: datetime, refund: int, label: str) -> None:
    found = quoted(now)

    assert (found.refund, found.step_label) == (euros(refund), label)
    assert found.fee == euros(3000 - refund)


def test_a_quote_says_until_when_it_holds() -> None:
    assert quoted(START - timedelta(days=2)).ends_at == START - timedelta(hours=24)
    assert quoted(START - timedelta(hours=3)).ends_at == START - timedelta(hours=2)
    assert quoted(START).ends_at is None


def test_half_a_cent_is_rounded_up_for_the_customer() -> None:
    found = quoted(START - timedelta(hours=3), held=1001)

    assert (found.refund, found.fee) == (euros(501), euros(500))


@pytest.mark.parametrize(
    ("now", "refund", "label", "ends_at"),
    [
        (START - timedelta(days=9), 3000, "Free until the start", START),
        (START, 3000, "Free until the start", START),
        (START + SECOND, 0, "Nothing back after the start", None),
    ],
)
def test_without_steps_everything_is_given_back_until_the_start(
    now: datetime, refund: int, label: str, ends_at: datetime | None
) -> None:
    found = quote((), euros(3000), start=START, now=now)

    assert (found.refund, found.step_label, found.ends_at) == (euros(refund), label, ends_at)


@pytest.mark.parametrize(
    ("steps", "until"),
    [
        (STEPS, START - timedelta(hours=24)),
        ((), START),
        ((CancellationStep(120, 50),), None),
        ((CancellationStep(60, 100), CancellationStep(120, 100)), START - timedelta(hours=1)),
    ],
)
def test_until_when_cancelling_is_free(
    steps: tuple[CancellationStep, ...], until: datetime | None
) -> None:
    assert free_until(steps, START) == until


def test_before_the_venue_has_agreed_everything_is_given_back() -> None:
    found = quote(STEPS, euros(3000), start=START, now=START, is_confirmed=False)

    assert found.refund == euros(3000)


@pytest.mark.parametrize(
    ("steps", "path"),
    [
        ([CancellationStep(-1, 50)], ("steps", 0, "minutes_before")),
        ([CancellationStep(60, 101)], ("steps", 0, "refund_percent")),
        ([CancellationStep(60, 50), CancellationStep(60, 20)], ("steps",)),
        ([CancellationStep(60, 50), CancellationStep(120, 20)], ("steps",)),
        ([CancellationStep(minutes, 0) for minutes in range(11)], ("steps",)),
    ],
)
def test_steps_that_make_no_sense_are_refused(
    steps: list[CancellationStep], path: tuple[str | int, ...]
) -> None:
    (refusal,) = step_refusals(steps, path=("steps",))

    assert (refusal.code, refusal.path) == (Code.INVALID, path)


@given(
    st.lists(st.builds(CancellationStep, st.integers(0, 5000), st.integers(0, 100)), max_size=6),
    st.integers(0, 10**9),
    st.lists(st.integers(-6000 * 60, 3600), min_size=2, max_size=12),
)
def test_a_later_cancellation_never_gives_back_more(
    steps: list[CancellationStep], held: int, seconds: list[int]
) -> None:
    percents = sorted((step.refund_percent for step in steps), reverse=True)
    falling = [
        CancellationStep(step.minutes_before, percent)
        for step, percent in zip(in_order(steps), percents, strict=True)
    ]

    quotes = [
        quote(falling, euros(held), start=START, now=START + timedelta(seconds=at))
        for at in sorted(seconds)
    ]

    refunds = [each.refund.amount_minor for each in quotes]
    assert refunds == sorted(refunds, reverse=True)
    assert all(each.refund + each.fee == euros(held) for each in quotes)
    assert all(0 <= each <= held for each in refunds)
