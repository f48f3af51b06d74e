"""Events of payment gateways: each is stored and handled once."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from integrations.payments.protocol import GatewayEvent, Subject
from kit.scope import Scope
from models.payments.gateway_events import (
    EVENT_JOB,
    EventState,
    WebhookEvent,
    event_handled,
    event_state,
    event_stored,
)


async def receive_event(scope: Scope, *, event: GatewayEvent) -> bool:
    """Stores an event and enqueues its job; returns False if it is stored already."""
    state = EventState.RECEIVED if event.subject else EventState.IGNORED
    stored = await scope.run(
        event_stored(
            WebhookEvent(
                gateway=event.gateway,
                id=event.id,
                type=event.type,
                created_at=event.created_at,
                received_at=scope.now(),
                state=state.value,
                about=written(event),
            )
        )
    )
    if not stored.rowcount:
        return False
    if event.subject:
        scope.enqueue(EVENT_JOB, written(event))
    return True


async def is_waiting(scope: Scope, *, event: GatewayEvent) -> bool:
    """Returns whether an event is still to be handled."""
    return bool(await scope.value(event_state(event.gateway, event.id)) == EventState.RECEIVED)


async def finish_event(scope: Scope, *, event: GatewayEvent, state: EventState) -> None:
    """Stores the final state of an event."""
    await scope.run(event_handled(event.gateway, event.id, state, at=scope.now()))


def event_of(payload: Mapping[str, Any]) -> GatewayEvent:
    """Returns the event of a job."""
    return GatewayEvent(
        **{
            **payload,
            "subject": Subject(payload["subject"]),
            "created_at": datetime.fromisoformat(payload["created_at"]),
        }
    )


def written(event: GatewayEvent) -> dict[str, Any]:
    """Returns an event in JSON types, as read by ``event_of``."""
    return {
        **asdict(event),
        "created_at": event.created_at.isoformat(),
        "ids": dict(event.ids),
        "metadata": dict(event.metadata),
    }
