"""Waitlists: who waits for a time, what was offered to them, and whose turn comes first."""

import re
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
TYPES: Final = (
    "WAITLIST_JOINED",
    "WAITLIST_LEFT",
    "WAITLIST_OFFERED",
    "WAITLIST_ACCEPTED",
    "WAITLIST_DECLINED",
    "WAITLIST_EXPIRED",
)


def upgrade() -> None:
    op.create_table(
        "waitlist_entries",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", INSTANT, nullable=True),
        sa.Column("first_date", sa.Date(), nullable=True),
        sa.Column("last_date", sa.Date(), nullable=True),
        sa.Column("earliest_minute", sa.Integer(), nullable=True),
        sa.Column("latest_minute", sa.Integer(), nullable=True),
        sa.Column("duration_minutes", sa.Integer(), nullable=False),
        sa.Column("party_size", sa.Integer(), nullable=False),
        sa.Column("room_ids", postgresql.ARRAY(sa.Uuid()), nullable=True),
        sa.Column("first_start_at", INSTANT, nullable=False),
        sa.Column("last_start_at", INSTANT, nullable=False),
        sa.Column("hold_id", sa.Uuid(), nullable=True),
        sa.Column("offer_expires_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "status IN ('waiting', 'offered', 'accepted', 'declined', 'expired', 'left')",
            name=op.f("ck_waitlist_entries_status"),
        ),
        sa.CheckConstraint(
            "duration_minutes >= 1", name=op.f("ck_waitlist_entries_duration_minutes")
        ),
        sa.CheckConstraint("party_size >= 1", name=op.f("ck_waitlist_entries_party_size")),
        sa.CheckConstraint(
            "num_nonnulls(starts_at, first_date) = 1", name=op.f("ck_waitlist_entries_wish")
        ),
        sa.CheckConstraint(
            "num_nulls(first_date, last_date) IN (0, 2)", name=op.f("ck_waitlist_entries_dates")
        ),
        *(
            sa.ForeignKeyConstraint(
                ["tenant_id", column],
                [f"{table}.tenant_id", f"{table}.id"],
                name=op.f(f"fk_waitlist_entries_tenant_id_{column}"),
            )
            for table, column in (("customers", "customer_id"), ("bookings", "hold_id"))
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_waitlist_entries_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_waitlist_entries")),
    )
    op.create_index(
        "ix_waitlist_entries_tenant_id_created_at_id",
        "waitlist_entries",
        ["tenant_id", "created_at", "id"],
    )
    op.create_index(
        "ix_waitlist_entries_tenant_id_customer_id_created_at",
        "waitlist_entries",
        ["tenant_id", "customer_id", "created_at"],
    )
    op.create_index(
        "ix_waitlist_entries_waiting",
        "waitlist_entries",
        ["tenant_id", "last_start_at"],
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_index(
        "ix_waitlist_entries_offered",
        "waitlist_entries",
        ["tenant_id", "hold_id"],
        postgresql_where=sa.text("status = 'offered'"),
    )
    op.execute("ALTER TABLE waitlist_entries ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE waitlist_entries FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY tenant ON waitlist_entries
        USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
    """)
    op.execute("GRANT SELECT, INSERT, UPDATE ON waitlist_entries TO boom_app")
    op.execute("CREATE POLICY relay ON waitlist_entries FOR SELECT TO boom_relay USING (true)")
    op.execute("""
        GRANT SELECT (tenant_id, id, status, last_start_at) ON waitlist_entries TO boom_relay
    """)
    op.execute("GRANT SELECT (max_advance_days) ON tenants TO boom_relay")
    op.add_column("tenants", sa.Column("waitlist_priority_tag", sa.String(), nullable=True))
    replace_types({*types(), *TYPES})


def downgrade() -> None:
    # Entries of the log stay: the constraint isn't checked again for what is there.
    replace_types({*types()} - {*TYPES})
    op.drop_column("tenants", "waitlist_priority_tag")
    op.execute("REVOKE SELECT (max_advance_days) ON tenants FROM boom_relay")
    op.drop_table("waitlist_entries")


def types() -> list[str]:
    body = "SELECT prosrc FROM pg_proc WHERE proname = 'is_event_type'"
    return re.findall("'([A-Z_]+)'", op.get_bind().scalar(sa.text(body)))


def replace_types(known: set[str]) -> None:
    listed = ", ".join(repr(each) for each in sorted(known))
    op.execute(f"""
        CREATE OR REPLACE FUNCTION is_event_type(type text) RETURNS boolean
        LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$ BEGIN RETURN type IN ({listed}); END $$
    """)
