"""Merges of customers, whose ids and addresses lead to those who were kept."""

import re
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
TYPES: Final = frozenset({"CUSTOMERS_MERGED", "CUSTOMER_MERGE_UNDONE"})
FORGOTTEN_BY: Final = "tenant_id, id, undoable_until"


def upgrade() -> None:
    op.create_table(
        "customer_merges",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("keep_id", sa.Uuid(), nullable=False),
        sa.Column("merged_id", sa.Uuid(), nullable=False),
        sa.Column("email_key", sa.String(), nullable=True),
        sa.Column("merged_at", INSTANT, nullable=False),
        sa.Column("undoable_until", INSTANT, nullable=True),
        sa.Column("undo", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "keep_id"],
            ["customers.tenant_id", "customers.id"],
            name=op.f("fk_customer_merges_tenant_id_keep_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_customer_merges_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_customer_merges")),
        sa.UniqueConstraint(
            "tenant_id", "merged_id", name=op.f("uq_customer_merges_tenant_id_merged_id")
        ),
    )
    op.create_index(
        op.f("ix_customer_merges_tenant_id_keep_id_merged_at"),
        "customer_merges",
        ["tenant_id", "keep_id", "merged_at"],
    )
    op.create_index(
        "ix_customer_merges_email_key",
        "customer_merges",
        ["tenant_id", "email_key", "merged_at"],
        postgresql_where=sa.text("email_key IS NOT NULL"),
    )
    op.create_index(
        "ix_customer_merges_undoable",
        "customer_merges",
        ["tenant_id", "undoable_until"],
        postgresql_where=sa.text("undoable_until IS NOT NULL"),
    )
    op.execute("ALTER TABLE customer_merges ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE customer_merges FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY tenant ON customer_merges
        USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
    """)
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON customer_merges TO boom_app")
    op.execute("CREATE POLICY relay ON customer_merges TO boom_relay USING (true)")
    op.execute(f"""
        GRANT SELECT ({FORGOTTEN_BY}), UPDATE (undo, undoable_until) ON customer_merges
        TO boom_relay
    """)
    op.execute("GRANT DELETE ON customers TO boom_app")
    list_types(known_types() | TYPES)


def downgrade() -> None:
    list_types(known_types() - TYPES)
    op.execute("REVOKE DELETE ON customers FROM boom_app")
    op.drop_table("customer_merges")


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
