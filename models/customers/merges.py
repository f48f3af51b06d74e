"""Merges of customers: who was kept, and what undoes it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    Index,
    Select,
    UniqueConstraint,
    Update,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, distinct_on
from sqlmodel import Field, col

from models.core.base import INSTANT, TenantRow, refers_to
from models.core.filters import is_any


class CustomerMerge(TenantRow, table=True):
    """A customer whose record was merged into another one, and removed.

    Its id and its address lead to the kept customer from then on. ``undo`` is what undoes the merge
    until ``undoable_until``; both are None once that is over.
    """

    __tablename__ = "customer_merges"
    __table_args__ = (
        refers_to("customers", "keep_id"),
        UniqueConstraint("tenant_id", "merged_id"),
        Index(None, "tenant_id", "keep_id", "merged_at"),
        Index(
            "ix_customer_merges_email_key",
            "tenant_id",
            "email_key",
            "merged_at",
            postgresql_where=text("email_key IS NOT NULL"),
        ),
        Index(
            "ix_customer_merges_undoable",
            "tenant_id",
            "undoable_until",
            postgresql_where=text("undoable_until IS NOT NULL"),
        ),
    )

    keep_id: UUID
    merged_id: UUID
    email_key: str | None = Field(default=None, description="The address, normalised.")
    merged_at: datetime = Field(sa_type=INSTANT)
    undoable_until: datetime | None = Field(default=None, sa_type=INSTANT)
    undo: dict[str, Any] | None = Field(
        default=None,
        sa_column=Column(JSONB(none_as_null=True)),
        description="The removed record, the kept one before and after, and the ids of moved rows.",
    )

    @property
    def name(self) -> str:
        """The name of the removed record."""
        assert self.undo is not None
        return str(self.undo["record"]["name"])


def merges_into(tenant_id: UUID, keep_ids: Sequence[UUID]) -> Select[CustomerMerge]:
    """Selects the last merge into each of some customers."""
    return (
        select(CustomerMerge)
        .ext(distinct_on(col(CustomerMerge.keep_id)))
        .where(
            col(CustomerMerge.tenant_id) == tenant_id,
            is_any(CustomerMerge.keep_id, keep_ids),
        )
        .order_by(
            col(CustomerMerge.keep_id),
            col(CustomerMerge.merged_at).desc(),
            col(CustomerMerge.id).desc(),
        )
    )


def merges_forgotten(cutoff: datetime, *, limit: int) -> Update:
    """Deletes a batch of the records that undo merges which can't be undone any more."""
    key = col(CustomerMerge.tenant_id), col(CustomerMerge.id)
    over = select(*key).where(col(CustomerMerge.undoable_until) <= cutoff).limit(limit)
    forgotten = update(CustomerMerge).where(tuple_(*key).in_(over))
    return forgotten.values(undo=None, undoable_until=None)
