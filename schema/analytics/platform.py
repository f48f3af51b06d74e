"""Figures of the platform, for its operator."""

import datetime

import strawberry

from domain.analytics import platform as rules
from kit.graphql.cost import Cost
from permissions.roles import P
from resolvers.analytics import platform
from schema.core.fields import column, query, value
from schema.core.money import Money


@value(rules.SubscriptionMetrics)
class SubscriptionMetrics:
    """Figures of all venues and their subscriptions over some dates, in UTC.

    A change counts on the date on which the platform heard of it from the payment service.
    """

    tenants: int = column("The number of venues at the end of these dates.")
    new_tenants: int = column("The number of venues that signed up on these dates.")
    trials: int = column("The number of subscriptions that are TRIALING at the end.")
    active: int = column("The number of subscriptions that are ACTIVE at the end.")
    overdue: int = column(
        "The number of subscriptions that are PAST_DUE or UNPAID at the end: a payment has failed."
    )
    mrr: list[Money] = column(
        "Monthly recurring revenue: what the plans of the `active` subscriptions cost a month, at "
        "today's list prices. An amount for each currency of the plans, never converted; taxes, "
        "discounts and venues that are `overdue` are left out."
    )
    churned: int = column(
        "The number of subscriptions that were `active` or `overdue` and ended on these dates. "
        "Trials that end without a payment don't count."
    )
    churn_rate: float | None = column(
        "`churned` / (`active` + `overdue` before these dates), to 4 digits, or null for a "
        "denominator of 0."
    )
    failed_payments: int = column(
        "How often a payment for a plan failed on these dates, so that a subscription became "
        "`overdue`. Further attempts at the same amount don't count."
    )


@value(rules.PlatformPoint)
class PlatformPoint:
    """The figures of a part of a span."""

    date: datetime.date = column("The first date of the part, in UTC.")
    until: datetime.date = column("The end of the part, excluded.")
    metrics: SubscriptionMetrics = column("The figures of this part.")


@value(rules.PlatformMetrics)
class PlatformMetrics:
    """Figures of all venues together. Of dates to come, the numbers are those of the present."""

    totals: SubscriptionMetrics = column("The figures of the whole span.")
    points: list[PlatformPoint] = column("The figures of each part of the span, in order.")


@strawberry.type
class PlatformQueries:
    platform_metrics: PlatformMetrics | None = query(
        platform.metrics, requires=P.PLATFORM_READ, cost=Cost(20)
    )
