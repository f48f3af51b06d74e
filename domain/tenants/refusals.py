"""Refusals of tenants: what their plan allows is used up, or it isn't paid."""

from dataclasses import dataclass
from datetime import datetime

from domain.core.formatting import counted
from domain.core.refusals import Code, Refusal


@dataclass(eq=False)
class PlanLimitReached(Refusal):
    """The tenant's plan allows no more.

    ``required_plan`` is the code of the cheapest plan that does; ``resets_at`` is when the
    meter starts anew, None for one that doesn't.
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
    """No new bookings are taken, because the tenant's plan is not paid; ``since`` when."""

    code = Code.SUBSCRIPTION_INACTIVE
    status: str
    since: datetime

    def __str__(self) -> str:
        return (
            "New bookings are refused until the venue's plan is paid; "
            "an owner or admin can pay it under billing."
        )
