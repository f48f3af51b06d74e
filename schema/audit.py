"""The audit trail: who did what to which object."""

from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

import strawberry
from strawberry.utils.str_converters import to_camel_case

from domain.bookings.lifecycle import Status
from domain.core import log_events
from domain.core.log_events import EventType
from kit.actor import ActorKind
from kit.events.event_cursors import EventCursor
from kit.graphql.cost import Cost
from kit.scope import Scope
from models.audit.log import AuditFilter, LogEntry
from permissions.roles import P
from resolvers import audit
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
    "All given fields are ANDed.",
    name="AuditFilter",
    at="When it was done.",
    types="One of these events.",
    user_id="Done by this user. Needs `users:read`.",
    subject_id="Done to this object.",
)


@value(audit.LoggedActor)
class Actor:
    """Who did something."""

    kind: ActorKind = column("What kind of caller.")
    name: str = column(
        "What the person or key is called now; 'Guest' for who came by a booking's code, 'System' "
        "for the platform itself. Without `users:read` no names: 'User', 'Customer' or 'API key'."
    )
    user: User | None = column("The user, where it was one.", requires=P.USERS_READ)


async def _field(_: Scope, change: log_events.FieldChange) -> str:
    """Which field, named as in the API."""
    return to_camel_case(change.field)


async def _before(_: Scope, change: log_events.FieldChange) -> Any:
    """What it was; null as well for personal data and free text, which are not kept, and for what
    the caller may not read."""
    return _in_api(change.field, change.before)


async def _after(_: Scope, change: log_events.FieldChange) -> Any:
    """What it became; null as well for personal data and free text, which are not kept, and for
    what the caller may not read."""
    return _in_api(change.field, change.after)


def _in_api(field: str, value: object) -> object:
    """A value of the log as clients know it: ids are opaque here, statuses names."""
    if not isinstance(value, str):
        return value
    if field == "status":
        return Status(value).name
    kind = field.removesuffix("_id")
    if kind == field:
        return value
    return encode_id("".join(part.title() for part in kind.split("_")), UUID(value))


@value(log_events.FieldChange)
class FieldChange:
    """One field of an object before and after a change."""

    field: str = computed(_field)
    before: JSON | None = computed(_before)
    after: JSON | None = computed(_after)


async def _cursor(_: Scope, entry: LogEntry) -> EventCursor:
    """Its place in the log: subscribe after it to hear what followed."""
    return audit.cursor_of(entry)


async def _type(_: Scope, entry: LogEntry) -> EventType:
    """What happened."""
    return EventType(entry.type)


async def _changes(scope: Scope, entry: LogEntry) -> list[log_events.FieldChange]:
    """The fields that changed, by name."""
    return audit.changes_of(scope, entry)


@value()
class BookingChange:
    """One line of a booking's audit trail; append-only."""

    cursor: EventCursor = computed(_cursor)
    type: EventType = computed(_type)
    at: datetime = column("When it was done.")
    actor: Actor = computed(audit.actor_of)
    reason: str | None = column("What the caller gave as the reason.")
    changes: list[FieldChange] = computed(_changes)


async def _subject(scope: Scope, entry: LogEntry) -> Any:
    """The object as it is now; null when it is gone, or not the caller's to see."""
    id = encode_id(entry.subject_type, entry.subject_id)
    return await scope.loaders.batch("nodes", partial(nodes_of, scope), id)


async def _subject_id(_: Scope, entry: LogEntry) -> strawberry.ID:
    """The object's id, also when the object is gone."""
    return strawberry.ID(encode_id(entry.subject_type, entry.subject_id))


async def _request_id(_: Scope, entry: LogEntry) -> str:
    """The `extensions.requestId` that the caller was answered with."""
    return str(entry.request_id)


@value()
class AuditEntry:
    """A line of the tenant's log: who did what to which object."""

    cursor: EventCursor = computed(_cursor)
    type: EventType = computed(_type)
    at: datetime = column("When it was done.")
    actor: Actor = computed(audit.actor_of, cost=Cost(2))
    request_id: str = computed(_request_id)
    ip_address: str | None = computed(audit.ip_address)
    user_agent: str | None = computed(audit.user_agent)
    subject: Node | None = computed(_subject, cost=Cost(2))
    subject_id: strawberry.ID = computed(_subject_id)
    reason: str | None = column(
        "What the caller gave as the reason; why a login failed or sessions ended."
    )
    changes: list[FieldChange] = computed(_changes)


@strawberry.type
class AuditQueries:
    audit_log: Connection[AuditEntry] | None = connection(audit.audit_log, requires=P.AUDIT_READ)


AREA: Final = Area(queries=(AuditQueries,))
