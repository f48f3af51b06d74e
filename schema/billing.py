"""Billing: what a tenant pays for its plan, and how it tries, buys, changes and ends one."""

from datetime import date, datetime
from typing import Final

import strawberry

import models
from domain.billing.plan_subscriptions import InvoiceStatus, SubscriptionStatus
from domain.billing.refusals import TooManyRooms
from domain.core.log_events import EventType
from domain.tenants.refusals import SubscriptionInactive
from permissions.roles import P
from resolvers.billing import plan_changes, plan_subscriptions
from resolvers.tenants import usage
from schema.core.areas import Area
from schema.core.connections import Connection, connection
from schema.core.enums import describe
from schema.core.fields import Node, column, computed, node, query, value
from schema.core.money import Money
from schema.core.mutations import mutation, payload
from schema.core.user_errors import UserError, shows
from schema.tenants.tenants import Plan, Usage
from schema.venue.rooms import Room

describe(
    SubscriptionStatus,
    "Where a subscription stands. New bookings are refused from `refusesBookingsFrom` on.",
    TRIALING="A plan is tried out, and nothing is paid yet.",
    ACTIVE="Paid.",
    PAST_DUE="The last payment failed; new bookings are taken for 7 more days.",
    UNPAID="The payment failed for good; no new bookings are taken.",
    CANCELED="It is over; no new bookings are taken.",
    INCOMPLETE="Nothing is subscribed to yet; new bookings are taken for the first 14 days.",
)
describe(
    InvoiceStatus,
    "Where an invoice stands.",
    DRAFT="Not final yet.",
    OPEN="To be paid.",
    PAID="Paid.",
    VOID="Withdrawn.",
    UNCOLLECTIBLE="Given up.",
)


@node(
    models.BillingSubscription,
    visible=plan_subscriptions.visible_subscriptions,
    requires=P.BILLING_READ,
)
class BillingSubscription(Node):
    """What a tenant has agreed with us about its plan, as the payment service last told."""

    plan: Plan = computed(plan_subscriptions.plan_of)
    status: SubscriptionStatus = computed(plan_subscriptions.status_of)
    takes_bookings: bool = computed(plan_subscriptions.is_open)
    refuses_bookings_from: datetime | None = computed(plan_subscriptions.refused_from)
    period_start: datetime | None = column("When the present period began; null before any.")
    period_end: datetime | None = column("When it ends, and the next one is paid.")
    trial_ends_at: datetime | None = column("When the trial ends, or did; null without one.")
    cancels_at_period_end: bool = column("Whether it ends with the present period.")
    next_plan: Plan | None = computed(plan_subscriptions.next_plan_of)
    overdue_since: datetime | None = column("Since when a payment is owed; null: none is.")
    ended_at: datetime | None = column("When it was over; null while it isn't.")
    version: int = column("Grows with every change; changes name the one they saw.")


@value(models.BillingInvoice)
class BillingInvoice:
    """An invoice for the plan."""

    number: str | None = column("Its number; null while it is a draft.")
    status: InvoiceStatus = computed(plan_subscriptions.invoice_status_of)
    total: Money = column("What it asks for.")
    paid: Money = column("What was paid of it.")
    issued_at: datetime = column("When it was issued.")
    page_url: str | None = column("Where a person sees and pays it; null while it is a draft.")
    pdf_url: str | None = column("Where it can be downloaded; null while it is a draft.")


@value(plan_subscriptions.UpcomingInvoice)
class UpcomingInvoice:
    """What the next invoice will ask for, as things stand."""

    amount: Money = column("How much.")
    due_at: datetime = column("When it will be asked for.")


@value(usage.UsageMonth)
class UsageMonth:
    """What was used in one calendar month of the venue."""

    month: date = column("Its first day.")
    bookings: int = column("Bookings made in it, those cancelled since too.")


@value(plan_subscriptions.Standing)
class Billing:
    """A tenant's plan, what it uses of it, and what it pays for it."""

    plan: Plan = column("The plan whose limits and features hold now.")
    is_enforced: bool = column(
        "Whether new bookings need a plan that is paid; false where nobody is billed."
    )
    trial_available: bool = column("Whether a trial can be started.")
    subscription: BillingSubscription | None = column("Null before the first step.")
    usage: Usage = computed(plan_subscriptions.usage_of)
    usage_history: list[UsageMonth] = computed(plan_subscriptions.usage_history)
    upcoming_invoice: UpcomingInvoice | None = computed(plan_subscriptions.upcoming_invoice)
    invoices: Connection[BillingInvoice] = connection(plan_subscriptions.invoices)


@shows(SubscriptionInactive)
class SubscriptionInactiveError(UserError):
    """The venue's plan is not paid, so no new bookings are taken."""

    status: SubscriptionStatus = column("Where the subscription stands.")
    since: datetime = column("Since when no new bookings are taken.")


@shows(TooManyRooms)
class TooManyRoomsError(UserError):
    """More rooms are in use than the wanted plan allows."""

    limit: int = column("How many rooms it allows.")
    used: int = column("How many would be left in use.")
    rooms: list[Room] = column("Those in use, by name; at most 250.")


@strawberry.type
class BillingQueries:
    billing: Billing | None = query(plan_subscriptions.billing, requires=P.BILLING_READ)


@payload
class StartTrialPayload:
    """The subscription, in its trial."""

    subscription: BillingSubscription | None


@payload
class StartCheckoutPayload:
    """Where the person is to be sent."""

    url: str | None


@payload
class OpenBillingPortalPayload:
    """Where the person is to be sent."""

    url: str | None


@payload
class ChangePlanPayload:
    """The subscription, on its new plan or with the one to follow."""

    subscription: BillingSubscription | None


@payload
class CancelSubscriptionPayload:
    """The subscription, which ends with its period."""

    subscription: BillingSubscription | None


@payload
class ResumeSubscriptionPayload:
    """The subscription, which goes on."""

    subscription: BillingSubscription | None


@strawberry.type
class BillingMutations:
    start_trial: StartTrialPayload | None = mutation(
        plan_changes.start_trial,
        requires=P.BILLING_WRITE,
        emits=[EventType.TRIAL_STARTED, EventType.PLAN_CHANGED],
    )
    start_checkout: StartCheckoutPayload | None = mutation(
        plan_changes.start_checkout,
        requires=P.BILLING_WRITE,
        emits=[EventType.SUBSCRIPTION_STARTED, EventType.PLAN_CHANGED],
    )
    change_plan: ChangePlanPayload | None = mutation(
        plan_changes.change_plan,
        requires=P.BILLING_WRITE,
        emits=[EventType.PLAN_CHANGED, EventType.NEXT_PLAN_CHANGED, EventType.ROOM_ARCHIVED],
    )
    cancel_subscription: CancelSubscriptionPayload | None = mutation(
        plan_changes.cancel_subscription,
        requires=P.BILLING_WRITE,
        emits=[EventType.SUBSCRIPTION_CANCELLED],
    )
    resume_subscription: ResumeSubscriptionPayload | None = mutation(
        plan_changes.resume_subscription,
        requires=P.BILLING_WRITE,
        emits=[EventType.SUBSCRIPTION_RESUMED],
    )
    open_billing_portal: OpenBillingPortalPayload | None = mutation(
        plan_changes.open_billing_portal, requires=P.BILLING_WRITE
    )


AREA: Final = Area(
    queries=(BillingQueries,),
    mutations=(BillingMutations,),
    types=(SubscriptionInactiveError, TooManyRoomsError),
)
