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
from resolvers.billing import checkout, plan_changes, plan_subscriptions
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
    "The status of a subscription. New bookings are refused from `refusesBookingsFrom` on.",
    TRIALING="In a free trial.",
    ACTIVE="Active and paid.",
    PAST_DUE="The last payment failed. New bookings are accepted for 7 more days.",
    UNPAID="All attempts to collect the payment failed. New bookings are refused.",
    CANCELED="Ended. New bookings are refused.",
    INCOMPLETE="Not started yet. New bookings are accepted for the first 14 days.",
)
describe(
    InvoiceStatus,
    "The status of an invoice.",
    DRAFT="A draft that can still change.",
    OPEN="Issued and not paid yet.",
    PAID="Paid in full.",
    VOID="Cancelled; nothing is owed.",
    UNCOLLECTIBLE="Not paid, and not expected to be.",
)


@node(
    models.BillingSubscription,
    visible=plan_subscriptions.visible_subscriptions,
    requires=P.BILLING_READ,
)
class BillingSubscription(Node):
    """A tenant's subscription to a plan, as last reported by the payment service."""

    plan: Plan = computed(plan_subscriptions.plan_of)
    status: SubscriptionStatus = computed(plan_subscriptions.status_of)
    takes_bookings: bool = computed(plan_subscriptions.is_open)
    refuses_bookings_from: datetime | None = computed(plan_subscriptions.refused_from)
    period_start: datetime | None = column(
        "When the current billing period began, or null before the first one."
    )
    period_end: datetime | None = column(
        "When the current billing period ends and the next "
        "payment is due, or null before the first one."
    )
    trial_ends_at: datetime | None = column(
        "When the trial ends or ended, or null if there was none."
    )
    cancels_at_period_end: bool = column(
        "Whether the subscription is cancelled and ends with the current billing period."
    )
    next_plan: Plan | None = computed(plan_subscriptions.next_plan_of)
    overdue_since: datetime | None = column("Since when a payment is overdue, or null if none is.")
    ended_at: datetime | None = column("When the subscription ended, or null if it hasn't.")
    version: int = column(
        "The version of the subscription. It increases with every change; pass "
        "it to mutations that change it."
    )


@value(models.BillingInvoice)
class BillingInvoice:
    """An invoice for a tenant's plan."""

    number: str | None = column("The invoice number, or null for a draft.")
    status: InvoiceStatus = computed(plan_subscriptions.invoice_status_of)
    total: Money = column("The total of the invoice.")
    paid: Money = column("The amount that has been paid.")
    issued_at: datetime = column("When the invoice was issued.")
    page_url: str | None = column(
        "The address of a web page to view and pay the invoice, or null for a draft."
    )
    pdf_url: str | None = column(
        "The address to download the invoice as a PDF, or null for a draft."
    )


@value(plan_subscriptions.UpcomingInvoice)
class UpcomingInvoice:
    """A preview of the next invoice."""

    amount: Money = column("The expected total.")
    due_at: datetime = column("When the invoice will be issued.")


@value(usage.UsageMonth)
class UsageMonth:
    """The usage in a calendar month, in the venue's time zone."""

    month: date = column("The first day of the month.")
    bookings: int = column(
        "The number of bookings made in the month, including those cancelled later."
    )


@value(plan_subscriptions.BillingStatus)
class Billing:
    """A tenant's plan, its usage and its payments."""

    plan: Plan = column("The plan whose limits and features apply now.")
    is_enforced: bool = column(
        "Whether new bookings require a paid plan. False on a server that bills nobody."
    )
    trial_available: bool = column("Whether the tenant can start a trial.")
    subscription: BillingSubscription | None = column(
        "The tenant's subscription, or null before a trial or checkout was first started."
    )
    usage: Usage = computed(plan_subscriptions.usage_of)
    usage_history: list[UsageMonth] = computed(plan_subscriptions.usage_history)
    upcoming_invoice: UpcomingInvoice | None = computed(plan_subscriptions.upcoming_invoice)
    invoices: Connection[BillingInvoice] = connection(plan_subscriptions.invoices)


@shows(SubscriptionInactive)
class SubscriptionInactiveError(UserError):
    """New bookings are refused because the venue's plan is not paid."""

    status: SubscriptionStatus = column("The status of the subscription.")
    since: datetime = column("Since when new bookings are refused.")


@shows(TooManyRooms)
class TooManyRoomsError(UserError):
    """More rooms are in use than the new plan allows."""

    limit: int = column("The number of rooms that the new plan allows.")
    used: int = column("The number of rooms that would remain in use.")
    rooms: list[Room] = column("The rooms in use, sorted by name: at most 250.")


@strawberry.type
class BillingQueries:
    billing: Billing | None = query(plan_subscriptions.billing, requires=P.BILLING_READ)


@payload
class StartTrialPayload:
    """The result of `startTrial`."""

    subscription: BillingSubscription | None


@payload
class StartCheckoutPayload:
    """The result of `startCheckout`: send the person to the address."""

    url: str | None


@payload
class OpenBillingPortalPayload:
    """The result of `openBillingPortal`: send the person to the address."""

    url: str | None


@payload
class ChangePlanPayload:
    """The result of `changePlan`: the subscription on its new plan, or with the next plan set."""

    subscription: BillingSubscription | None


@payload
class CancelSubscriptionPayload:
    """The result of `cancelSubscription`."""

    subscription: BillingSubscription | None


@payload
class ResumeSubscriptionPayload:
    """The result of `resumeSubscription`."""

    subscription: BillingSubscription | None


@strawberry.type
class BillingMutations:
    start_trial: StartTrialPayload | None = mutation(
        checkout.start_trial,
        requires=P.BILLING_WRITE,
        emits=[EventType.TRIAL_STARTED, EventType.PLAN_CHANGED],
    )
    start_checkout: StartCheckoutPayload | None = mutation(
        checkout.start_checkout,
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
        checkout.open_billing_portal, requires=P.BILLING_WRITE
    )


AREA: Final = Area(
    queries=(BillingQueries,),
    mutations=(BillingMutations,),
    types=(SubscriptionInactiveError, TooManyRoomsError),
)
