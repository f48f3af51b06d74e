"""Webhooks: the endpoints to which events are sent, and what was sent."""

import re
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
JSONB: Final = postgresql.JSONB()
TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
TYPES: Final = frozenset(
    {
        "WEBHOOK_ENDPOINT_CREATED",
        "WEBHOOK_ENDPOINT_UPDATED",
        "WEBHOOK_ENDPOINT_DISABLED",
        "WEBHOOK_ENDPOINT_DELETED",
        "WEBHOOK_SECRET_ROTATED",
    }
)
ENDPOINT_CHECKS: Final = {
    "owner": "(owner_id IS NULL) <> (owner_key_id IS NULL)",
    "event_types": "jsonb_array_length(event_types) >= 1",
    "disabled_reason": "disabled_reason IN "
    "('REQUESTED', 'GONE', 'FAILING', 'OWNER_WITHOUT_ACCESS')",
    "pairs": "(disabled_reason IS NULL) = (disabled_at IS NULL) "
    "AND (old_secret IS NULL) = (old_secret_until IS NULL) "
    "AND (held_by IS NULL) = (held_until IS NULL)",
}
DELIVERY_CHECKS: Final = {
    "status": "status IN ('WAITING', 'DELIVERED', 'FAILED')",
    "ended": "(status = 'WAITING') = (next_attempt_at IS NOT NULL) "
    "AND (status <> 'DELIVERED' OR delivered_at IS NOT NULL)",
}
# What the process that sends needs of an endpoint.
SENT_BY: Final = """
    tenant_id, id, url, description, event_types, query, secret, old_secret, old_secret_until,
    owner_id, owner_key_id, disabled_at, disabled_reason, failing_since, due_at, held_by,
    held_until, version, created_at, updated_at, deleted_at
"""
SENDING: Final = "secret, old_secret, failing_since, due_at, held_by, held_until"


def upgrade() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("event_types", JSONB, nullable=False),
        sa.Column("query", sa.String(), nullable=True),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("old_secret", sa.String(), nullable=True),
        sa.Column("old_secret_until", INSTANT, nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("owner_key_id", sa.Uuid(), nullable=True),
        sa.Column("disabled_at", INSTANT, nullable=True),
        sa.Column("disabled_reason", sa.String(), nullable=True),
        sa.Column("failing_since", INSTANT, nullable=True),
        sa.Column("due_at", INSTANT, nullable=True),
        sa.Column("held_by", sa.Uuid(), nullable=True),
        sa.Column("held_until", INSTANT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("deleted_at", INSTANT, nullable=True),
        *checks("webhook_endpoints", ENDPOINT_CHECKS),
        *keys("webhook_endpoints", {"owner_id": "users", "owner_key_id": "api_keys"}),
    )
    op.create_index(
        op.f("ix_webhook_endpoints_tenant_id_created_at_id"),
        "webhook_endpoints",
        ["tenant_id", "created_at", "id"],
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("event_at", INSTANT, nullable=False),
        sa.Column("subject_type", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("attempt_count", sa.Integer(), nullable=False),
        sa.Column("attempts", JSONB, server_default="[]", nullable=False),
        sa.Column("next_attempt_at", INSTANT, nullable=True),
        sa.Column("delivered_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        *checks("webhook_deliveries", DELIVERY_CHECKS),
        *keys("webhook_deliveries", {"endpoint_id": "webhook_endpoints"}),
    )
    op.create_index(
        op.f("ix_webhook_deliveries_tenant_id_endpoint_id_created_at_id"),
        "webhook_deliveries",
        ["tenant_id", "endpoint_id", "created_at", "id"],
    )
    op.create_index(
        op.f("ix_webhook_deliveries_tenant_id_created_at"),
        "webhook_deliveries",
        ["tenant_id", "created_at"],
    )
    waiting = sa.text("status = 'WAITING'")
    op.create_index(
        "ix_webhook_deliveries_waiting",
        "webhook_deliveries",
        ["tenant_id", "endpoint_id", "sequence"],
        postgresql_where=waiting,
    )
    op.create_index(
        "ix_webhook_deliveries_waiting_in_order",
        "webhook_deliveries",
        ["tenant_id", "endpoint_id", "subject_id", "sequence"],
        postgresql_where=waiting,
    )
    for table in ("webhook_endpoints", "webhook_deliveries"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"""
            CREATE POLICY tenant ON {table}
            USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
        """)
        op.execute(f"CREATE POLICY relay ON {table} TO boom_relay USING (true)")
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO boom_app")
    op.execute(f"GRANT SELECT ({SENT_BY}), UPDATE ({SENDING}) ON webhook_endpoints TO boom_relay")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_deliveries TO boom_relay")
    list_types(known_types() | TYPES)


def downgrade() -> None:
    list_types(known_types() - TYPES)
    op.drop_table("webhook_deliveries")
    op.drop_table("webhook_endpoints")


def checks(table: str, conditions: dict[str, str]) -> list[sa.CheckConstraint]:
    return [
        sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))
        for name, condition in conditions.items()
    ]


def keys(table: str, references: dict[str, str]) -> list[sa.Constraint]:
    return [
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id")),
        *(
            sa.ForeignKeyConstraint(
                ["tenant_id", column],
                [f"{other}.tenant_id", f"{other}.id"],
                name=op.f(f"fk_{table}_tenant_id_{column}"),
            )
            for column, other in references.items()
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{table}")),
    ]


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
