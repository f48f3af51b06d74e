"""Calendar feeds: secret addresses from which calendars read bookings."""

import re
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
TYPES: Final = frozenset({"CALENDAR_FEED_CREATED", "CALENDAR_FEED_REVOKED"})
CHECKS: Final = {
    "detail": "detail IN ('BUSY', 'FULL')",
    "subject": "room_id IS NULL OR customer_id IS NULL",
    "creator": "(created_by_id IS NULL) <> (created_by_key_id IS NULL)",
}
REFERENCES: Final = {
    "room_id": "rooms",
    "customer_id": "customers",
    "created_by_id": "users",
    "created_by_key_id": "api_keys",
}


def upgrade() -> None:
    op.create_table(
        "calendar_feeds",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("created_by_key_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("revoked_at", INSTANT, nullable=True),
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_calendar_feeds_{name}"))
            for name, condition in CHECKS.items()
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_calendar_feeds_tenant_id")
        ),
        *(
            sa.ForeignKeyConstraint(
                ["tenant_id", column],
                [f"{table}.tenant_id", f"{table}.id"],
                name=op.f(f"fk_calendar_feeds_tenant_id_{column}"),
            )
            for column, table in REFERENCES.items()
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_calendar_feeds")),
        sa.UniqueConstraint(
            "tenant_id", "secret_hash", name=op.f("uq_calendar_feeds_tenant_id_secret_hash")
        ),
    )
    op.create_index(
        op.f("ix_calendar_feeds_tenant_id_created_at_id"),
        "calendar_feeds",
        ["tenant_id", "created_at", "id"],
    )
    op.execute("ALTER TABLE calendar_feeds ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE calendar_feeds FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY tenant ON calendar_feeds
        USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
    """)
    op.execute("GRANT SELECT, INSERT, UPDATE ON calendar_feeds TO boom_app")
    list_types(known_types() | TYPES)


def downgrade() -> None:
    list_types(known_types() - TYPES)
    op.drop_table("calendar_feeds")


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
