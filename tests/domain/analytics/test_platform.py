"""Figures of the platform: changes by date, and their sums."""

from datetime import date
from typing import Final

from domain.analytics.periods import Granularity
from domain.analytics.platform import (
    LoggedChange,
    PlanDay,
    platform_metrics,
    subscription_days,
)
from domain.analytics.spans import DateSpan
from domain.billing.plan_subscriptions import SubscriptionStatus as S
from domain.core.money import Money
from domain.tenants.plans import PlanCode

STARTER, PROFESSIONAL, ENTERPRISE = PlanCode
FIRST: Final = date(2027, 3, 1)


def on(day: int, status: S | None, plan: PlanCode | None = None) -> LoggedChange:
    return LoggedChange(date(2027, 3, day), plan, status)


def test_a_trial_that_is_paid_for_moves_to_the_active_ones() -> None:
    days = subscription_days(FIRST, [on(1, S.TRIALING, PROFESSIONAL), on(15, S.ACTIVE)])

    assert days == {
        (date(2027, 3, 1), STARTER): PlanDay(signed_up=1),
        (date(2027, 3, 1), PROFESSIONAL): PlanDay(trials=1),
        (date(2027, 3, 15), PROFESSIONAL): PlanDay(trials=-1, active=1),
    }


def test_a_failed_payment_is_one_until_it_is_made_good() -> None:
    days = subscription_days(
        FIRST, [on(2, S.ACTIVE), on(5, S.PAST_DUE), on(8, S.UNPAID), on(9, S.ACTIVE)]
    )

    assert days[date(2027, 3, 5), STARTER] == PlanDay(active=-1, overdue=1, failed_payments=1)
    assert days[date(2027, 3, 9), STARTER] == PlanDay(active=1, overdue=-1)
    assert (date(2027, 3, 8), STARTER) not in days


def test_only_who_paid_churns() -> None:
    trial = subscription_days(FIRST, [on(2, S.TRIALING), on(9, S.CANCELED)])
    paid = subscription_days(FIRST, [on(2, S.ACTIVE, ENTERPRISE), on(9, S.CANCELED, STARTER)])
    owing = subscription_days(FIRST, [on(2, S.PAST_DUE), on(9, S.CANCELED)])

    assert trial[date(2027, 3, 9), STARTER] == PlanDay(trials=-1)
    assert paid[date(2027, 3, 9), ENTERPRISE] == PlanDay(active=-1, churned=1)
    assert owing[date(2027, 3, 9), STARTER] == PlanDay(overdue=-1, churned=1)


def test_entries_of_one_change_count_once() -> None:
    ended = on(9, S.CANCELED, STARTER)

    once = subscription_days(FIRST, [on(2, S.ACTIVE, PROFESSIONAL), ended])

    assert subscription_days(FIRST, [on(2, S.ACTIVE, PROFESSIONAL), ended, ended]) == once


def test_points_are_states_at_their_end_and_sums_inside() -> None:
    before = {STARTER: PlanDay(signed_up=4, active=2), ENTERPRISE: PlanDay(active=1, overdue=1)}
    days = {
        date(2027, 3, 2): {STARTER: PlanDay(signed_up=1, active=-1, churned=1)},
        date(2027, 3, 9): {ENTERPRISE: PlanDay(active=-1, overdue=1, failed_payments=1)},
    }

    found = platform_metrics(DateSpan(FIRST, date(2027, 3, 15)), Granularity.WEEK, before, days)

    first, second = (each.metrics for each in found.points)
    assert (first.tenants, first.new_tenants, first.active, first.overdue) == (5, 1, 2, 1)
    assert first.mrr == (Money(2900 + 19900, "USD"),)
    assert (first.churned, first.churn_rate) == (1, 0.25)
    assert (second.new_tenants, second.active, second.overdue) == (0, 1, 2)
    assert (second.churned, second.churn_rate, second.failed_payments) == (0, 0, 1)
    assert found.totals.mrr == second.mrr == (Money(2900, "USD"),)
    assert (found.totals.churned, found.totals.failed_payments) == (1, 1)


def test_without_anybody_there_is_no_rate() -> None:
    found = platform_metrics(DateSpan(FIRST, date(2027, 3, 2)), Granularity.DAY, {}, {})

    assert found.totals.churn_rate is None
    assert found.totals.mrr == (Money(0, "USD"),)
