"""Synchronises a tenant's subscription and invoices from the billing gateway.

The gateway is called outside of every transaction. Reads are numbered before they begin, so that an
older one never overwrites a newer one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, cast
from uuid import UUID

import structlog
from sqlalchemy import Select

from domain.billing.plan_subscriptions import Step, SubscriptionStatus, reminder_due, steps
from domain.core.log_events import Event, EventType
from domain.tenants.plans import PLANS, PlanCode
from integrations.billing.protocol import Account, Billing, Buyer
from kit.actor import Actor, ActorKind, Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.billing import (
    BillingInvoice,
    BillingSubscription,
    another_look,
    begun_unless_there,
    billing_of,
    invoice_stored,
)
from models.core.base import snapshot
from models.tenants import Tenant
from models.venue.rooms import rooms_in_use
from resolvers.billing.billing_emails import billing_emails, email_owners, reminder
from resolvers.core.lookups import CALENDAR
from resolvers.core.transactions import perform
from resolvers.tenants.tenants import own_tenant
from resolvers.venue.rooms import archive

SYNC: Final = "billing.sync"
"""The job that synchronises one tenant; its handler is in ``jobs/sync_billing.py``."""
AFTER_A_CHANGE: Final = timedelta(minutes=2)
"""When the account is synchronised in case the process ends during a change."""

_BILLING: Final = ("billing",)

_EVENTS: Final[Mapping[Step, EventType]] = {
    Step.TRIAL_STARTED: EventType.TRIAL_STARTED,
    Step.STARTED: EventType.SUBSCRIPTION_STARTED,
    Step.PLAN_CHANGED: EventType.PLAN_CHANGED,
    Step.NEXT_PLAN_CHANGED: EventType.NEXT_PLAN_CHANGED,
    Step.CANCELLED: EventType.SUBSCRIPTION_CANCELLED,
    Step.RESUMED: EventType.SUBSCRIPTION_RESUMED,
    Step.PAYMENT_FAILED: EventType.SUBSCRIPTION_OVERDUE,
    Step.RECOVERED: EventType.SUBSCRIPTION_RECOVERED,
    Step.ENDED: EventType.SUBSCRIPTION_ENDED,
}

log = structlog.get_logger(__name__)


def billing_in(runtime: Runtime) -> Billing:
    """Returns the billing gateway of this installation."""
    return cast("Billing", runtime.services[Billing])


def agreed(scope: Scope) -> Select[BillingSubscription]:
    """Selects the tenant's subscription with the billing gateway of this installation."""
    return billing_of(scope.tenant_id, billing_in(scope.runtime).name)


async def lock_billing(scope: Scope) -> None:
    """Locks this tenant's subscription, plan and rooms."""
    await scope.lock(_BILLING, CALENDAR)


async def begun(scope: Scope) -> BillingSubscription:
    """Returns the tenant's subscription under its lock, and begins one if there is none."""
    gateway = billing_in(scope.runtime).name
    new = BillingSubscription(tenant_id=scope.tenant_id, gateway=gateway, begun_at=scope.now())
    await scope.run(begun_unless_there(new))
    row = await scope.one(agreed(scope))
    assert row is not None, "it was stored a moment ago"
    return row


async def begin_billing(scope: Scope) -> None:
    """Starts a tenant's time to choose a plan, unless it has started."""
    await lock_billing(scope)
    await begun(scope)


async def remind_to_choose(scope: Scope) -> None:
    """Reminds the owners of a tenant without a subscription that its time to choose ends."""
    await lock_billing(scope)
    await _remind(scope, await begun(scope), await own_tenant(scope))


async def customer_of(runtime: Runtime, actor: Actor, request: Request, buyer: Buyer) -> str:
    """Returns the tenant's customer at the gateway, or creates it. Raises GatewayError."""
    scope = Scope(runtime, actor, request)
    try:
        row = await scope.one(agreed(scope))
    finally:
        await scope.close()
    if row is not None and row.customer_ref is not None:
        return row.customer_ref
    # The key changes every hour, because the gateway stores failures under it. An unused second
    # customer does no harm.
    key = f"{buyer.tenant_id}:customer:{runtime.clock():%Y-%m-%dT%H}"
    made = await billing_in(runtime).create_customer(buyer, key=key)

    async def keep(scope: Scope) -> str:
        await lock_billing(scope)
        kept = await begun(scope)
        kept.customer_ref = kept.customer_ref or made
        return kept.customer_ref

    return (await perform(runtime, actor, request, keep)).result


# ------------------------------------------------------------------------------ synchronisation


async def sync(runtime: Runtime, tenant_id: UUID) -> None:
    """Reads a tenant's account from the gateway, and stores it. Raises GatewayError.

    It is idempotent, and safe to run concurrently.
    """
    actor, request = Actor(ActorKind.SYSTEM, tenant_id), Request(new_id())
    seen = await look(runtime, actor, request)
    if seen is not None:
        await perform(runtime, actor, request, partial(written_down, seen=seen))


@dataclass(frozen=True, slots=True)
class Look:
    """The account as read from the gateway, with the number of the read."""

    number: int
    account: Account


async def look(runtime: Runtime, actor: Actor, request: Request) -> Look | None:
    """Reads the account of the actor's tenant; None if the gateway doesn't know it yet.

    Ends subscriptions that were replaced by a newer one. Raises GatewayError.
    """
    billing = billing_in(runtime)

    async def begin(scope: Scope) -> tuple[int, str] | None:
        await scope.lock(_BILLING)
        row = await scope.one(agreed(scope))
        if row is None or row.customer_ref is None:
            return None
        return await scope.value(another_look(scope.tenant_id)), row.customer_ref

    started = (await perform(runtime, actor, request, begin)).result
    if started is None:
        return None
    number, customer_id = started
    account = await billing.fetch(customer_id)
    for id in account.superseded:
        log.warning("billing.superseded", tenant=str(actor.tenant_id), subscription=id)
        await billing.end(id, key=f"end:{id}")
    return Look(number, account)


async def written_down(scope: Scope, *, seen: Look) -> BillingSubscription:
    """Stores the account with its events and mails; an older read changes nothing."""
    await lock_billing(scope)
    row = await begun(scope)
    if seen.number <= row.seen:
        return row
    row.seen, row.seen_at = seen.number, scope.now()
    tenant = await own_tenant(scope)
    await _write_invoices(scope, seen.account)
    _write_upcoming(row, seen.account)
    if seen.account.subscription is not None:
        await _write_subscription(scope, row, tenant, seen.account)
    await _remind(scope, row, tenant)
    return row


async def _write_subscription(
    scope: Scope, row: BillingSubscription, tenant: Tenant, account: Account
) -> None:
    found = account.subscription
    assert found is not None
    before, logged = row.value, snapshot(row)
    row.subscription_ref = account.subscription_id
    row.plan_code, row.status = found.plan.value, found.status.value
    row.period_start, row.period_end = found.period_start, found.period_end
    row.trial_ends_at = found.trial_ends_at
    row.cancels_at_period_end = found.cancels_at_period_end
    row.next_plan_code = found.next_plan.value if found.next_plan else None
    row.ended_at = found.ended_at
    row.overdue_since = _overdue_since(scope, row, found.overdue_since)
    if found.trial_ends_at is not None:
        row.trial_used_at = row.trial_used_at or found.begun_at
    happened = steps(before, row.value)
    if Step.TRIAL_STARTED in happened:
        row.reminded_at = None
    await _put_in_force(scope, row, tenant)
    if snapshot(row) != logged or happened:
        row.version += 1
    for step in happened:
        scope.emit(
            Event(
                _EVENTS[step],
                "BillingSubscription",
                row.id,
                before=logged,
                after=snapshot(row),
            )
        )
    if billing_in(scope.runtime).is_enforced:
        await email_owners(scope, [*billing_emails(tenant, row.value, happened)])


def _overdue_since(
    scope: Scope, row: BillingSubscription, reported: datetime | None
) -> datetime | None:
    if row.status not in (SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID):
        return None
    return reported or row.overdue_since or scope.now()


async def _put_in_force(scope: Scope, row: BillingSubscription, tenant: Tenant) -> None:
    """Applies the plan's limits, and archives the rooms that were chosen for a downgrade."""
    plan = row.value.plan_in_force
    if tenant.plan_code != plan.value:
        tenant.plan_code = plan.value
        tenant.version += 1
        await _archive_chosen(scope, row, plan)
    if row.next_plan_code is None and not row.is_changing(at=scope.now()):
        row.archive_room_ids = []


async def _archive_chosen(scope: Scope, row: BillingSubscription, plan: PlanCode) -> None:
    limit = PLANS[plan].room_limit
    chosen = {UUID(id) for id in row.archive_room_ids}
    in_use = await scope.all(rooms_in_use(scope.tenant_id)) if chosen else []
    if limit is None or len(in_use) <= limit:
        return
    for room in in_use:
        if room.id in chosen:
            await archive(scope, room)


async def _write_invoices(scope: Scope, account: Account) -> None:
    for each in account.invoices:
        row = BillingInvoice(
            tenant_id=scope.tenant_id,
            ref=each.id,
            number=each.number,
            status=each.status.value,
            currency_code=each.total.currency_code,
            total_minor=each.total.amount_minor,
            paid_minor=each.paid.amount_minor,
            issued_at=each.issued_at,
            page_url=each.page_url,
            pdf_url=each.pdf_url,
        )
        await scope.run(invoice_stored(row))


def _write_upcoming(row: BillingSubscription, account: Account) -> None:
    upcoming = account.upcoming
    row.upcoming_minor = upcoming.amount.amount_minor if upcoming else None
    row.upcoming_currency = upcoming.amount.currency_code if upcoming else None
    row.upcoming_at = upcoming.due_at if upcoming else None


async def _remind(scope: Scope, row: BillingSubscription, tenant: Tenant) -> None:
    if not billing_in(scope.runtime).is_enforced:
        return
    if row.reminded_at is None and reminder_due(row.value, now=scope.now()):
        row.reminded_at = scope.now()
        await email_owners(scope, [reminder(tenant, row.value)])
