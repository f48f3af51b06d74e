"""Figures of the platform: how many venues there are, and what they pay for their plans.

They are kept as changes of each UTC date, by plan: added up until a date, they are its state.
"""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final, Self

from domain.analytics.metrics import ratio
from domain.analytics.periods import Granularity, parts_of
from domain.analytics.spans import DateSpan
from domain.billing.plan_subscriptions import LIVE, SubscriptionStatus
from domain.core.money import Money
from domain.tenants.plans import PLANS, PlanCode

S = SubscriptionStatus

_OVERDUE: Final = frozenset({S.PAST_DUE, S.UNPAID})
_PAYING: Final = _OVERDUE | {S.ACTIVE}
_COUNTED_AS: Final[Mapping[SubscriptionStatus, str]] = {
    S.TRIALING: "trials",
    S.ACTIVE: "active",
    **dict.fromkeys(_OVERDUE, "overdue"),
}


@dataclass(slots=True)
class PlanDay:
    """What happened on a date to subscriptions to one plan.

    ``trials``, ``active`` and ``overdue`` are by how much their numbers changed. A venue signs up
    under the plan that all begin with, a subscription ends under the one that it had.
    """

    signed_up: int = 0
    trials: int = 0
    active: int = 0
    overdue: int = 0
    churned: int = 0
    failed_payments: int = 0

    def __iadd__(self, other: "PlanDay") -> Self:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))
        return self


PlanDays = Mapping[PlanCode, PlanDay]


@dataclass(frozen=True, slots=True)
class LoggedChange:
    """What an entry of the log changed about a subscription; None is as before."""

    date: datetime.date
    plan: PlanCode | None
    status: SubscriptionStatus | None


def subscription_days(
    signed_up_on: datetime.date, history: Iterable[LoggedChange]
) -> Mapping[tuple[datetime.date, PlanCode], PlanDay]:
    """Returns what happened to a venue by date and plan, from its log in order.

    Entries that were written together say the same: it counts once.
    """
    days: defaultdict[tuple[datetime.date, PlanCode], PlanDay] = defaultdict(PlanDay)
    days[signed_up_on, PlanCode.STARTER].signed_up += 1
    plan, status = PlanCode.STARTER, S.INCOMPLETE
    for change in history:
        old_plan, old = plan, status
        plan, status = change.plan or plan, change.status or status
        _move(days[change.date, old_plan], old, -1)
        _move(days[change.date, plan], status, +1)
        if old in _PAYING and status not in LIVE:
            days[change.date, old_plan].churned += 1
        if status in _OVERDUE and old not in _OVERDUE:
            days[change.date, plan].failed_payments += 1
    return {key: day for key, day in days.items() if day != PlanDay()}


def _move(day: PlanDay, status: SubscriptionStatus, by: int) -> None:
    if (name := _COUNTED_AS.get(status)) is not None:
        setattr(day, name, getattr(day, name) + by)


# ------------------------------------------------------------------------------ as shown


@dataclass(frozen=True, slots=True)
class SubscriptionMetrics:
    """The figures of all venues over some dates; numbers are those at their end."""

    tenants: int
    new_tenants: int
    trials: int
    active: int
    overdue: int
    mrr: tuple[Money, ...]
    churned: int
    churn_rate: float | None
    failed_payments: int


@dataclass(frozen=True, slots=True)
class PlatformPoint:
    """The figures of a part of a span."""

    date: datetime.date
    until: datetime.date
    metrics: SubscriptionMetrics


@dataclass(frozen=True, slots=True)
class PlatformMetrics:
    """The figures of a span, and of its parts."""

    totals: SubscriptionMetrics
    points: Sequence[PlatformPoint]


def platform_metrics(
    span: DateSpan,
    granularity: Granularity,
    before: PlanDays,
    days: Mapping[datetime.date, PlanDays],
) -> PlatformMetrics:
    """Returns the figures of a span: ``before`` is the sum of all dates before it."""
    return PlatformMetrics(
        _figures([span], before, days)[0].metrics,
        _figures(parts_of(span, granularity), before, days),
    )


def _figures(
    parts: Sequence[DateSpan], before: PlanDays, days: Mapping[datetime.date, PlanDays]
) -> list[PlatformPoint]:
    state: defaultdict[PlanCode, PlanDay] = defaultdict(PlanDay)
    _add(state, before)
    points = []
    for part in parts:
        at_start = _total(state)
        for day in part.dates():
            _add(state, days.get(day, {}))
        points.append(PlatformPoint(part.from_, part.until, _metrics(at_start, state)))
    return points


def _add(state: defaultdict[PlanCode, PlanDay], more: PlanDays) -> None:
    for plan, day in more.items():
        state[plan] += day


def _total(state: PlanDays) -> PlanDay:
    total = PlanDay()
    for day in state.values():
        total += day
    return total


def _metrics(before: PlanDay, state: PlanDays) -> SubscriptionMetrics:
    now = _total(state)
    churned = now.churned - before.churned
    return SubscriptionMetrics(
        tenants=now.signed_up,
        new_tenants=now.signed_up - before.signed_up,
        trials=now.trials,
        active=now.active,
        overdue=now.overdue,
        mrr=_monthly(state),
        churned=churned,
        churn_rate=ratio(churned, before.active + before.overdue),
        failed_payments=now.failed_payments - before.failed_payments,
    )


def _monthly(state: PlanDays) -> tuple[Money, ...]:
    """Returns what active subscriptions cost a month: an amount for each currency of the plans."""
    amounts = {plan.monthly_price.currency_code: 0 for plan in PLANS.values()}
    for code, day in state.items():
        price = PLANS[code].monthly_price
        amounts[price.currency_code] += day.active * price.amount_minor
    return tuple(Money(amount, currency) for currency, amount in sorted(amounts.items()))
