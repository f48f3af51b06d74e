"""The audit trail: who did what to which object."""

from datetime import datetime
from functools import partial
from typing import Any, Final

import strawberry

from domain.core import log_events
from domain.core.log_events import EventType
from kit.actor import ActorKind
from kit.events.event_cursors import EventCursor
from kit.graphql.cost import Cost
from kit.scope import Scope
from models.audit.log import AuditFilter, LogEntry
from permissions.roles import P
from resolvers.audit import log
from schema.accounts.users import User
from schema.core.areas import Area
from schema.core.connections import Connection, connection
from schema.core.fields import Node, column, computed, value
from schema.core.global_ids import encode_id
from schema.core.inputs import input_type
from schema.core.nodes import nodes_of
from schema.core.scalars import JSON

input_type(
    AuditFilter,
    "Which audit log entries to return. Entries must match all fields that are given.",
    name="AuditFilter",
    at="Match entries from this period.",
    types="Match entries with any of these event types.",
    user_id="Match entries of what this user did. Requires `users:read`.",
    subject_id="Match entries about the object with this id.",
)


@value(log.LoggedActor)
class Actor:
    """The person or program that did something."""

    kind: ActorKind = column("Whether it was a user, a customer, a program or the platform itself.")
    name: str = column(
        "The current name of the person or API key: 'Guest' if the code of a booking was "
        "used, and 'System' for the platform. Without `users:read` it is only 'User', "
        "'Customer' or 'API key'."
    )
    user: User | None = column(
        "The user, or null if it was a program, a guest or the platform.", requires=P.USERS_READ
    )


@value(log_events.FieldChange)
class FieldChange:
    """A field of an object, before and after a change."""

    field: str = column("The name of the field, as in this API.")
    before: JSON | None = column(
        "The value before the change.\n\nNull if there was none, if it is personal data or free "
        "text, which is not stored, or if the caller can't read the field."
    )
    after: JSON | None = column(
        "The value after the change.\n\nNull if there is none, if it is personal data or free "
        "text, which is not stored, or if the caller can't read the field."
    )


async def _cursor(_: Scope, entry: LogEntry) -> EventCursor:
    """The position of this entry in the event log.

    Subscribe with it as `after` to receive what follows.
    """
    return log.cursor_of(entry)


async def _type(_: Scope, entry: LogEntry) -> EventType:
    """The type of the event."""
    return EventType(entry.type)


async def _changes(scope: Scope, entry: LogEntry) -> list[log_events.FieldChange]:
    """The fields that changed, sorted by name."""
    return [log.in_api(each, encode_id) for each in log.changes_of(scope, entry)]


@value()
class BookingChange:
    """An entry in the history of a booking. Entries are never changed or deleted."""

    cursor: EventCursor = computed(_cursor)
    type: EventType = computed(_type)
    at: datetime = column("When it was done.")
    actor: Actor = computed(log.actor_of)
    reason: str | None = column("The reason that the caller gave, or null if none was given.")
    changes: list[FieldChange] = computed(_changes)


async def _subject(scope: Scope, entry: LogEntry) -> Any:
    """The object that it was done to, in its current state.

    Null if it was deleted or the caller can't see it.
    """
    id = encode_id(entry.subject_type, entry.subject_id)
    return await scope.loaders.batch("nodes", partial(nodes_of, scope), id)


async def _subject_id(_: Scope, entry: LogEntry) -> strawberry.ID:
    """The id of the object that it was done to, even if it was deleted."""
    return strawberry.ID(encode_id(entry.subject_type, entry.subject_id))


async def _request_id(_: Scope, entry: LogEntry) -> str:
    """The id of the request, which the response has as `extensions.requestId`."""
    return str(entry.request_id)


@value()
class AuditEntry:
    """An entry in the tenant's audit log. Entries are never changed or deleted."""

    cursor: EventCursor = computed(_cursor)
    type: EventType = computed(_type)
    at: datetime = column("When it was done.")
    actor: Actor = computed(log.actor_of, cost=Cost(2))
    request_id: str = computed(_request_id)
    ip_address: str | None = computed(log.ip_address)
    user_agent: str | None = computed(log.user_agent)
    subject: Node | None = computed(_subject, cost=Cost(2))
    subject_id: strawberry.ID = computed(_subject_id)
    reason: str | None = column(
        "The reason that the caller gave, why a login failed, or why sessions were ended. "
        "Null if there is none."
    )
    changes: list[FieldChange] = computed(_changes)


@strawberry.type
class AuditQueries:
    audit_log: Connection[AuditEntry] | None = connection(log.audit_log, requires=P.AUDIT_READ)


AREA: Final = Area(queries=(AuditQueries,))
