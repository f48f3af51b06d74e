"""Syncs billing accounts with the gateway, after events and every hour."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog

from domain.billing.plan_subscriptions import REMINDED_BEFORE, TIME_TO_CHOOSE
from integrations.payments.protocol import AnotherGateway, GatewayEvent
from kit.actor import Actor, ActorKind, Request
from kit.ids import new_id
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.scope import Scope
from models.billing import not_seen_since, to_be_reminded, without_billing
from resolvers.billing.subscription_sync import begin_billing, billing_in, remind_to_choose, sync
from resolvers.core.transactions import perform

SEEN_EVERY: Final = timedelta(hours=1)
BATCH: Final = 200
MAX_ACCOUNTS: Final = 10_000
"""How many accounts are synced in one run, at most; the others follow in the next."""

log = structlog.get_logger(__name__)


async def sync_billing(
    runtime: Runtime,
    tenant_id: UUID | None,
    payload: Mapping[str, Any],  # noqa: ARG001 - the tenant is enough
) -> None:
    """Syncs a tenant with the gateway; if it raises, the job is retried."""
    assert tenant_id is not None, "a subscription belongs to a tenant"
    await sync(runtime, tenant_id)


async def billing_event(runtime: Runtime, event: GatewayEvent) -> None:
    """Syncs the tenant of an event of a subscription, an invoice or a checkout.

    Ignores events without a tenant of ours. Raises AnotherGateway, GatewayError and Unavailable, to
    be retried.
    """
    billing = billing_in(runtime)
    if event.gateway != billing.name:
        raise AnotherGateway(event.gateway)
    if event.account is not None:
        return
    customer_id = event.ids.get("customer")
    tenant_id = event.tenant_id
    if tenant_id is None and customer_id is not None:
        tenant_id = await billing.owner_of(customer_id)
    if tenant_id is not None:
        await sync(runtime, tenant_id)


async def sync_all_billing(runtime: Runtime, relay: Database) -> None:
    """Syncs every account that wasn't synced for an hour, and reminds owners to choose a plan.

    It repairs what lost webhooks and responses have left behind. Several processes may run it
    concurrently.
    """
    now = runtime.clock()
    await _each(
        relay, "billing.sync", partial(not_seen_since, now - SEEN_EVERY), partial(sync, runtime)
    )
    billing = billing_in(runtime)
    if not billing.is_enforced:
        return
    new = partial(without_billing, billing.name)
    await _each(relay, "billing.begin", new, partial(_change, runtime, begin_billing))
    begun_before = now - (TIME_TO_CHOOSE - REMINDED_BEFORE)
    waiting = partial(to_be_reminded, begun_before)
    await _each(relay, "billing.remind", waiting, partial(_change, runtime, remind_to_choose))


async def _change(
    runtime: Runtime, change: Callable[[Scope], Awaitable[None]], tenant_id: UUID
) -> None:
    await perform(runtime, Actor(ActorKind.SYSTEM, tenant_id), Request(new_id()), change)


async def _each(
    relay: Database,
    what: str,
    found: Callable[..., Any],
    work: Callable[[UUID], Awaitable[None]],
) -> None:
    """Runs work for each tenant that is found, in the order of their ids."""
    after: UUID | None = None
    for _ in range(MAX_ACCOUNTS // BATCH):
        async with relay.session(writes=False) as session:
            tenant_ids = (await session.scalars(found(after=after, limit=BATCH))).all()
        for tenant_id in tenant_ids:
            try:
                await work(tenant_id)
            except Exception:
                # The others are due too, and this one is retried in the next run.
                log.exception(f"{what}.failed", tenant=str(tenant_id))
        if len(tenant_ids) < BATCH:
            return
        after = tenant_ids[-1]
