"""Reads the log: the audit log of a tenant, and the history of a booking."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final, assert_never
from uuid import UUID

from sqlmodel import col
from typing_extensions import Doc

from domain.core.log_events import EventType, FieldChange, changes
from kit.actor import ActorKind
from kit.events.event_cursors import EventCursor, LogOffset, LogPosition, encode_cursor
from kit.postgres.keyset_pagination import Listing, Order
from kit.scope import Scope
from models.accounts.api_keys import ApiKey
from models.accounts.users import User
from models.audit.log import AuditFilter, LogEntry, RequestOrigin, entries_matching
from permissions.policy import may
from permissions.reads import may_read_logged
from permissions.roles import P

SYSTEM_NAME = "System"
GUEST_NAME = "Guest"
_UNNAMED: Final = {
    ActorKind.API_KEY: "API key",
    ActorKind.CUSTOMER: "Customer",
    ActorKind.USER: "User",
}
"""The names of actors for callers who may not read users."""


@dataclass(frozen=True, slots=True)
class LoggedActor:
    """The actor of an entry, with the current name; ``user`` if it was one."""

    kind: ActorKind
    name: str
    user: User | None


def history(scope: Scope) -> Listing[LogEntry]:
    """Everything that was done to the booking, oldest first."""
    entries = entries_matching(scope.tenant_id, None)
    return Listing(
        LogEntry,
        entries.where(col(LogEntry.subject_type) == "Booking"),
        (Order(col(LogEntry.position)),),
    )


def audit_log(
    scope: Scope,
    *,
    filter: Annotated[AuditFilter | None, Doc("Which entries to return; all by default.")] = None,
) -> Listing[LogEntry]:
    """Everything that was done in the tenant, newest first."""
    return Listing(
        LogEntry,
        entries_matching(scope.tenant_id, filter),
        (Order(col(LogEntry.position), descending=True),),
    )


def cursor_of(entry: LogEntry) -> EventCursor:
    assert entry.generation is not None and entry.xid is not None and entry.position is not None
    place = LogOffset(entry.xid, entry.position)
    return encode_cursor(LogPosition(entry.tenant_id, entry.generation, place))


def changes_of(scope: Scope, entry: LogEntry) -> list[FieldChange]:
    """Returns the changed fields, sorted by name, because the database keeps no order.

    Fields that the caller may not read have no values.
    """
    shown = [
        change
        if may_read_logged(scope.actor, EventType(entry.type), entry.subject_type, change.field)
        else FieldChange(change.field, before=None, after=None)
        for change in changes(entry.before, entry.after)
    ]
    return sorted(shown, key=lambda change: change.field)


def in_api(change: FieldChange, encode_id: Callable[[str, UUID], str]) -> FieldChange:
    """Returns a change as clients know it: names in camel case, opaque ids, statuses in capitals.

    ``encode_id`` returns the id of an object as in the API, from its type and uuid.
    """
    first, *rest = change.field.split("_")

    def value(stored: object) -> object:
        if isinstance(stored, list) and change.field.endswith(("room_ids", "part_ids")):
            return [encode_id("Room", UUID(each)) for each in stored]
        if not isinstance(stored, str):
            return stored
        if change.field == "status":
            return stored.upper()
        if change.field.endswith("_id"):
            words = change.field.removesuffix("_id").split("_")
            return encode_id("".join(word.title() for word in words), UUID(stored))
        return stored

    name = first + "".join(word.capitalize() for word in rest)
    return FieldChange(name, value(change.before), value(change.after))


async def actor_of(scope: Scope, entry: LogEntry) -> LoggedActor:
    """The person or program that did it."""
    kind = ActorKind(entry.actor_kind)
    if kind in _UNNAMED and not may(scope.actor, P.USERS_READ):
        return LoggedActor(kind, _UNNAMED[kind], None)
    match kind:
        case ActorKind.API_KEY:
            key: ApiKey = await scope.loaders.related(entry, "api_key")
            return LoggedActor(kind, key.name, None)
        case ActorKind.USER | ActorKind.CUSTOMER:
            user: User | None = await scope.loaders.related(entry, "user")
            return LoggedActor(kind, user.name if user else GUEST_NAME, user)
        # An operator changes nothing, so that no entry has one.
        case ActorKind.SYSTEM | ActorKind.PLATFORM_OPERATOR:
            return LoggedActor(kind, SYSTEM_NAME, None)
        case never:
            assert_never(never)


async def ip_address(scope: Scope, entry: LogEntry) -> str | None:
    """The network address of the caller, kept for 90 days.

    Null after that, or if it is unknown.
    """
    origin = await _origin(scope, entry)
    return str(origin.ip_address) if origin and origin.ip_address else None


async def user_agent(scope: Scope, entry: LogEntry) -> str | None:
    """The `User-Agent` header of the caller, kept for 90 days.

    Null after that, or if it is unknown.
    """
    origin = await _origin(scope, entry)
    return origin.user_agent if origin else None


async def _origin(scope: Scope, entry: LogEntry) -> RequestOrigin | None:
    found: RequestOrigin | None = await scope.loaders.related(entry, "origin")
    return found
