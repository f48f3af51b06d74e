"""Imports, each a file whose rows a job adds, and what became of each row."""

from collections.abc import Collection
from datetime import datetime
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
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, Relationship, col

from domain.imports.columns import ImportPreset
from domain.imports.imports import (
    ACTIVE,
    KEPT_OUTCOMES,
    UPLOAD_WITHIN,
    DateFormat,
    ImportFailure,
    ImportFormat,
    ImportKind,
    ImportOutcome,
    ImportStatus,
)
from models.accounts.users import User
from models.core.base import INSTANT, Logged, TenantRow, one_of, refers_to
from models.core.filters import is_any

IMPORT_JOB: Final = "import"
UNDO_JOB: Final = "undo_import"


class Import(TenantRow, Logged, table=True):
    """A file of customers, rooms or bookings, and how far its rows are added.

    Each upload has a key of its own in the storage, with ``file_id``. ``done_rows`` of
    ``total_rows`` are decided; ``attempt`` tells the job that counts from one that was taken for
    dead, and ``interruptions`` counts those that nobody ended since it last got further.
    """

    LOGGED: ClassVar = ("kind", "format", "is_dry_run", "notifies", "overrides", "room_id")

    __tablename__ = "imports"
    __table_args__ = (
        refers_to("users", "created_by_id"),
        refers_to("api_keys", "created_by_key_id"),
        refers_to("rooms", "room_id"),
        Index(None, "tenant_id", "created_at", "id"),
        Index(None, "tenant_id", "expires_at"),
        CheckConstraint(one_of("kind", ImportKind), name="kind"),
        CheckConstraint(one_of("format", ImportFormat), name="format"),
        CheckConstraint(one_of("status", ImportStatus), name="status"),
        CheckConstraint(one_of("failure", ImportFailure), name="failure"),
        CheckConstraint(one_of("preset", ImportPreset), name="preset"),
        CheckConstraint(one_of("date_format", DateFormat), name="date_format"),
        CheckConstraint("(created_by_id IS NULL) <> (created_by_key_id IS NULL)", name="creator"),
    )

    kind: str
    format: str
    status: str
    is_dry_run: bool
    notifies: bool
    overrides: bool
    mapping: list[Any] = Field(sa_column=Column(JSONB, nullable=False))
    preset: str | None = None
    date_format: str | None = None
    time_zone: str | None = None
    time_zones: list[Any] = Field(sa_column=Column(JSONB, nullable=False))
    room_id: UUID | None = None
    created_by_id: UUID | None = None
    created_by_key_id: UUID | None = None
    file_id: UUID | None = None
    byte_count: int | None = Field(default=None, sa_type=BigInteger)
    attempt: int = 0
    interruptions: int = 0
    done_rows: int = 0
    total_rows: int | None = None
    created_count: int = 0
    updated_count: int = 0
    skipped_count: int = 0
    error_count: int = 0
    undone_count: int = 0
    failure: str | None = None
    failure_detail: str | None = None
    version: int = 1
    created_at: datetime = Field(sa_type=INSTANT)
    ended_at: datetime | None = Field(default=None, sa_type=INSTANT)
    undone_at: datetime | None = Field(default=None, sa_type=INSTANT)
    expires_at: datetime | None = Field(default=None, sa_type=INSTANT)

    created_by: User | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "Import.created_by_id", "lazy": "raise"}
    )

    @property
    def folder(self) -> str:
        """What the keys of its files in the storage begin with."""
        return folder_of(self.tenant_id, self.id)

    @property
    def key(self) -> str:
        """The key of its file."""
        return key_of(self.tenant_id, self.id, self.file_id)


class ImportRow(TenantRow, table=True):
    """What became of a row: a dry run's would have become of it.

    ``subject_id`` is what the row has added or changed, ``subject_version`` its version afterwards,
    and ``filled`` names the columns of it that were empty before. ``external_id`` is by what a
    booking is known that was imported before.
    """

    __tablename__ = "import_rows"
    __table_args__ = (
        refers_to("imports", "import_id", ondelete="CASCADE"),
        Index(None, "tenant_id", "import_id", "line", "id"),
        Index(None, "tenant_id", "import_id", "outcome", "line", "id"),
        Index(
            "ix_import_rows_external_id",
            "tenant_id",
            "external_id",
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        CheckConstraint(one_of("outcome", ImportOutcome), name="outcome"),
    )

    import_id: UUID
    line: int
    outcome: str
    subject_id: UUID | None = None
    subject_version: int | None = None
    external_id: str | None = None
    filled: list[Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    problems: list[Any] = Field(sa_column=Column(JSONB, nullable=False))


def imports_of(tenant_id: UUID) -> Select[Import]:
    return select(Import).where(col(Import.tenant_id) == tenant_id)


def import_of(tenant_id: UUID, id: UUID) -> Select[Import]:
    return imports_of(tenant_id).where(col(Import.id) == id)


def rows_of_imports(tenant_id: UUID) -> Select[ImportRow]:
    return select(ImportRow).where(col(ImportRow.tenant_id) == tenant_id)


def unfinished_counted(tenant_id: UUID, now: datetime) -> Select[int]:
    """Counts the imports that a job works on, and those whose link is still valid."""
    return select(func.count()).where(
        col(Import.tenant_id) == tenant_id,
        col(Import.status).in_([each.value for each in ACTIVE])
        | (
            (col(Import.status) == ImportStatus.AWAITING_UPLOAD.value)
            & (col(Import.created_at) > now - UPLOAD_WITHIN)
        ),
    )


def rows_to_undo(
    tenant_id: UUID, import_id: UUID, *, after: UUID | None, limit: int
) -> Select[ImportRow]:
    """Selects the rows that have added or changed something, in the order in which they did."""
    rows = rows_of_imports(tenant_id).where(
        col(ImportRow.import_id) == import_id,
        col(ImportRow.outcome).in_([each.value for each in KEPT_OUTCOMES]),
    )
    if after is not None:
        rows = rows.where(col(ImportRow.id) > after)
    return rows.order_by(col(ImportRow.id)).limit(limit)


def imported_ids(tenant_id: UUID, external_ids: Collection[str]) -> Select[str | None]:
    """Selects those of some ids by which a booking was imported that wasn't undone."""
    return select(col(ImportRow.external_id)).where(
        col(ImportRow.tenant_id) == tenant_id,
        is_any(ImportRow.external_id, list(external_ids)),
        col(ImportRow.outcome) == ImportOutcome.CREATED.value,
        col(ImportRow.subject_id).is_not(None),
    )


def rows_deleted(tenant_id: UUID, import_id: UUID) -> Delete:
    """Deletes what an import has noted of its rows."""
    return delete(ImportRow).where(
        col(ImportRow.tenant_id) == tenant_id, col(ImportRow.import_id) == import_id
    )


def marked_undone(tenant_id: UUID, ids: Collection[UUID]) -> Update:
    """Marks rows whose effects were taken back."""
    return (
        update(ImportRow)
        .where(col(ImportRow.tenant_id) == tenant_id, col(ImportRow.id).in_(ids))
        .values(outcome=ImportOutcome.UNDONE.value)
        .execution_options(synchronize_session=False)
    )


def expired_imports(now: datetime, *, limit: int) -> Select[UUID, UUID]:
    """Selects the tenants and ids of imports that are to be deleted, the oldest first."""
    return (
        select(col(Import.tenant_id), col(Import.id))
        .where(col(Import.expires_at) <= now)
        .order_by(col(Import.expires_at))
        .limit(limit)
    )


def imports_deleted(keys: Collection[tuple[UUID, UUID]], now: datetime) -> Delete:
    """Deletes imports by tenant and id, unless they have come to life meanwhile."""
    return delete(Import).where(
        tuple_(col(Import.tenant_id), col(Import.id)).in_(keys), col(Import.expires_at) <= now
    )


def folder_of(tenant_id: UUID, id: UUID) -> str:
    """Returns what the keys of an import's files begin with."""
    return f"imports/{tenant_id}/{id}"


def key_of(tenant_id: UUID, id: UUID, file_id: UUID | None) -> str:
    """Returns the key of an uploaded file."""
    return f"{folder_of(tenant_id, id)}/{file_id}"
