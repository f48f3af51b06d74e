"""Tenants: the businesses that share one installation, their plans and what they use of them."""

from datetime import datetime

import strawberry

import models
from domain.core.local_time import TimeZone
from domain.core.money import CurrencyCode
from domain.tenants import plans
from domain.tenants.plans import PlanCode
from domain.tenants.refusals import PlanLimitReached
from kit.graphql.cost import Cost
from models.core import sql_fields
from permissions.roles import P
from resolvers.tenants import tenants, usage
from schema.core.enums import describe
from schema.core.fields import Node, column, computed, node, query, value
from schema.core.money import Money
from schema.core.user_errors import UserError, shows

describe(
    PlanCode,
    "The plans a tenant can be on.",
    STARTER="5 rooms and 100 bookings a month.",
    PROFESSIONAL="20 rooms and 500 bookings a month.",
    ENTERPRISE="Unlimited.",
)


@value(plans.Plan)
class Plan:
    """What a plan costs and allows."""

    code: PlanCode = column("Its name for programs.")
    name: str = column("Its name for people.")
    monthly_price: Money = column("What a month costs.")
    room_limit: int | None = column("Rooms in use at once, archived ones not counted; null: any.")
    monthly_booking_limit: int | None = column(
        "Bookings made in a calendar month of the venue; null: any number."
    )
    features: list[str] = column("What it includes besides, in English.")


@value(usage.UsageMeter)
class UsageMeter:
    """How much of one of the plan's limits is used."""

    used: int = column("How many are used.")
    limit: int | None = column("How many the plan allows; null: unlimited.")


@value(usage.Usage)
class Usage:
    """What the tenant uses of its plan in the present calendar month of its venue."""

    period_start: datetime = column("When the month began.")
    period_end: datetime = column("When the next one begins, and bookings count from 0 again.")
    rooms: UsageMeter = column("Rooms in use now.")
    bookings: UsageMeter = column("Bookings made in this month.")


@value()
class TenantSettings:
    """Rules that hold for every room unless the room says otherwise."""

    slot_minutes: int = column("Bookings start on this grid, counted from midnight.")
    min_notice_minutes: int = column("How long before its start a booking has to be made.")
    max_advance_days: int = column("How many days ahead a booking may start.")
    min_duration_minutes: int = column("The shortest booking.")
    max_duration_minutes: int = column("The longest booking.")
    hold_minutes: int = column("How long a hold keeps its time.")
    requires_confirmation: bool = column("Whether bookings wait for the venue's confirmation.")
    max_open_holds: int = column("How many holds a customer may have open at once.")
    allows_guest_booking: bool = column(
        "Whether people can hold and book times without an account."
    )
    requires_guest_proof: bool = column(
        "Whether guests have to prove that they are people, by `guestProof`."
    )
    change_minutes_before: int | None = column(
        "Until how many minutes before its start a customer can move a booking; null: as long as "
        "cancelling it is free."
    )
    reconfirms_changes: bool = column(
        "Whether a confirmed booking waits for the venue's confirmation again where its customer "
        "changes room, day or length; true by default."
    )


@node(models.Tenant, visible=tenants.visible_tenants, requires=P.TENANT_READ)
class Tenant(Node):
    """A business with a venue of its own, and the rules of that venue."""

    name: str = column("What people call it.")
    subdomain: str = column("Its address for logging in; unique, and never changes.")
    time_zone: TimeZone = column("The venue's wall clock: an IANA zone.")
    currency_code: CurrencyCode = column("The currency of all its prices.")
    plan: Plan | None = computed(tenants.plan_of, requires=P.PLAN_READ)
    usage: Usage | None = computed(
        usage.usage_of,
        "What it uses of its plan in this month.",
        requires=P.PLAN_READ,
        cost=Cost(10),
    )
    settings: TenantSettings = computed(tenants.settings_of, sql=sql_fields.same_row)
    version: int = column("Grows with every change; updates name the one they saw.")
    created_at: datetime = column("When it was registered.")


@shows(PlanLimitReached)
class PlanLimitError(UserError):
    """The tenant's plan allows no more of this."""

    limit: int = column("How many the plan allows.")
    used: int = column("How many are used.")
    resets_at: datetime | None = column("When counting starts anew; null when it never does.")
    required_plan: PlanCode | None = column("The cheapest plan that allows one more.")


@strawberry.type
class TenantQueries:
    tenant: Tenant | None = query(tenants.tenant, requires=P.TENANT_READ)
    plans: list[Plan] = query(tenants.plans, requires=P.PUBLIC, nullable=False)
