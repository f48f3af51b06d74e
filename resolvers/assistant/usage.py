"""What the assistant was used for, and how much of its budget is left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from typing_extensions import Doc

from domain.analytics.spans import DateSpan
from domain.assistant.budgets import Budget, Used, day_end, month_end
from domain.core.local_time import zone
from kit.scope import Scope
from kit.settings import Settings
from models.assistant.usage import COUNTED, AssistantDay, usage_of_days
from resolvers.analytics.analytics import check_span
from resolvers.assistant.answers import used_tokens
from resolvers.tenants.tenants import own_tenant


@dataclass(frozen=True, slots=True)
class AssistantBudget:
    """The tokens that the venue may use, and has used."""

    daily_tokens: int
    used_today: int
    day_ends_at: datetime
    monthly_tokens: int
    used_this_month: int
    month_ends_at: datetime


@dataclass(frozen=True, slots=True)
class AssistantUsage:
    """The usage of some dates; ``totals`` has no date."""

    days: Sequence[AssistantDay]
    budget: AssistantBudget

    def __getattr__(self, name: str) -> int:
        if name not in COUNTED:
            raise AttributeError(name)
        return sum(getattr(each, name) for each in self.days)


async def assistant_usage(
    scope: Scope, *, span: Annotated[DateSpan, Doc("The dates to add up: at most 800.")]
) -> AssistantUsage:
    """What the assistant was used for on some dates, and what of its budget is used up."""
    check_span(span)
    tenant = await own_tenant(scope)
    settings, venue_zone = scope.service(Settings), zone(tenant.time_zone)
    today = scope.now().astimezone(venue_zone).date()
    budget = Budget.of(
        tenant.plan_code, settings.assistant_daily_tokens, settings.assistant_monthly_tokens
    )
    used: Used = await used_tokens(scope, today)
    days = await scope.all(usage_of_days(scope.tenant_id, span.from_, span.until))
    return AssistantUsage(
        days,
        AssistantBudget(
            budget.daily,
            used.today,
            day_end(today, venue_zone),
            budget.monthly,
            used.this_month,
            month_end(today, venue_zone),
        ),
    )


async def cost_of(_: Scope, counted: AssistantDay | AssistantUsage) -> str:
    """What the tokens cost, in US dollars, by the prices that the installation has set."""
    return f"{counted.cost_micros // 1_000_000}.{counted.cost_micros % 1_000_000:06}"
