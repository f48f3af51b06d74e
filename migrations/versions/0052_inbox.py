"""Inboxes, and the browsers that get web pushes."""

import re
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
TYPES: Final = frozenset({
    "INBOX_CHANGED", "PUSH_SUBSCRIPTION_ADDED", "PUSH_SUBSCRIPTION_REMOVED",
})  # fmt: skip
KINDS: Final = (
    "BOOKING_REQUESTED", "BOOKING_CONFIRMED", "BOOKING_CHANGED", "BOOKING_CANCELLED",
    "BOOKING_REJECTED", "BOOKING_REMINDER", "PAYMENT_RECEIVED", "PAYMENT_FAILED", "REFUNDED",
    "WAITLIST_OFFERED", "REVIEW_ASKED", "STAFF_DIGEST", "STAFF_BOOKING_CREATED",
    "STAFF_BOOKING_CANCELLED",
)  # fmt: skip


def upgrade() -> None:
    listed = ", ".join(repr(each) for each in KINDS)
    op.create_table(
        "inbox_entries",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("read_at", INSTANT, nullable=True),
        sa.CheckConstraint(f"kind IN ({listed})", name=op.f("ck_inbox_entries_kind")),
        *references("inbox_entries", user_id="users", booking_id="bookings"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_inbox_entries")),
    )
    op.create_index(
        op.f("ix_inbox_entries_tenant_id_user_id_created_at_id"),
        "inbox_entries",
        ["tenant_id", "user_id", "created_at", "id"],
    )
    op.create_index(
        op.f("ix_inbox_entries_tenant_id_created_at"), "inbox_entries", ["tenant_id", "created_at"]
    )
    protect("inbox_entries")
    op.execute("GRANT SELECT, INSERT, UPDATE ON inbox_entries TO boom_app")
    # Old entries of all venues are deleted by the relay.
    op.execute("CREATE POLICY relay ON inbox_entries TO boom_relay USING (true)")
    op.execute("GRANT SELECT (tenant_id, id, created_at), DELETE ON inbox_entries TO boom_relay")
    op.create_table(
        "push_subscriptions",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("endpoint", sa.String(), nullable=False),
        sa.Column("p256dh", sa.String(), nullable=False),
        sa.Column("auth", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        *references("push_subscriptions", user_id="users"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_push_subscriptions")),
        sa.UniqueConstraint(
            "tenant_id", "endpoint", name=op.f("uq_push_subscriptions_tenant_id_endpoint")
        ),
    )
    op.create_index(
        op.f("ix_push_subscriptions_tenant_id_user_id_created_at"),
        "push_subscriptions",
        ["tenant_id", "user_id", "created_at"],
    )
    protect("push_subscriptions")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON push_subscriptions TO boom_app")
    list_types(known_types() | TYPES)


def downgrade() -> None:
    list_types(known_types() - TYPES)
    op.drop_table("push_subscriptions")
    op.drop_table("inbox_entries")


def references(table: str, **columns: str) -> list[sa.ForeignKeyConstraint]:
    """Returns the foreign keys of a table: to its tenant, and of columns to other tables."""
    tenant = sa.ForeignKeyConstraint(
        ["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id")
    )
    return [
        tenant,
        *(
            sa.ForeignKeyConstraint(
                ["tenant_id", column],
                [f"{other}.tenant_id", f"{other}.id"],
                name=op.f(f"fk_{table}_tenant_id_{column}"),
            )
            for column, other in columns.items()
        ),
    ]


def protect(table: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY tenant ON {table}
        USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
    """)


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
