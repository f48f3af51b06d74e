"""Exports: files of a venue's data, which are made by jobs and deleted after a week.

The relay's role finds those that have expired, and deletes them once their files are gone.
"""

import re
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
JSON: Final = postgresql.JSONB(astext_type=sa.Text(), none_as_null=True)
TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
NEW_EVENTS: Final = {
    "EXPORT_COMPLETED", "EXPORT_CREATED", "EXPORT_DOWNLOADED", "EXPORT_FAILED", "EXPORT_RETRIED",
}  # fmt: skip
CHECKS: Final = {
    "kind": "kind IN ('BOOKINGS', 'SALES', 'OCCUPANCY', 'CUSTOMERS', 'STAFF_ACTIONS')",
    "format": "format IN ('CSV', 'JSONL', 'XLSX')",
    "status": "status IN ('QUEUED', 'RUNNING', 'DONE', 'FAILED')",
    "failure": "failure IN ('STORAGE_FULL', 'STORAGE_UNAVAILABLE', 'TIMED_OUT', 'INTERRUPTED', "
    "'SERVER_ERROR')",
    "progress": "progress BETWEEN 0 AND 100",
    "creator": "(created_by_id IS NULL) <> (created_by_key_id IS NULL)",
    "ended": "(status = 'FAILED') = (failure IS NOT NULL) "
    "AND (status IN ('DONE', 'FAILED')) = (expires_at IS NOT NULL) "
    "AND (status <> 'DONE' OR byte_count IS NOT NULL)",
}


def upgrade() -> None:
    op.create_table(
        "exports",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("span_from", sa.Date(), nullable=True),
        sa.Column("span_until", sa.Date(), nullable=True),
        sa.Column("room_ids", JSON, nullable=True),
        sa.Column("categories", JSON, nullable=True),
        sa.Column("permissions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("created_by_key_id", sa.Uuid(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("interruptions", sa.Integer(), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("byte_count", sa.BigInteger(), nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("expires_at", INSTANT, nullable=True),
        *(
            sa.CheckConstraint(text, name=op.f(f"ck_exports_{name}"))
            for name, text in CHECKS.items()
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_exports_tenant_id")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "created_by_id"],
            ["users.tenant_id", "users.id"],
            name=op.f("fk_exports_tenant_id_created_by_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "created_by_key_id"],
            ["api_keys.tenant_id", "api_keys.id"],
            name=op.f("fk_exports_tenant_id_created_by_key_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_exports")),
    )
    op.create_index(
        op.f("ix_exports_tenant_id_created_at_id"), "exports", ["tenant_id", "created_at", "id"]
    )
    op.create_index(op.f("ix_exports_tenant_id_expires_at"), "exports", ["tenant_id", "expires_at"])
    op.execute("ALTER TABLE exports ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE exports FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY tenant ON exports
        USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
    """)
    op.execute("CREATE POLICY relay ON exports TO boom_relay USING (true)")
    op.execute("GRANT SELECT, INSERT, UPDATE ON exports TO boom_app")
    op.execute("GRANT SELECT (tenant_id, id, expires_at), DELETE ON exports TO boom_relay")
    tell_of(logged_events() | NEW_EVENTS)


def downgrade() -> None:
    # The log keeps what it has: nothing is ever taken from it.
    tell_of(logged_events() - NEW_EVENTS, also_before=False)
    op.drop_table("exports")


def logged_events() -> set[str]:
    """What the log may tell of so far."""
    definition = op.get_bind().scalar(
        sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_log_type'")
    )
    return set(re.findall("'([A-Z_]+)'", definition))


def tell_of(events: set[str], *, also_before: bool = True) -> None:
    listed = ", ".join(repr(event) for event in sorted(events))
    validity = "" if also_before else "NOT VALID"
    op.execute("ALTER TABLE log DROP CONSTRAINT ck_log_type")
    op.execute(f"ALTER TABLE log ADD CONSTRAINT ck_log_type CHECK (type IN ({listed})) {validity}")
