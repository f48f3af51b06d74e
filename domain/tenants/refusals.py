"""Refusals of tenants: the plan's limit is reached, or the plan isn't paid."""

from dataclasses import dataclass
from datetime import datetime

from domain.core.formatting import counted
from domain.core.refusals import Code, Refusal


@dataclass(eq=False)
class PlanLimitReached(Refusal):
    """The limit of the tenant's plan is reached.

    ``required_plan`` is the code of the cheapest plan that allows more; ``resets_at`` is when the
    count is reset, None if it never is.
    """

    code = Code.PLAN_LIMIT_REACHED
    what: str
    limit: int
    used: int
    resets_at: datetime | None
    required_plan: str | None

    def __str__(self) -> str:
        way = f"; the {self.required_plan.capitalize()} plan has more" if self.required_plan else ""
        return f"The plan's {counted(self.limit, self.what)} are used up{way}."


@dataclass(eq=False)
class SubscriptionInactive(Refusal):
    """New bookings are refused ``since`` an instant, because the tenant's plan isn't paid."""

    code = Code.SUBSCRIPTION_INACTIVE
    status: str
    since: datetime

    def __str__(self) -> str:
        return (
            "New bookings are refused until the venue's plan is paid; "
            "an owner or admin can pay it under billing."
        )
