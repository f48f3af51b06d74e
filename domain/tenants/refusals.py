"""Refusals of tenants: the plan's limit is reached, it lacks a feature, or it isn't paid."""

from dataclasses import dataclass
from datetime import datetime

from domain.core.formatting import counted
from domain.core.refusals import Code, Refusal
from domain.tenants.plans import Feature, plan_for_feature


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
        limit = counted(self.limit, self.what)
        if self.used < self.limit:
            return f"Of the plan's {limit}, {self.limit - self.used} are left{way}."
        return f"The plan's {limit} are used up{way}."


@dataclass(eq=False)
class FeatureNotIncluded(Refusal):
    """The tenant's plan doesn't include a feature."""

    code = Code.FEATURE_NOT_INCLUDED
    feature: Feature

    @property
    def required_plan(self) -> str:
        """The code of the cheapest plan that includes it."""
        return plan_for_feature(self.feature)

    def __str__(self) -> str:
        name = self.feature.value
        # "Analytics" is a word within a sentence, "SMS" stays as it is.
        name = name if name[:2].isupper() else name[0].lower() + name[1:]
        return f"The plan doesn't include {name}; the {self.required_plan.capitalize()} plan does."


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
