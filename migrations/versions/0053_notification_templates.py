"""Notification templates: the texts that venues write themselves, and how their mails look."""

import re
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

TABLE: Final = "notification_templates"
INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
TYPES: Final = frozenset({"NOTIFICATION_TEMPLATE_UPDATED", "NOTIFICATION_TEMPLATE_RESET"})
KINDS: Final = (
    "'BOOKING_REQUESTED', 'BOOKING_CONFIRMED', 'BOOKING_CHANGED', 'BOOKING_CANCELLED', "
    "'BOOKING_REJECTED', 'BOOKING_REMINDER', 'PAYMENT_RECEIVED', 'PAYMENT_FAILED', 'REFUNDED', "
    "'WAITLIST_OFFERED', 'REVIEW_ASKED', 'STAFF_DIGEST', 'STAFF_BOOKING_CREATED', "
    "'STAFF_BOOKING_CANCELLED'"
)
CHECKS: Final = {
    "kind": f"kind IN ({KINDS})",
    "channel": "channel IN ('EMAIL', 'SMS', 'PUSH', 'IN_APP')",
    "language": "language IN ('en', 'de', 'es', 'fr')",
    "subject": "body IS NOT NULL OR subject IS NULL",
}


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("body", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_{TABLE}_{name}"))
            for name, condition in CHECKS.items()
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{TABLE}_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{TABLE}")),
        sa.UniqueConstraint(
            "tenant_id",
            "kind",
            "channel",
            "language",
            name=op.f(f"uq_{TABLE}_tenant_id_kind_channel_language"),
        ),
    )
    op.execute(f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {TABLE} FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY tenant ON {TABLE}
        USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
    """)
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {TABLE} TO boom_app")
    list_types(known_types() | TYPES)
    op.add_column("tenants", sa.Column("brand_color", sa.String(), nullable=True))
    op.add_column("tenants", sa.Column("logo_url", sa.String(), nullable=True))
    op.create_check_constraint(
        op.f("ck_tenants_brand_color"), "tenants", "brand_color ~ '^#[0-9a-fA-F]{6}$'"
    )


def downgrade() -> None:
    op.drop_column("tenants", "logo_url")
    op.drop_column("tenants", "brand_color")
    list_types(known_types() - TYPES)
    op.drop_table(TABLE)


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
