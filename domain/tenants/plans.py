"""The plans a venue can be on, and what each allows."""

from dataclasses import dataclass
from enum import StrEnum

from domain.core.money import Money


class PlanCode(StrEnum):
    """The names of the plans."""

    STARTER = "STARTER"
    PROFESSIONAL = "PROFESSIONAL"
    ENTERPRISE = "ENTERPRISE"


class Feature(StrEnum):
    """What a plan includes besides its limits, as people read it."""

    EMAIL = "Email notifications"
    SMS = "SMS notifications"
    ANALYTICS = "Analytics"
    SUGGESTIONS = "AI suggestions"
    INTEGRATIONS = "Custom integrations"
    WHITE_LABEL = "White label"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a plan costs and allows; a limit of None is unlimited.

    Rooms count while they aren't archived, bookings by the calendar month of the venue's zone.
    """

    code: PlanCode
    name: str
    monthly_price: Money
    room_limit: int | None
    monthly_booking_limit: int | None
    features: tuple[Feature, ...]


_STARTER = (Feature.EMAIL,)
_PROFESSIONAL = (*_STARTER, Feature.SMS, Feature.ANALYTICS, Feature.SUGGESTIONS)
_ENTERPRISE = (*_PROFESSIONAL, Feature.INTEGRATIONS, Feature.WHITE_LABEL)

# From the cheapest up.
PLANS = {
    plan.code: plan
    for plan in (
        Plan(PlanCode.STARTER, "Starter", Money(2900, "USD"), 5, 100, _STARTER),
        Plan(PlanCode.PROFESSIONAL, "Professional", Money(7900, "USD"), 20, 500, _PROFESSIONAL),
        Plan(PlanCode.ENTERPRISE, "Enterprise", Money(19900, "USD"), None, None, _ENTERPRISE),
    )
}


def plan_for_rooms(rooms: int) -> PlanCode:
    """The cheapest plan that allows so many rooms."""
    return next(p.code for p in PLANS.values() if p.room_limit is None or rooms <= p.room_limit)


def plan_for_bookings(bookings: int) -> PlanCode:
    """The cheapest plan that allows so many bookings a month."""
    return next(
        plan.code
        for plan in PLANS.values()
        if plan.monthly_booking_limit is None or bookings <= plan.monthly_booking_limit
    )


def plan_for_feature(feature: Feature) -> PlanCode:
    """The cheapest plan that includes it."""
    return next(plan.code for plan in PLANS.values() if feature in plan.features)
