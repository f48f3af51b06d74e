"""Exports, each a file of a tenant's data."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Delete,
    Index,
    Select,
    Update,
    delete,
    func,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, Relationship, col

from domain.analytics.exports import (
    UNFINISHED,
    ExportFailure,
    ExportFormat,
    ExportKind,
    ExportStatus,
)
from domain.analytics.spans import DateSpan
from models.accounts.users import User
from models.core.base import INSTANT, Logged, TenantRow, one_of, refers_to

EXPORT_JOB: Final = "export"
MAX_INT: Final = 2**31 - 1


class Export(TenantRow, Logged, table=True):
    """A file of a tenant's data.

    ``permissions`` are those whose data is in it. Each ``attempt`` has a file of its own;
    ``interruptions`` counts those that nobody ended, since it was last requested.
    """

    LOGGED: ClassVar = ("kind", "format", "span_from", "span_until", "room_ids", "categories")

    __tablename__ = "exports"
    __table_args__ = (
        refers_to("users", "created_by_id"),
        refers_to("api_keys", "created_by_key_id"),
        Index(None, "tenant_id", "created_at", "id"),
        Index(None, "tenant_id", "expires_at"),
        CheckConstraint(one_of("kind", ExportKind), name="kind"),
        CheckConstraint(one_of("format", ExportFormat), name="format"),
        CheckConstraint(one_of("status", ExportStatus), name="status"),
        CheckConstraint(one_of("failure", ExportFailure), name="failure"),
        CheckConstraint("progress BETWEEN 0 AND 100", name="progress"),
        CheckConstraint("(created_by_id IS NULL) <> (created_by_key_id IS NULL)", name="creator"),
        CheckConstraint(
            "(status = 'FAILED') = (failure IS NOT NULL) "
            "AND (status IN ('DONE', 'FAILED')) = (expires_at IS NOT NULL) "
            "AND (status <> 'DONE' OR byte_count IS NOT NULL)",
            name="ended",
        ),
    )

    kind: str
    format: str
    status: str
    span_from: date | None = None
    span_until: date | None = None
    room_ids: list[Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    categories: list[Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    permissions: list[Any] = Field(sa_column=Column(JSONB, nullable=False))
    created_by_id: UUID | None = None
    created_by_key_id: UUID | None = None
    attempt: int = 0
    interruptions: int = 0
    progress: int = 0
    row_count: int = Field(default=0, sa_type=BigInteger)
    byte_count: int | None = Field(default=None, sa_type=BigInteger)
    failure: str | None = None
    version: int = 1
    created_at: datetime = Field(sa_type=INSTANT)
    ended_at: datetime | None = Field(default=None, sa_type=INSTANT)
    expires_at: datetime | None = Field(default=None, sa_type=INSTANT)

    created_by: User | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "Export.created_by_id", "lazy": "raise"}
    )

    @property
    def span(self) -> DateSpan | None:
        """The dates that it covers; None for all."""
        if self.span_from is None or self.span_until is None:
            return None
        return DateSpan(self.span_from, self.span_until)

    @property
    def shown_bytes(self) -> int | None:
        """The size of the file, as far as the API's integers go."""
        return None if self.byte_count is None else min(self.byte_count, MAX_INT)

    @property
    def folder(self) -> str:
        """What the keys of its files in the storage begin with."""
        return folder_of(self.tenant_id, self.id)

    @property
    def key(self) -> str:
        """The key of the file of its last attempt."""
        return f"{self.folder}/{self.attempt}.{ExportFormat(self.format).extension}"


def exports_of(tenant_id: UUID) -> Select[Export]:
    return select(Export).where(col(Export.tenant_id) == tenant_id)


def export_of(tenant_id: UUID, id: UUID) -> Select[Export]:
    return exports_of(tenant_id).where(col(Export.id) == id)


def exports_counted(tenant_id: UUID) -> Select[int, int, datetime | None]:
    """Counts the exports of a tenant: the unfinished, and all, with when the first expires."""
    is_unfinished = col(Export.status).in_([each.value for each in UNFINISHED])
    return select(
        func.count().filter(is_unfinished), func.count(), func.min(col(Export.expires_at))
    ).where(col(Export.tenant_id) == tenant_id)


def progressed(tenant_id: UUID, id: UUID, *, attempt: int, progress: int, row_count: int) -> Update:
    """Stores how far an attempt has come, if it is still the one that counts."""
    return (
        update(Export)
        .where(
            col(Export.tenant_id) == tenant_id,
            col(Export.id) == id,
            col(Export.attempt) == attempt,
            col(Export.status) == ExportStatus.RUNNING.value,
        )
        .values(progress=progress, row_count=row_count, version=col(Export.version) + 1)
        .execution_options(synchronize_session=False)
    )


def expired_exports(now: datetime, *, limit: int) -> Select[UUID, UUID]:
    """Selects the tenants and ids of exports whose files have expired, the oldest first."""
    return (
        select(col(Export.tenant_id), col(Export.id))
        .where(col(Export.expires_at) <= now)
        .order_by(col(Export.expires_at))
        .limit(limit)
    )


def exports_deleted(keys: Collection[tuple[UUID, UUID]]) -> Delete:
    """Deletes exports by tenant and id."""
    return delete(Export).where(
        tuple_(col(Export.tenant_id), col(Export.id)).in_(keys), col(Export.expires_at).is_not(None)
    )


def folder_of(tenant_id: UUID, id: UUID) -> str:
    """Returns what the keys of an export's files begin with."""
    return f"exports/{tenant_id}/{id}"
