"""The log: one append-only table for audit trail, outbox and replay."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Delete,
    Identity,
    Index,
    Integer,
    Select,
    Text,
    Uuid,
    bindparam,
    cast,
    column,
    delete,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    true,
    tuple_,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY, INET, JSONB, insert
from sqlalchemy.orm import aliased
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field, Relationship, SQLModel, col

from domain.core.ids import NodeId, UserId
from domain.core.log_events import EventType
from kit.postgres.statements import PreparedStatement
from models.accounts.api_keys import ApiKey
from models.accounts.users import User
from models.core.base import INSTANT
from models.core.filters import DateTimeRange, within

_A_DAY: Final[Any] = literal_column("interval '1 day'")
_NO_POSITION: Final[Any] = literal_column("9223372036854775807")


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True
    render_bind_cast = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


GENERATION: Final[ColumnElement[int]] = func.log_generation(type_=BigInteger)


class LogEntry(SQLModel, table=True):
    """An event: who did what to which object. Rows are never changed and never deleted."""

    __tablename__ = "log"
    __table_args__ = (
        Index(None, "tenant_id", "generation", "xid", "position"),
        Index(None, "tenant_id", "subject_id", "position"),
        Index(None, "tenant_id", "type", "position"),
        Index(None, "tenant_id", "at", "position"),
        # A long list in it would be read anew for each statement.
        CheckConstraint("is_event_type(type)", name="type"),
    )

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    position: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    xid: int | None = Field(
        default=None,
        sa_column=Column(Xid8, server_default=text("pg_current_xact_id()"), nullable=False),
    )
    generation: int | None = Field(
        default=None,
        sa_column=Column(BigInteger, server_default=text("log_generation()"), nullable=False),
    )
    type: str
    at: datetime = Field(sa_type=INSTANT)
    actor_kind: str
    actor_id: UUID | None = None
    request_id: UUID
    subject_type: str
    subject_id: UUID
    reason: str | None = None
    before: dict[str, Any] | None = Field(sa_column=Column(JSONB(none_as_null=True)))
    after: dict[str, Any] | None = Field(sa_column=Column(JSONB(none_as_null=True)))

    user: User | None = Relationship(
        sa_relationship_kwargs={
            "primaryjoin": "and_(foreign(LogEntry.tenant_id) == User.tenant_id, "
            "foreign(LogEntry.actor_id) == User.id)",
            "lazy": "raise",
            "viewonly": True,
        }
    )
    api_key: ApiKey | None = Relationship(
        sa_relationship_kwargs={
            "primaryjoin": "and_(foreign(LogEntry.tenant_id) == ApiKey.tenant_id, "
            "foreign(LogEntry.actor_id) == ApiKey.id)",
            "lazy": "raise",
            "viewonly": True,
        }
    )
    origin: "RequestOrigin" = Relationship(
        sa_relationship_kwargs={
            "primaryjoin": "and_(foreign(LogEntry.tenant_id) == RequestOrigin.tenant_id, "
            "foreign(LogEntry.request_id) == RequestOrigin.request_id)",
            "lazy": "raise",
            "viewonly": True,
        }
    )


class RequestOrigin(SQLModel, table=True):
    """The origin of a change; stored separately, because it is deleted after 90 days."""

    __tablename__ = "request_origins"
    __table_args__ = (Index(None, "tenant_id", "at"),)

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    request_id: UUID = Field(primary_key=True)
    at: datetime = Field(sa_type=INSTANT)
    ip_address: IPv4Address | IPv6Address | None = Field(sa_column=Column(INET))
    user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    at: DateTimeRange | None = None
    types: tuple[EventType, ...] | None = None
    user_id: UserId | None = None
    subject_id: NodeId | None = None


def _about(tenant_id: UUID, span: DateTimeRange | None) -> list[ColumnElement[bool]]:
    """Returns the conditions that an entry stands where those of a time do, give or take a day.

    Entries are listed by position, which follows time but for clocks that differ and transactions
    that wait. So a page is found by the place in the log where its time begins.
    """
    known = aliased(LogEntry)
    position = select(col(known.position)).where(col(known.tenant_id) == tenant_id).limit(1)
    conditions = []
    if span is not None and span.gte is not None:
        before = col(known.at) < type_coerce(span.gte, INSTANT) - _A_DAY
        last = position.where(before).order_by(col(known.at).desc(), col(known.position).desc())
        conditions.append(col(LogEntry.position) > _or_else(last, literal_column("0")))
    if span is not None and span.lt is not None:
        after = col(known.at) >= type_coerce(span.lt, INSTANT) + _A_DAY
        first = position.where(after).order_by(col(known.at), col(known.position))
        conditions.append(col(LogEntry.position) < _or_else(first, _NO_POSITION))
    return conditions


def _or_else(found: Select[Any], nothing: Any) -> Any:
    # Wrapped: outside of a subquery, row-level security lets COALESCE use no index.
    return select(func.coalesce(found.scalar_subquery(), nothing)).scalar_subquery()


def entries_matching(tenant_id: UUID, filter: AuditFilter | None) -> Select[LogEntry]:
    """Selects the entries of the tenant's log that meet all conditions of a filter."""
    wanted = filter or AuditFilter()
    statement = select(LogEntry).where(
        col(LogEntry.tenant_id) == tenant_id,
        within(LogEntry.at, wanted.at),
        *_about(tenant_id, wanted.at),
    )
    if wanted.types is not None:
        statement = statement.where(col(LogEntry.type).in_(wanted.types))
    if wanted.user_id is not None:
        statement = statement.where(col(LogEntry.actor_id) == wanted.user_id)
    if wanted.subject_id is not None:
        statement = statement.where(col(LogEntry.subject_id) == wanted.subject_id)
    return statement


def last_entry(
    tenant_id: UUID, subject_id: UUID, *, besides: Collection[EventType]
) -> Select[LogEntry]:
    """Selects the last entry of an object, of other types than ``besides``."""
    return (
        select(LogEntry)
        .where(
            col(LogEntry.tenant_id) == tenant_id,
            col(LogEntry.subject_id) == subject_id,
            col(LogEntry.type).not_in(besides),
        )
        .order_by(col(LogEntry.position).desc())
    )


# ------------------------------------------------------------------------------ written


def log_inserts(after: Any = None) -> tuple[Any, Any]:
    """Returns the inserts of log entries, and of the origin of their request once.

    ``types``, ``subject_types``, ``subject_ids``, ``reasons``, ``befores`` and ``afters`` have one
    value per event, in order; the other parameters apply to all. With ``after``, a part of the
    statement that returns a row if the change was made, they insert nothing unless it does.
    """
    events = (
        func.unnest(
            bindparam("types", type_=ARRAY(Text())),
            bindparam("subject_types", type_=ARRAY(Text())),
            bindparam("subject_ids", type_=ARRAY(Uuid())),
            bindparam("reasons", type_=ARRAY(Text())),
            bindparam("befores", type_=ARRAY(JSONB(none_as_null=True))),
            bindparam("afters", type_=ARRAY(JSONB(none_as_null=True))),
        )
        .table_valued(
            column("type", Text()),
            column("subject_type", Text()),
            column("subject_id", Uuid()),
            column("reason", Text()),
            column("before", JSONB()),
            column("after", JSONB()),
            with_ordinality="number",
        )
        .render_derived(name="event")
    )
    tenant, request = bindparam("tenant_id", type_=Uuid()), bindparam("request_id", type_=Uuid())
    at = bindparam("at", type_=INSTANT)
    address = cast(bindparam("ip_address", type_=INET()), INET())
    agent = bindparam("user_agent", type_=Text())
    origin = select(tenant, request, at, address, agent).where(
        or_(address.is_not(None), agent.is_not(None))
    )
    entries: dict[str, Any] = {
        "tenant_id": tenant,
        # As a subquery it is found once, where the column's default runs for each entry.
        "generation": select(GENERATION).scalar_subquery(),
        "at": at,
        "actor_kind": bindparam("actor_kind", type_=Text()),
        "actor_id": bindparam("actor_id", type_=Uuid()),
        "request_id": request,
        **{each.name: each for each in events.c if each.name != "number"},
    }
    listed = select(*entries.values()).select_from(events).order_by(events.c.number)
    if after is not None:
        origin, listed = origin.select_from(after), listed.join_from(events, after, true())
    return (
        insert(LogEntry).from_select(list(entries), listed),
        insert(RequestOrigin)
        .from_select(["tenant_id", "request_id", "at", "ip_address", "user_agent"], origin)
        .on_conflict_do_nothing(),
    )


def _written() -> Any:
    entries, origin = log_inserts()
    return entries.add_cte(origin.cte("origin"))


INSERT_ENTRIES: Final = PreparedStatement(_written())


# ------------------------------------------------------------------------------ read to its end

# Every transaction below it has ended, so nothing can be added there any more.
HORIZON: Final[ColumnElement[int]] = func.pg_snapshot_xmin(func.pg_current_snapshot(), type_=Xid8)


def end(
    tenant_id: UUID | ColumnElement[UUID], *, types: Collection[EventType] | None = None
) -> Select[int, int, int]:
    """Selects the log's generation, and the position of a tenant's last entry below the horizon.

    With ``types``, the position of the last entry of these types.

    Not the horizon itself: after a crash PostgreSQL reuses transaction ids that it hadn't written,
    and entries under them would be below an earlier horizon.
    """
    last = (
        select(_as_int(col(LogEntry.xid)).label("xid"), col(LogEntry.position))
        .where(
            col(LogEntry.tenant_id) == tenant_id,
            col(LogEntry.generation) == GENERATION,
            col(LogEntry.xid) < HORIZON,
            *(() if types is None else [col(LogEntry.type).in_(types)]),
        )
        .order_by(col(LogEntry.xid).desc(), col(LogEntry.position).desc())
        .limit(1)
        .subquery("last")
    )
    always = select(literal(1).label("one")).subquery("always")
    return select(
        GENERATION.label("generation"),
        func.coalesce(last.c.xid, 0).label("xid"),
        func.coalesce(last.c.position, 0).label("position"),
    ).select_from(always.outerjoin(last, true()))


def _grown() -> Any:
    """Selects the entries of several tenants after a position each, up to the horizon, in order.

    At most ``batch`` entries a tenant. A tenant without any has one row without an entry:
    ``is_held_back`` tells whether committed entries wait above the horizon, and ``present`` is the
    log's current generation.
    """
    wanted = (
        func.unnest(
            bindparam("tenant_ids", type_=ARRAY(Uuid())),
            bindparam("xids", type_=ARRAY(Xid8())),
            bindparam("positions", type_=ARRAY(BigInteger())),
        )
        .table_valued(
            column("tenant_id", Uuid()),
            column("xid", Xid8()),
            column("position", BigInteger()),
        )
        .render_derived(name="wanted")
    )
    of_tenant = (
        col(LogEntry.tenant_id) == wanted.c.tenant_id,
        col(LogEntry.generation) == GENERATION,
    )
    place = tuple_(col(LogEntry.xid), col(LogEntry.position))
    entry = (
        select(
            col(LogEntry.tenant_id),
            col(LogEntry.generation),
            col(LogEntry.xid),
            col(LogEntry.position),
            col(LogEntry.type),
            col(LogEntry.at),
            col(LogEntry.subject_type),
            col(LogEntry.subject_id),
            # As text: connections decode JSON differently.
            cast(col(LogEntry.before), Text).label("before"),
        )
        .where(
            *of_tenant,
            place > tuple_(wanted.c.xid, wanted.c.position),
            col(LogEntry.xid) < HORIZON,
        )
        .order_by(col(LogEntry.xid), col(LogEntry.position))
        .limit(bindparam("batch", type_=Integer()))
        .lateral("entry")
    )
    waiting = (
        select(literal(1).label("one"))
        .where(*of_tenant, col(LogEntry.xid) >= HORIZON)
        .limit(1)
        .lateral("waiting")
    )
    return (
        select(
            wanted.c.tenant_id.label("wanted_id"),
            waiting.c.one.is_not(None).label("is_held_back"),
            GENERATION.label("present"),
            entry,
        )
        .select_from(wanted)
        .outerjoin(waiting, true())
        .outerjoin(entry, true())
        .order_by(wanted.c.tenant_id, entry.c.xid, entry.c.position)
    )


_RIGHTS: Final = (
    EventType.EMAIL_VERIFIED,
    EventType.USER_INVITED,
    EventType.USER_JOINED,
    EventType.USER_ROLE_CHANGED,
)


def rights_changes(
    tenant_id: UUID, user_id: UUID, *, xid: int, position: int, since: datetime
) -> Select[str]:
    """Selects changes of a user's rights, after a position of the log or after ``since``."""
    place = tuple_(col(LogEntry.xid), col(LogEntry.position))
    known = tuple_(literal(xid, Xid8()), literal(position, BigInteger()))
    return (
        select(col(LogEntry.type))
        .where(
            col(LogEntry.tenant_id) == tenant_id,
            col(LogEntry.subject_id) == user_id,
            col(LogEntry.type).in_(_RIGHTS),
            or_(place > known, col(LogEntry.at) > since),
        )
        .limit(1)
    )


def _as_int(xid: Any) -> ColumnElement[int]:
    return cast(cast(xid, Text), BigInteger)


READ_END: Final = PreparedStatement(end(bindparam("tenant_id", type_=Uuid())))
READ_AFTER: Final = PreparedStatement(_grown())


def origins_before(cutoff: datetime, *, limit: int) -> Delete:
    """Deletes a batch of origins of changes, the oldest first."""
    old = (
        select(col(RequestOrigin.tenant_id), col(RequestOrigin.request_id))
        .where(col(RequestOrigin.at) < cutoff)
        .limit(limit)
    )
    key = tuple_(col(RequestOrigin.tenant_id), col(RequestOrigin.request_id))
    return delete(RequestOrigin).where(key.in_(old))
