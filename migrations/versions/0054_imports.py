"""Imports: files of customers, rooms or bookings, and what became of their rows.

The relay's role finds those that are to be deleted, and deletes them once their files are gone.
"""

import re
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
JSON: Final = postgresql.JSONB(astext_type=sa.Text())
TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
TYPES: Final = frozenset(
    {
        "CUSTOMER_DELETED",
        "IMPORT_COMPLETED",
        "IMPORT_CREATED",
        "IMPORT_FAILED",
        "IMPORT_UNDO_REQUESTED",
        "IMPORT_UNDONE",
    }
)
CHECKS: Final = {
    "kind": "kind IN ('CUSTOMERS', 'ROOMS', 'BOOKINGS')",
    "format": "format IN ('CSV', 'ICS')",
    "status": "status IN ('AWAITING_UPLOAD', 'QUEUED', 'RUNNING', 'DONE', 'FAILED', 'UNDOING', "
    "'UNDONE')",
    "failure": "failure IN ('UNREADABLE', 'MISSING_COLUMNS', 'AMBIGUOUS_DATES', "
    "'UNKNOWN_TIME_ZONES', 'TOO_MANY_ROWS', 'NOT_ALLOWED', 'STORAGE_UNAVAILABLE', 'TIMED_OUT', "
    "'INTERRUPTED', 'SERVER_ERROR')",
    "preset": "preset IN ('GOOGLE_CONTACTS', 'OUTLOOK_CONTACTS')",
    "date_format": "date_format IN ('DMY', 'MDY', 'YMD')",
    "creator": "(created_by_id IS NULL) <> (created_by_key_id IS NULL)",
}
REFERENCES: Final = {
    "created_by_id": "users",
    "created_by_key_id": "api_keys",
    "room_id": "rooms",
}
OUTCOMES: Final = "outcome IN ('CREATED', 'UPDATED', 'SKIPPED', 'ERROR', 'UNDONE')"
TABLES: Final = ("imports", "import_rows")


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("is_dry_run", sa.Boolean(), nullable=False),
        sa.Column("notifies", sa.Boolean(), nullable=False),
        sa.Column("overrides", sa.Boolean(), nullable=False),
        sa.Column("mapping", JSON, nullable=False),
        sa.Column("preset", sa.String(), nullable=True),
        sa.Column("date_format", sa.String(), nullable=True),
        sa.Column("time_zone", sa.String(), nullable=True),
        sa.Column("time_zones", JSON, nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=True),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("created_by_key_id", sa.Uuid(), nullable=True),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("byte_count", sa.BigInteger(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("interruptions", sa.Integer(), nullable=False),
        sa.Column("done_rows", sa.Integer(), nullable=False),
        sa.Column("total_rows", sa.Integer(), nullable=True),
        sa.Column("created_count", sa.Integer(), nullable=False),
        sa.Column("updated_count", sa.Integer(), nullable=False),
        sa.Column("skipped_count", sa.Integer(), nullable=False),
        sa.Column("error_count", sa.Integer(), nullable=False),
        sa.Column("undone_count", sa.Integer(), nullable=False),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("failure_detail", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("undone_at", INSTANT, nullable=True),
        sa.Column("expires_at", INSTANT, nullable=True),
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_imports_{name}"))
            for name, condition in CHECKS.items()
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_imports_tenant_id")),
        *(
            sa.ForeignKeyConstraint(
                ["tenant_id", column],
                [f"{table}.tenant_id", f"{table}.id"],
                name=op.f(f"fk_imports_tenant_id_{column}"),
            )
            for column, table in REFERENCES.items()
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_imports")),
    )
    op.create_index(
        op.f("ix_imports_tenant_id_created_at_id"), "imports", ["tenant_id", "created_at", "id"]
    )
    op.create_index(op.f("ix_imports_tenant_id_expires_at"), "imports", ["tenant_id", "expires_at"])
    op.create_table(
        "import_rows",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("subject_version", sa.Integer(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("filled", postgresql.JSONB(astext_type=sa.Text(), none_as_null=True)),
        sa.Column("problems", JSON, nullable=False),
        sa.CheckConstraint(OUTCOMES, name=op.f("ck_import_rows_outcome")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_import_rows_tenant_id")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "import_id"],
            ["imports.tenant_id", "imports.id"],
            name=op.f("fk_import_rows_tenant_id_import_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_import_rows")),
    )
    op.create_index(
        op.f("ix_import_rows_tenant_id_import_id_line_id"),
        "import_rows",
        ["tenant_id", "import_id", "line", "id"],
    )
    op.create_index(
        op.f("ix_import_rows_tenant_id_import_id_outcome_line_id"),
        "import_rows",
        ["tenant_id", "import_id", "outcome", "line", "id"],
    )
    op.create_index(
        "ix_import_rows_external_id",
        "import_rows",
        ["tenant_id", "external_id"],
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"""
            CREATE POLICY tenant ON {table}
            USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
        """)
    op.execute("GRANT SELECT, INSERT, UPDATE ON imports TO boom_app")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON import_rows TO boom_app")
    op.execute("CREATE POLICY relay ON imports TO boom_relay USING (true)")
    op.execute("GRANT SELECT (tenant_id, id, expires_at), DELETE ON imports TO boom_relay")
    list_types(known_types() | TYPES)


def downgrade() -> None:
    list_types(known_types() - TYPES)
    for table in reversed(TABLES):
        op.drop_table(table)


def known_types() -> frozenset[str]:
    source = op.get_bind().scalar(
        sa.text("SELECT prosrc FROM pg_proc WHERE proname = 'is_event_type'")
    )
    return frozenset(re.findall("'([A-Z_]+)'", source))


def list_types(types: frozenset[str]) -> None:
    listed = ", ".join(repr(each) for each in sorted(types))
    op.execute(f"""
        CREATE OR REPLACE FUNCTION is_event_type(type text) RETURNS boolean
        LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$ BEGIN RETURN type IN ({listed}); END $$
    """)
