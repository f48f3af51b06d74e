"""Reads a venue's subscription, usage and invoices."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select

from domain.billing.plan_subscriptions import (
    InvoiceStatus,
    SubscriptionStatus,
    may_start_trial,
    refuses_bookings_from,
    takes_bookings,
)
from domain.core.money import Money
from domain.tenants.plans import PLANS, Plan, PlanCode
from integrations.billing.protocol import Billing
from kit.postgres.keyset_pagination import Listing, Order
from kit.scope import Scope
from models.billing import BillingInvoice, BillingSubscription, invoices_of, subscriptions_of
from resolvers.billing.subscription_sync import agreed
from resolvers.tenants import usage
from resolvers.tenants.tenants import own_tenant


@dataclass(frozen=True, slots=True)
class UpcomingInvoice:
    """A preview of the next invoice."""

    amount: Money
    due_at: datetime


@dataclass(frozen=True, slots=True)
class BillingStatus:
    """A tenant's plan and its subscription, if it has one."""

    plan: Plan
    subscription: BillingSubscription | None
    is_enforced: bool
    trial_available: bool


def visible_subscriptions(scope: Scope) -> Select[BillingSubscription]:
    return subscriptions_of(scope.tenant_id)


async def billing(scope: Scope) -> BillingStatus:
    """The tenant's plan, usage and payments.

    Payment data is as last reported by the payment service, so it may be slightly behind.
    """
    row = await scope.one(agreed(scope))
    tenant = await own_tenant(scope)
    return BillingStatus(
        plan=PLANS[PlanCode(tenant.plan_code)],
        subscription=row,
        is_enforced=scope.service(Billing).is_enforced,  # type: ignore[type-abstract]
        trial_available=may_try(row),
    )


async def usage_of(scope: Scope, _: BillingStatus) -> usage.Usage:
    """The usage in the current calendar month."""
    return await usage.usage_of(scope, await own_tenant(scope))


async def usage_history(scope: Scope, _: BillingStatus) -> list[usage.UsageMonth]:
    """The usage in the last 24 months in which bookings were made, latest first."""
    return await usage.usage_history(scope)


async def upcoming_invoice(_: Scope, standing: BillingStatus) -> UpcomingInvoice | None:
    """A preview of the next invoice, or null if none is expected."""
    row = standing.subscription
    if row is None or row.upcoming is None or row.upcoming_at is None:
        return None
    return UpcomingInvoice(row.upcoming, row.upcoming_at)


def invoices(scope: Scope) -> Listing[BillingInvoice]:
    """The invoices for the tenant's plan, newest first."""
    order = (Order(BillingInvoice.issued_at, descending=True),)
    return Listing(BillingInvoice, invoices_of(scope.tenant_id), order)


async def status_of(_: Scope, row: BillingSubscription) -> SubscriptionStatus:
    """The status of the subscription, as last reported by the payment service."""
    return row.value.status


async def plan_of(_: Scope, row: BillingSubscription) -> Plan:
    """The plan that the tenant has subscribed to, or is trying."""
    return PLANS[row.value.plan]


async def next_plan_of(_: Scope, row: BillingSubscription) -> Plan | None:
    """The plan that takes effect at the end of the billing period, or null if the plan stays the
    same."""
    following = row.value.next_plan
    return PLANS[following] if following else None


async def refused_from(scope: Scope, row: BillingSubscription) -> datetime | None:
    """When new bookings start to be refused.

    Null if that is not foreseeable, or if this server bills nobody.
    """
    if not scope.service(Billing).is_enforced:  # type: ignore[type-abstract]
        return None
    return refuses_bookings_from(row.value)


async def is_open(scope: Scope, row: BillingSubscription) -> bool:
    """Whether new bookings are accepted now."""
    if not scope.service(Billing).is_enforced:  # type: ignore[type-abstract]
        return True
    return takes_bookings(row.value, now=scope.now())


async def invoice_status_of(_: Scope, row: BillingInvoice) -> InvoiceStatus:
    """The status of the invoice."""
    return InvoiceStatus(row.status)


def may_try(row: BillingSubscription | None) -> bool:
    """Returns whether the tenant can still start its trial."""
    if row is None:
        return True
    return may_start_trial(row.value, was_used=row.trial_used_at is not None)
