"""The steps of a change of a subscription: reserve, request, then settle or abandon.

It is reserved under the tenant's lock, requested from the gateway outside of any transaction, and
settled as the gateway then reports it. If the process ends in between, a job that was stored with
the reservation settles it.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from uuid import UUID

import structlog

from domain.billing.refusals import SubscriptionChangeNotAllowed, SubscriptionUnpaid
from domain.core.refusals import Refusal, StaleVersion
from integrations.billing.protocol import Billing
from integrations.payments.protocol import Declined, GatewayAway, GatewayError, GatewayRefused
from kit.errors import Unavailable
from kit.scope import Scope
from models.billing import BillingSubscription, change_given_up
from resolvers.billing.subscription_sync import (
    AFTER_A_CHANGE,
    SYNC,
    Look,
    agreed,
    billing_in,
    lock_billing,
    look,
    written_down,
)
from resolvers.core.sagas import Saga

Decision = Callable[[Scope, BillingSubscription | None], Awaitable[BillingSubscription]]
"""Returns the subscription to change, or raises why it can't be changed."""

log = structlog.get_logger(__name__)


async def apply_change(
    saga: Saga,
    decide: Decision,
    request: Callable[[Billing, BillingSubscription], Awaitable[None]],
    *,
    version: int | None = None,
) -> BillingSubscription:
    """Reserves a change, requests it from the gateway, and settles it as the gateway reports."""
    row = await saga.step(partial(_reserve, decide=decide, version=version))
    try:
        with map_gateway_errors():
            await request(billing_in(saga.runtime), row)
            seen = await look(saga.runtime, saga.actor, saga.request)
            if seen is None:
                raise GatewayRefused("the account has no customer at the gateway any more")
    except BaseException as error:
        # After a clear refusal the account is synchronised, so the next attempt has a new key.
        seen = await _looked_again(saga) if isinstance(error, Refusal) else None
        await saga.step(partial(_abandon, by=saga.request.id, seen=seen))
        raise
    return await saga.step(partial(_settle, by=saga.request.id, seen=seen))


async def _reserve(scope: Scope, *, decide: Decision, version: int | None) -> BillingSubscription:
    """Blocks other changes until this one is settled, or for two minutes."""
    await lock_billing(scope)
    found = await scope.one(agreed(scope))
    if found is not None and version not in (None, found.version):
        raise StaleVersion(found, path=("version",))
    if found is not None and found.is_changing(at=scope.now()):
        raise SubscriptionChangeNotAllowed("Another change is in progress; try again in a moment.")
    row = await decide(scope, found)
    row.changing_by, row.changing_until = scope.request.id, scope.now() + AFTER_A_CHANGE
    scope.enqueue(SYNC, {}, at=row.changing_until, dedupe="after a change")
    return row


async def _settle(scope: Scope, *, by: UUID, seen: Look) -> BillingSubscription:
    """Stores the gateway's result of a change, and allows other changes again."""
    changed = await written_down(scope, seen=seen)
    # One that took too long leaves the reservation of the next, with its rooms, alone.
    if changed.changing_by == by:
        changed.changing_by = changed.changing_until = None
        if changed.next_plan_code is None:
            changed.archive_room_ids = []
    return changed


async def _abandon(scope: Scope, *, by: UUID, seen: Look | None) -> None:
    """Gives up a change, and allows other changes again."""
    if seen is not None:
        await written_down(scope, seen=seen)
    else:
        await lock_billing(scope)
    await scope.run(change_given_up(scope.tenant_id, by))


async def _looked_again(saga: Saga) -> Look | None:
    try:
        return await look(saga.runtime, saga.actor, saga.request)
    except GatewayError as error:
        log.warning("billing.not_looked_at", reason=str(error))
        return None


@contextmanager
def map_gateway_errors() -> Iterator[None]:
    """Maps errors of the gateway to refusals. Raises SubscriptionUnpaid and Unavailable."""
    try:
        yield
    except Declined as error:
        raise SubscriptionUnpaid from error
    except GatewayAway as error:
        raise Unavailable("The payment service doesn't answer; try again in a moment.") from error
    except GatewayRefused as error:
        log.error("billing.refused", reason=str(error))
        raise Unavailable("The payment service can't do that now; try again later.") from error


def request_key(row: BillingSubscription, *words: str) -> str:
    """Returns an idempotency key, the same until a synchronisation has found the outcome."""
    return ":".join([str(row.tenant_id), str(row.seen), *words])
