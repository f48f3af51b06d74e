"""Dispatches stored gateway events to the handlers of their subjects."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog

from integrations.payments.protocol import GatewayEvent, Subject
from jobs.sync_billing import billing_event
from kit.actor import Actor, ActorKind, Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.payments.gateway_events import EventState
from resolvers.core.transactions import perform
from resolvers.payments.gateway_events import event_of, finish_event, is_waiting
from resolvers.payments.settlement import payment_event

GatewayEventHandler = Callable[[Runtime, GatewayEvent], Awaitable[None]]
"""Handles an event of any tenant, and ignores objects that aren't ours.

Events come late, twice, in any order and concurrently: a handler fetches the current state from the
gateway, and is idempotent. If it raises, the event is retried.
"""

HANDLERS: Final[Mapping[Subject, Sequence[GatewayEventHandler]]] = {
    Subject.PAYMENT: (payment_event,),
    Subject.REFUND: (payment_event,),
    Subject.CHECKOUT: (billing_event,),
    Subject.SUBSCRIPTION: (billing_event,),
    Subject.INVOICE: (billing_event,),
}

_SYSTEM: Final = Actor(ActorKind.SYSTEM)

log = structlog.get_logger(__name__)


async def handle_event(
    runtime: Runtime,
    tenant_id: UUID | None,  # noqa: ARG001 - the handlers find the tenant
    payload: Mapping[str, Any],
    *,
    handlers: Mapping[Subject, Sequence[GatewayEventHandler]] = HANDLERS,
) -> None:
    """Handles a stored event, unless it has been handled already."""
    event = event_of(payload)
    if not await _is_waiting(runtime, event):
        return
    concerned = handlers.get(event.subject, ()) if event.subject else ()
    for handle in concerned:
        await handle(runtime, event)
    state = EventState.DONE if concerned else EventState.IGNORED
    finish = partial(finish_event, event=event, state=state)
    await perform(runtime, _SYSTEM, Request(new_id()), finish)
    log.info("webhook.handled", gateway=event.gateway, type=event.type, state=state)


async def _is_waiting(runtime: Runtime, event: GatewayEvent) -> bool:
    scope = Scope(runtime, _SYSTEM, Request(new_id()))
    try:
        return await is_waiting(scope, event=event)
    finally:
        await scope.close()
