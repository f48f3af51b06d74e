"""Event handlers: their positions in the log, and the entries that wait for them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Delete,
    Index,
    Integer,
    Select,
    Text,
    Uuid,
    bindparam,
    column,
    delete,
    false,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, Insert, insert
from sqlmodel import Field, SQLModel, col

from domain.core.log_events import EventType, LoggedEvent
from kit.postgres.statements import PreparedStatement
from models.audit.log import GENERATION, HORIZON, LogEntry, Xid8
from models.core.base import INSTANT
from models.tenants import Tenant


class EventHandlerStart(SQLModel, table=True):
    """The position in the log at which a handler started, for all tenants."""

    __tablename__ = "event_handler_starts"

    handler: str = Field(primary_key=True)
    generation: int = Field(sa_type=BigInteger)
    xid: int = Field(sa_column=Column(Xid8, nullable=False))
    position: int = Field(sa_type=BigInteger)


class EventHandlerPosition(SQLModel, table=True):
    """A handler's position in a tenant's log, once it has moved on from its start."""

    __tablename__ = "event_handler_positions"

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    handler: str = Field(primary_key=True)
    generation: int = Field(sa_type=BigInteger)
    xid: int = Field(sa_column=Column(Xid8, nullable=False))
    position: int = Field(sa_type=BigInteger)


class PendingEvent(SQLModel, table=True):
    """An entry of the log that waits for a handler."""

    __tablename__ = "pending_events"
    __table_args__ = (
        Index(
            "ix_pending_events_in_order",
            *("tenant_id", "handler", "subject_id", "generation", "xid", "position"),
        ),
    )

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    handler: str = Field(primary_key=True)
    position: int = Field(sa_type=BigInteger, primary_key=True)
    generation: int = Field(sa_type=BigInteger)
    xid: int = Field(sa_column=Column(Xid8, nullable=False))
    subject_id: UUID
    at: datetime = Field(sa_type=INSTANT)


# ------------------------------------------------------------------------------ read


_BEGINNING: Final = literal(0, BigInteger()), literal(0, Xid8()), literal(0, BigInteger())
_REACHED: Final = (
    func.coalesce(col(EventHandlerPosition.generation), col(EventHandlerStart.generation)),
    func.coalesce(col(EventHandlerPosition.xid), col(EventHandlerStart.xid)),
    func.coalesce(col(EventHandlerPosition.position), col(EventHandlerStart.position)),
)
# Earlier generations of the log have no horizon: their transactions have ended.
_IS_SETTLED: Final = or_(
    col(LogEntry.generation) < select(GENERATION).scalar_subquery(),
    col(LogEntry.xid) < select(HORIZON).scalar_subquery(),
)


@cache
def handler_begun(handler: str, *, at_end: bool) -> Insert:
    """Inserts the start of a new handler; an existing one keeps its position."""
    start: Any = _end_of_all() if at_end else select(*_BEGINNING)
    return (
        insert(EventHandlerStart)
        .from_select(
            ["handler", "generation", "xid", "position"],
            select(literal(handler), *start.subquery("start").c),
        )
        .on_conflict_do_nothing()
    )


def handlers_moved(moved: Sequence[Mapping[str, object]]) -> Insert:
    """Stores a handler's positions in tenants' logs, as rows of EventHandlerPosition."""
    statement = insert(EventHandlerPosition).values(list(moved))
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["tenant_id", "handler"],
        set_={"generation": new.generation, "xid": new.xid, "position": new.position},
    )


def _unread() -> Any:
    """Selects the unread entries of a handler in tenants' logs, in order, up to the horizon.

    At most ``batch`` entries a tenant are read, ``number`` of them. Those of ``types`` have a row,
    and the last one, whatever its type. A tenant without entries has no row, unless committed
    entries wait above the horizon: then ``is_held_back`` is set, and the entry's columns may be
    null.
    """
    wanted = (
        func.unnest(bindparam("tenant_ids", type_=ARRAY(Uuid())))
        .table_valued(column("tenant_id", Uuid()))
        .render_derived(name="wanted")
    )
    place = col(LogEntry.generation), col(LogEntry.xid), col(LogEntry.position)
    is_own = col(LogEntry.tenant_id) == wanted.c.tenant_id
    read = (
        select(
            *place,
            col(LogEntry.type),
            col(LogEntry.at),
            col(LogEntry.subject_type),
            col(LogEntry.subject_id),
            func.coalesce(
                type_coerce(col(LogEntry.after), JSONB()).has_key("silent"), false()
            ).label("is_silent"),
        )
        .where(is_own, tuple_(*place) > tuple_(*_REACHED), _IS_SETTLED)
        .order_by(*place)
        .limit(bindparam("batch", type_=Integer()))
        .correlate(wanted, EventHandlerStart, EventHandlerPosition)
        .lateral("read")
    )
    following = func.lead(read.c.position).over(
        order_by=[read.c.generation, read.c.xid, read.c.position]
    )
    counted = select(
        read, func.count().over().label("number"), following.label("following")
    ).lateral("counted")
    is_wanted = counted.c.type == func.any(bindparam("types", type_=ARRAY(Text())))
    entry = (
        select(*(each for each in counted.c if each.name != "following"))
        .where(or_(is_wanted, counted.c.following.is_(None)))
        .lateral("entry")
    )
    waiting = (
        select(literal(1).label("one"))
        .where(is_own, col(LogEntry.generation) == GENERATION, col(LogEntry.xid) >= HORIZON)
        .limit(1)
        .lateral("waiting")
    )
    is_held_back = waiting.c.one.is_not(None)
    statement = select(wanted.c.tenant_id, is_held_back.label("is_held_back"), entry)
    handler = bindparam("handler", type_=Text())
    return (
        _with_reached(handler, statement.select_from(wanted), wanted.c.tenant_id)
        .outerjoin(waiting, true())
        .outerjoin(entry, true())
        .where(or_(is_held_back, entry.c.position.is_not(None)))
        .order_by(wanted.c.tenant_id, entry.c.generation, entry.c.xid, entry.c.position)
    )


@cache
def oldest_unread(handler: str, types: frozenset[EventType]) -> Select[datetime]:
    """Selects when the oldest unread entry of these types was written."""
    place = col(LogEntry.generation), col(LogEntry.xid), col(LogEntry.position)
    entry = (
        select(col(LogEntry.at))
        .where(
            col(LogEntry.tenant_id) == col(Tenant.id),
            tuple_(*place) > tuple_(*_REACHED),
            col(LogEntry.type).in_(types),
        )
        .order_by(*place)
        .limit(1)
        .lateral("entry")
    )
    statement: Any = select(func.min(entry.c.at)).select_from(Tenant)
    found: Select[datetime] = _with_reached(handler, statement, col(Tenant.id))
    return found.join(entry, true())


@cache
def oldest_pending() -> Select[str, datetime]:
    """Selects, for each handler with waiting entries, when the oldest one was written."""
    handler = col(PendingEvent.handler)
    return select(handler, func.min(col(PendingEvent.at))).group_by(handler)


# ------------------------------------------------------------------------------ removed


def started_handlers() -> Select[str]:
    """Selects the names of all handlers that have started, in this version or another one."""
    return select(col(EventHandlerStart.handler)).order_by(col(EventHandlerStart.handler))


def start_removed(handler: str) -> Delete:
    """Deletes the start of a handler: without it, no process reads the log for the handler."""
    return delete(EventHandlerStart).where(col(EventHandlerStart.handler) == handler)


def positions_removed(handler: str, *, limit: int) -> Delete:
    """Deletes a batch of a handler's positions."""
    key = tuple_(col(EventHandlerPosition.tenant_id), col(EventHandlerPosition.handler))
    some = select(*key.clauses).where(col(EventHandlerPosition.handler) == handler).limit(limit)
    return delete(EventHandlerPosition).where(key.in_(some))


def pending_removed(handler: str, *, limit: int) -> Delete:
    """Deletes a batch of the entries that wait for a handler."""
    key = tuple_(col(PendingEvent.tenant_id), col(PendingEvent.handler), col(PendingEvent.position))
    some = select(*key.clauses).where(col(PendingEvent.handler) == handler).limit(limit)
    return delete(PendingEvent).where(key.in_(some))


# ------------------------------------------------------------------------------ handled


def next_pending(tenant_id: UUID, handler: str, subject_id: UUID) -> Select[LogEntry]:
    """Selects the first entry of a subject that waits for a handler."""
    return (
        select(LogEntry)
        .join(
            PendingEvent,
            (col(PendingEvent.tenant_id) == col(LogEntry.tenant_id))
            & (col(PendingEvent.position) == col(LogEntry.position)),
        )
        .where(
            col(PendingEvent.tenant_id) == tenant_id,
            col(PendingEvent.handler) == handler,
            col(PendingEvent.subject_id) == subject_id,
        )
        .order_by(col(PendingEvent.generation), col(PendingEvent.xid), col(PendingEvent.position))
        .limit(1)
    )


def pending_handled(tenant_id: UUID, handler: str, position: int) -> Delete:
    return (
        delete(PendingEvent)
        .where(
            col(PendingEvent.tenant_id) == tenant_id,
            col(PendingEvent.handler) == handler,
            col(PendingEvent.position) == position,
        )
        .execution_options(synchronize_session=False)
    )


def logged_event(entry: LogEntry) -> LoggedEvent:
    """Returns an entry as it is passed to handlers."""
    assert entry.position is not None, "it is stored"
    return LoggedEvent(
        entry.position,
        entry.request_id,
        EventType(entry.type),
        entry.at,
        entry.actor_id,
        entry.subject_type,
        entry.subject_id,
        entry.reason,
        entry.before,
        entry.after,
    )


def _with_reached(handler: Any, statement: Any, tenant_id: Any) -> Any:
    """Joins a handler's position in each tenant's log: the columns ``_REACHED``."""
    start, reached = EventHandlerStart, EventHandlerPosition
    return statement.join(start, col(start.handler) == handler).outerjoin(
        reached, (col(reached.tenant_id) == tenant_id) & (col(reached.handler) == handler)
    )


def _end_of_all() -> Select[int, int, int]:
    """Selects the position of the last entry of all tenants below the horizon."""
    of_tenant = (
        select(col(LogEntry.xid), col(LogEntry.position))
        .where(
            col(LogEntry.tenant_id) == col(Tenant.id),
            col(LogEntry.generation) == GENERATION,
            col(LogEntry.xid) < HORIZON,
        )
        .order_by(col(LogEntry.xid).desc(), col(LogEntry.position).desc())
        .limit(1)
        .lateral("of_tenant")
    )
    last = (
        select(of_tenant.c.xid, of_tenant.c.position)
        .select_from(Tenant)
        .join(of_tenant, true())
        .order_by(of_tenant.c.xid.desc(), of_tenant.c.position.desc())
        .limit(1)
        .subquery("last")
    )
    always = select(literal(1).label("one")).subquery("present")
    return select(
        GENERATION.label("generation"),
        func.coalesce(last.c.xid, literal(0, Xid8())).label("xid"),
        func.coalesce(last.c.position, 0).label("position"),
    ).select_from(always.outerjoin(last, true()))


UNREAD: Final = PreparedStatement(_unread())
