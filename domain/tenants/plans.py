"""The plans of venues, and what each allows."""

from dataclasses import dataclass
from enum import StrEnum

from domain.core.money import Money


class PlanCode(StrEnum):
    """The codes of the plans."""

    STARTER = "STARTER"
    PROFESSIONAL = "PROFESSIONAL"
    ENTERPRISE = "ENTERPRISE"


class Feature(StrEnum):
    """A feature that a plan includes; the value is its name for people."""

    EMAIL = "Email notifications"
    SMS = "SMS notifications"
    ANALYTICS = "Analytics"
    SUGGESTIONS = "AI suggestions"
    INTEGRATIONS = "Custom integrations"
    WHITE_LABEL = "White label"


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan's price, limits and features; a limit of None is unlimited.

    Rooms count unless they are archived; bookings and SMS count by the calendar month of the
    venue's zone.
    """

    code: PlanCode
    name: str
    monthly_price: Money
    room_limit: int | None
    monthly_booking_limit: int | None
    monthly_sms_limit: int
    features: tuple[Feature, ...]


_STARTER = (Feature.EMAIL,)
_PROFESSIONAL = (*_STARTER, Feature.SMS, Feature.ANALYTICS, Feature.SUGGESTIONS)
_ENTERPRISE = (*_PROFESSIONAL, Feature.INTEGRATIONS, Feature.WHITE_LABEL)

# From the cheapest up.
PLANS = {
    plan.code: plan
    for plan in (
        Plan(PlanCode.STARTER, "Starter", Money(2900, "USD"), 5, 100, 0, _STARTER),
        Plan(
            PlanCode.PROFESSIONAL, "Professional", Money(7900, "USD"), 20, 500, 200, _PROFESSIONAL
        ),
        Plan(PlanCode.ENTERPRISE, "Enterprise", Money(19900, "USD"), None, None, 2000, _ENTERPRISE),
    )
}


def includes(plan: PlanCode, feature: Feature) -> bool:
    """Returns whether a plan includes a feature."""
    return feature in PLANS[plan].features


def plan_for_rooms(rooms: int) -> PlanCode:
    """Returns the cheapest plan that allows so many rooms."""
    return next(p.code for p in PLANS.values() if p.room_limit is None or rooms <= p.room_limit)


def plan_for_bookings(bookings: int) -> PlanCode:
    """Returns the cheapest plan that allows so many bookings a month."""
    return next(
        plan.code
        for plan in PLANS.values()
        if plan.monthly_booking_limit is None or bookings <= plan.monthly_booking_limit
    )


def plan_for_feature(feature: Feature) -> PlanCode:
    """Returns the cheapest plan that includes a feature."""
    return next(plan.code for plan in PLANS.values() if feature in plan.features)
