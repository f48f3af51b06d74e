"""The log: audit trail, outbox and replay in one append-only table."""

from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, text
from sqlalchemy.dialects.postgresql import INET, JSONB
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field, SQLModel

from domain.events import EventType
from models.base import INSTANT, one_of


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


class LogEntry(SQLModel, table=True):
    """Who did what to which object. Rows are never changed and never deleted."""

    __tablename__ = "log"
    __table_args__ = (
        Index(None, "tenant_id", "generation", "xid", "position"),
        Index(None, "tenant_id", "subject_id", "position"),
        CheckConstraint(one_of("type", EventType), name="type"),
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


class RequestOrigin(SQLModel, table=True):
    """Where a change was asked from; kept apart from the log, because it goes after 90 days."""

    __tablename__ = "request_origins"
    __table_args__ = (Index(None, "tenant_id", "at"),)

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    request_id: UUID = Field(primary_key=True)
    at: datetime = Field(sa_type=INSTANT)
    ip_address: IPv4Address | IPv6Address | None = Field(sa_column=Column(INET))
    user_agent: str | None = None
