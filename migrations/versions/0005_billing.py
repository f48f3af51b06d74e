"""Billing: what venues pay us for their plan.

A subscription is the gateway's; what is kept here is what it last told, so that whoever asks
waits for nobody.
"""

import re
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
PLANS: Final = "'STARTER', 'PROFESSIONAL', 'ENTERPRISE'"
STATUSES: Final = "'trialing', 'active', 'past_due', 'unpaid', 'canceled', 'incomplete'"

NEW_EVENTS: Final = {
    "TRIAL_STARTED",
    "SUBSCRIPTION_STARTED",
    "PLAN_CHANGED",
    "NEXT_PLAN_CHANGED",
    "SUBSCRIPTION_CANCELLED",
    "SUBSCRIPTION_RESUMED",
    "SUBSCRIPTION_OVERDUE",
    "SUBSCRIPTION_RECOVERED",
    "SUBSCRIPTION_ENDED",
}

# What the worker reads to find whose subscription is to be looked at.
FOUND: Final = {
    "tenants": "id",
    "billing_subscriptions": (
        "tenant_id, id, gateway, customer_ref, status, begun_at, seen_at, reminded_at"
    ),
}


def upgrade() -> None:
    create_subscriptions()
    create_invoices()
    for table in ("billing_subscriptions", "billing_invoices"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"""
            CREATE POLICY tenant ON {table}
            USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
        """)
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO boom_app")
    for table, columns in FOUND.items():
        op.execute(f"CREATE POLICY relay ON {table} FOR SELECT TO boom_relay USING (true)")
        op.execute(f"GRANT SELECT ({columns}) ON {table} TO boom_relay")
    tell_of(logged_events() | NEW_EVENTS)


def downgrade() -> None:
    # The log keeps what it has: nothing is ever taken from it.
    tell_of(logged_events() - NEW_EVENTS, also_before=False)
    op.execute("REVOKE SELECT (id) ON tenants FROM boom_relay")
    op.execute("DROP POLICY relay ON tenants")
    op.drop_table("billing_invoices")
    op.drop_table("billing_subscriptions")


def create_subscriptions() -> None:
    op.create_table(
        "billing_subscriptions",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("customer_ref", sa.String(), nullable=True),
        sa.Column("subscription_ref", sa.String(), nullable=True),
        sa.Column("plan_code", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("begun_at", INSTANT, nullable=False),
        sa.Column("trial_used_at", INSTANT, nullable=True),
        sa.Column("period_start", INSTANT, nullable=True),
        sa.Column("period_end", INSTANT, nullable=True),
        sa.Column("trial_ends_at", INSTANT, nullable=True),
        sa.Column("cancels_at_period_end", sa.Boolean(), nullable=False),
        sa.Column("next_plan_code", sa.String(), nullable=True),
        sa.Column("archive_room_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("overdue_since", INSTANT, nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("upcoming_minor", sa.BigInteger(), nullable=True),
        sa.Column("upcoming_currency", sa.String(), nullable=True),
        sa.Column("upcoming_at", INSTANT, nullable=True),
        sa.Column("reminded_at", INSTANT, nullable=True),
        sa.Column("changing_by", sa.Uuid(), nullable=True),
        sa.Column("changing_until", INSTANT, nullable=True),
        sa.Column("looks", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", INSTANT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            f"plan_code IN ({PLANS})", name=op.f("ck_billing_subscriptions_plan_code")
        ),
        sa.CheckConstraint(
            f"next_plan_code IN ({PLANS})", name=op.f("ck_billing_subscriptions_next_plan_code")
        ),
        sa.CheckConstraint(f"status IN ({STATUSES})", name=op.f("ck_billing_subscriptions_status")),
        sa.CheckConstraint("seen <= looks", name=op.f("ck_billing_subscriptions_seen")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_billing_subscriptions_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_billing_subscriptions")),
        sa.UniqueConstraint("tenant_id", name=op.f("uq_billing_subscriptions_tenant_id")),
    )


def create_invoices() -> None:
    op.create_table(
        "billing_invoices",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("currency_code", sa.String(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", INSTANT, nullable=False),
        sa.Column("page_url", sa.String(), nullable=True),
        sa.Column("pdf_url", sa.String(), nullable=True),
        sa.CheckConstraint(
            "status IN ('draft', 'open', 'paid', 'void', 'uncollectible')",
            name=op.f("ck_billing_invoices_status"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_billing_invoices_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_billing_invoices")),
        sa.UniqueConstraint("tenant_id", "ref", name=op.f("uq_billing_invoices_tenant_id_ref")),
    )
    op.create_index(
        op.f("ix_billing_invoices_tenant_id_issued_at_id"),
        "billing_invoices",
        ["tenant_id", "issued_at", "id"],
        unique=False,
    )


def logged_events() -> set[str]:
    """What the log may tell of so far."""
    definition = op.get_bind().scalar(
        sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_log_type'")
    )
    return set(re.findall("'([A-Z_]+)'", definition))


def tell_of(events: set[str], *, also_before: bool = True) -> None:
    """Let the log tell of these events."""
    listed = ", ".join(repr(event) for event in sorted(events))
    validity = "" if also_before else "NOT VALID"
    op.execute("ALTER TABLE log DROP CONSTRAINT ck_log_type")
    op.execute(f"ALTER TABLE log ADD CONSTRAINT ck_log_type CHECK (type IN ({listed})) {validity}")
