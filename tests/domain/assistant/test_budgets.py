"""Tokens by day and month of the venue's clock, and what they cost."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from domain.assistant.budgets import Budget, Used, cost_micros
from domain.assistant.refusals import AssistantBudgetReached

NEW_YORK = ZoneInfo("America/New_York")
# Still the last of February in New York.
NOW = datetime(2027, 3, 1, 3, 0, tzinfo=UTC)
BUDGET = Budget(daily=100, monthly=1_000)


@pytest.mark.parametrize(
    ("used", "is_public", "frees_at"),
    [
        (Used(100, 0, 100), False, "2027-03-01T05:00:00+00:00"),
        (Used(60, 50, 100), True, "2027-03-01T05:00:00+00:00"),
        (Used(0, 0, 1_000), False, "2027-03-01T05:00:00+00:00"),
    ],
)
def test_a_budget_is_kept_until_the_day_or_the_month_ends(
    used: Used, is_public: bool, frees_at: str
) -> None:
    with pytest.raises(AssistantBudgetReached) as refused:
        BUDGET.check(used, is_public=is_public, now=NOW, zone=NEW_YORK)

    assert refused.value.frees_at.astimezone(UTC).isoformat() == frees_at


def test_the_team_has_what_guests_leave() -> None:
    BUDGET.check(Used(99, 50, 999), is_public=False, now=NOW, zone=NEW_YORK)
    BUDGET.check(Used(99, 49, 999), is_public=True, now=NOW, zone=NEW_YORK)


def test_a_plan_that_isnt_listed_has_no_tokens() -> None:
    assert Budget.of("STARTER", {"ENTERPRISE": 5}, {"ENTERPRISE": 9}) == Budget(0, 0)
    assert Budget.of("ENTERPRISE", {"ENTERPRISE": 5}, {"ENTERPRISE": 9}) == Budget(5, 9)


def test_a_cost_is_rounded_to_a_millionth_of_a_dollar() -> None:
    prices = {"input_price": Decimal("0.25"), "output_price": Decimal("2.00")}

    assert cost_micros(1_000, 500, **prices) == 1_250
    assert cost_micros(2, 0, **prices) == 1
