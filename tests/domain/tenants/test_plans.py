"""The limits of each plan, and which plan lifts a limit."""

import pytest

from domain.core.money import Money
from domain.tenants.plans import (
    PLANS,
    Feature,
    PlanCode,
    plan_for_bookings,
    plan_for_feature,
    plan_for_rooms,
)


@pytest.mark.parametrize(
    ("code", "price", "rooms", "bookings"),
    [
        (PlanCode.STARTER, Money(2900, "USD"), 5, 100),
        (PlanCode.PROFESSIONAL, Money(7900, "USD"), 20, 500),
        (PlanCode.ENTERPRISE, Money(19900, "USD"), None, None),
    ],
)
def test_a_plan_costs_and_allows(
    code: PlanCode, price: Money, rooms: int | None, bookings: int | None
) -> None:
    plan = PLANS[code]

    assert (plan.monthly_price, plan.room_limit, plan.monthly_booking_limit) == (
        price,
        rooms,
        bookings,
    )


def test_a_higher_plan_has_all_that_a_lower_one_has() -> None:
    assert PLANS[PlanCode.STARTER].features == ("Email notifications",)
    assert PLANS[PlanCode.ENTERPRISE].features == (
        "Email notifications",
        "SMS notifications",
        "Analytics",
        "AI suggestions",
        "Custom integrations",
        "White label",
    )


@pytest.mark.parametrize(
    ("rooms", "plan"),
    [(5, "STARTER"), (6, "PROFESSIONAL"), (20, "PROFESSIONAL"), (21, "ENTERPRISE")],
)
def test_the_cheapest_plan_for_so_many_rooms_is(rooms: int, plan: str) -> None:
    assert plan_for_rooms(rooms) == plan


@pytest.mark.parametrize(
    ("bookings", "plan"), [(100, "STARTER"), (101, "PROFESSIONAL"), (501, "ENTERPRISE")]
)
def test_the_cheapest_plan_for_so_many_bookings_is(bookings: int, plan: str) -> None:
    assert plan_for_bookings(bookings) == plan


@pytest.mark.parametrize(
    ("feature", "plan"),
    [
        (Feature.EMAIL, PlanCode.STARTER),
        (Feature.ANALYTICS, PlanCode.PROFESSIONAL),
        (Feature.WHITE_LABEL, PlanCode.ENTERPRISE),
    ],
)
def test_the_cheapest_plan_with_a_feature_is_named(feature: Feature, plan: PlanCode) -> None:
    assert plan_for_feature(feature) is plan
