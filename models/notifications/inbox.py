"""Inboxes: what users are told in the app itself."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Delete, Index, Select, Update, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, Relationship, col

from domain.notifications.kinds import NotificationKind
from models.bookings.bookings import Booking
from models.core.base import INSTANT, TenantRow, one_of, refers_to


class InboxEntry(TenantRow, table=True):
    """An entry of a user's inbox; its id is that of the delivery that brought it."""

    __tablename__ = "inbox_entries"
    __table_args__ = (
        refers_to("users", "user_id"),
        refers_to("bookings", "booking_id"),
        Index(None, "tenant_id", "user_id", "created_at", "id"),
        Index(None, "tenant_id", "created_at"),
        CheckConstraint(one_of("kind", NotificationKind), name="kind"),
    )

    user_id: UUID
    kind: str
    title: str
    body: str
    booking_id: UUID | None = None
    created_at: datetime = Field(sa_type=INSTANT)
    read_at: datetime | None = Field(default=None, sa_type=INSTANT)

    booking: Booking | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "InboxEntry.booking_id", "lazy": "raise"}
    )


def inbox_of(tenant_id: UUID, user_id: UUID | None) -> Select[InboxEntry]:
    return select(InboxEntry).where(
        col(InboxEntry.tenant_id) == tenant_id, col(InboxEntry.user_id) == user_id
    )


def unread_in(tenant_id: UUID, user_id: UUID | None) -> Select[int]:
    """Counts the unread entries of a user."""
    return select(func.count()).where(
        col(InboxEntry.tenant_id) == tenant_id,
        col(InboxEntry.user_id) == user_id,
        col(InboxEntry.read_at).is_(None),
    )


def entry_added(**values: object) -> Any:
    """Adds an entry unless there is one with its id, and returns the id of a new one."""
    return (
        insert(InboxEntry)
        .values(**values)
        .on_conflict_do_nothing(index_elements=["tenant_id", "id"])
        .returning(col(InboxEntry.id))
    )


def entries_read(
    tenant_id: UUID, user_id: UUID, ids: Collection[UUID] | None, *, now: datetime
) -> Update:
    """Marks unread entries of a user as read: those with the ids, or all."""
    statement = (
        update(InboxEntry)
        .where(
            col(InboxEntry.tenant_id) == tenant_id,
            col(InboxEntry.user_id) == user_id,
            col(InboxEntry.read_at).is_(None),
        )
        .values(read_at=now)
    )
    return statement if ids is None else statement.where(col(InboxEntry.id).in_(ids))


def entries_before(cutoff: datetime, *, limit: int) -> Delete:
    """Deletes entries of all tenants that are older than an instant."""
    old = (
        select(col(InboxEntry.tenant_id), col(InboxEntry.id))
        .where(col(InboxEntry.created_at) < cutoff)
        .limit(limit)
        .subquery()
    )
    return delete(InboxEntry).where(
        col(InboxEntry.tenant_id) == old.c.tenant_id, col(InboxEntry.id) == old.c.id
    )
