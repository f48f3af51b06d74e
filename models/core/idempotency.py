"""Results of idempotent mutations, stored for 24 hours by the client's key."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Delete, Index, delete, select, tuple_
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel, col

from models.core.base import INSTANT


class IdempotentResult(SQLModel, table=True):
    __tablename__ = "idempotent_results"
    __table_args__ = (Index(None, "tenant_id", "created_at"),)

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    actor_id: UUID = Field(primary_key=True)
    mutation: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    input_hash: bytes
    rows: list[Any] = Field(
        sa_column=Column(JSONB, nullable=False), description="[table, id] of each result"
    )
    created_at: datetime = Field(sa_type=INSTANT)


def results_before(cutoff: datetime, *, limit: int) -> Delete:
    """Deletes a batch of results whose keys have expired."""
    key = tuple_(
        col(IdempotentResult.tenant_id),
        col(IdempotentResult.actor_id),
        col(IdempotentResult.mutation),
        col(IdempotentResult.key),
    )
    old = select(*key.clauses).where(col(IdempotentResult.created_at) < cutoff).limit(limit)
    return delete(IdempotentResult).where(key.in_(old))
