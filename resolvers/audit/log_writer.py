"""Writes the events of a change to the log, in the transaction of the change."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import ip_address

from domain.core.log_events import Event
from kit.actor import ActorKind
from kit.scope import Scope
from models.audit.log import INSERT_ENTRIES


async def write_log(scope: Scope, events: Sequence[Event]) -> None:
    """Writes events to the log, and the origin of their request."""
    await scope.fetch_prepared(INSERT_ENTRIES, **log_values(scope, events))


def log_values(scope: Scope, events: Sequence[Event]) -> dict[str, object]:
    """Returns the parameters of ``models.audit.log.log_inserts`` for events of a scope."""
    actor, request = scope.actor, scope.request
    return {
        "tenant_id": scope.tenant_id,
        "at": scope.now(),
        "actor_kind": actor.kind or ActorKind.SYSTEM,
        "actor_id": actor.id,
        "request_id": request.id,
        "types": [event.type.value for event in events],
        "subject_types": [event.subject_type for event in events],
        "subject_ids": [event.subject_id for event in events],
        "reasons": [event.reason for event in events],
        "befores": [event.before for event in events],
        "afters": [event.after for event in events],
        "ip_address": request.ip_address and _packed(request.ip_address),
        "user_agent": request.user_agent,
    }


@lru_cache(maxsize=10_000)
def _packed(address: str) -> bytes:
    # The driver would parse the text each time.
    return ip_address(address).packed
