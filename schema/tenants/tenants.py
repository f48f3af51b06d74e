"""Tenants: the businesses that share one installation, their plans and what they use of them."""

from datetime import datetime

import strawberry

import models
from domain.core.local_time import TimeZone
from domain.core.money import CurrencyCode
from domain.tenants import plans
from domain.tenants.plans import PlanCode
from domain.tenants.refusals import FeatureNotIncluded, PlanLimitReached
from domain.tenants.settings import EarlyEndPrice
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
    "The code of a plan.",
    STARTER="At most 5 rooms, and 100 bookings a month.",
    PROFESSIONAL="At most 20 rooms, and 500 bookings a month.",
    ENTERPRISE="Unlimited rooms and bookings.",
)
describe(
    EarlyEndPrice,
    "What a booking costs that is ended early.",
    FULL="The whole price, as agreed.",
    USED="What a booking of the time until then costs by current prices, at most the agreed price.",
)


@value(plans.Plan)
class Plan:
    """A plan that a tenant can subscribe to, with its price and limits."""

    code: PlanCode = column("The code of the plan, for programs.")
    name: str = column("The name of the plan, for people.")
    monthly_price: Money = column("The price of one month.")
    room_limit: int | None = column(
        "The maximum number of rooms, not counting archived ones, or null if unlimited."
    )
    monthly_booking_limit: int | None = column(
        "The maximum number of bookings made in a calendar month, in the venue's time "
        "zone, or null if unlimited."
    )
    monthly_sms_limit: int = column(
        "The maximum number of SMS sent in a calendar month, in the venue's time zone."
    )
    features: list[str] = column("What else the plan includes, in English, for people.")


@value(usage.UsageMeter)
class UsageMeter:
    """The usage of one of the plan's limits."""

    used: int = column("The number in use.")
    limit: int | None = column("The maximum number that the plan allows, or null if unlimited.")


@value(usage.Usage)
class Usage:
    """The tenant's usage of its plan in the current calendar month, in the venue's time zone."""

    period_start: datetime = column("When the month began.")
    period_end: datetime = column(
        "When the month ends and the count of bookings starts again at 0."
    )
    rooms: UsageMeter = column("The number of rooms in use now.")
    bookings: UsageMeter = column("The number of bookings made in this month.")
    sms: UsageMeter = column("The number of SMS sent in this month.")


@value()
class TenantSettings:
    """The booking rules of a venue, which apply to all its rooms."""

    slot_minutes: int = column(
        "The number of minutes between possible starts, counted from midnight."
    )
    min_notice_minutes: int = column("The minimum number of minutes between booking and start.")
    max_advance_days: int = column("The maximum number of days between booking and start.")
    min_duration_minutes: int = column("The minimum duration of a booking in minutes.")
    max_duration_minutes: int = column("The maximum duration of a booking in minutes.")
    hold_minutes: int = column("How many minutes a hold lasts.")
    requires_confirmation: bool = column("Whether the venue has to confirm new bookings.")
    approval_hours: int = column(
        "For how many hours the venue can confirm a new booking, its start at the latest. After "
        "that it expires."
    )
    check_in_from_minutes: int = column(
        "From how many minutes before its start a booking can be checked in."
    )
    auto_release_minutes: int | None = column(
        "How many minutes after its start a booking that nobody has checked in becomes a NO_SHOW, "
        "or null if that never happens by itself."
    )
    early_end_price: EarlyEndPrice = column("What a booking costs that is ended early.")
    max_open_holds: int = column("The maximum number of open holds for each customer.")
    allows_guest_booking: bool = column("Whether people can book without an account.")
    requires_guest_proof: bool = column(
        "Whether guests have to solve a challenge against bots; see `guestProof`."
    )
    change_minutes_before: int | None = column(
        "Until how many minutes before the start customers can move a booking, or null "
        "for as long as they can cancel it for free."
    )
    min_change_notice_minutes: int | None = column(
        "How many minutes before the start customers can last move or cancel a booking, or null "
        "if they can cancel it until it ends."
    )
    reconfirms_changes: bool = column(
        "Whether the venue has to confirm a confirmed booking again if the customer "
        "changes its room, day or duration. True by default."
    )
    waitlist_priority_tag: str | None = column(
        "The tag of the customers who come first on the waitlist, or null if all are served in "
        "the order in which they joined."
    )
    allows_assistant: bool = column(
        "Whether the venue's team, its customers and guests can use the assistant. True by default."
    )


@node(models.Tenant, visible=tenants.visible_tenants, requires=P.TENANT_READ)
class Tenant(Node):
    """A business with its venue, users and booking rules."""

    name: str = column("The name of the business.")
    subdomain: str = column("The unique name that users log in with. It never changes.")
    time_zone: TimeZone = column("The time zone of the venue.")
    currency_code: CurrencyCode = column("The currency of all prices of the venue.")
    brand_color: str | None = column(
        "The color of the venue's mails, as '#RRGGBB', or null for the product's color."
    )
    logo_url: str | None = column("The address of the venue's logo, or null if it has none.")
    plan: Plan | None = computed(tenants.plan_of, requires=P.PLAN_READ)
    usage: Usage | None = computed(
        usage.usage_of,
        "The tenant's usage of its plan in the current calendar month.",
        requires=P.PLAN_READ,
        cost=Cost(10),
    )
    settings: TenantSettings = computed(tenants.settings_of, sql=sql_fields.same_row)
    version: int = column(
        "The version of the tenant. It increases with every change; pass it to "
        "mutations that change the tenant or its settings."
    )
    created_at: datetime = column("When the tenant was registered.")


@shows(PlanLimitReached)
class PlanLimitError(UserError):
    """The limit of the tenant's plan is reached."""

    limit: int = column("The maximum number that the plan allows.")
    used: int = column("The number in use.")
    resets_at: datetime | None = column(
        "When the count starts again at 0, or null if it never does."
    )
    required_plan: PlanCode | None = column(
        "The cheapest plan that allows one more, or null if there is none."
    )


@shows(FeatureNotIncluded)
class FeatureNotIncludedError(UserError):
    """The tenant's plan doesn't include the feature."""

    feature: str = column("The name of the feature, in English, for people.")
    required_plan: PlanCode | None = column("The cheapest plan that includes the feature.")


@strawberry.type
class TenantQueries:
    tenant: Tenant | None = query(tenants.tenant, requires=P.TENANT_READ)
    plans: list[Plan] = query(tenants.plans, requires=P.PUBLIC, nullable=False)
