"""Series of bookings, and which booking belongs to one."""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
INDEX: Final = "ix_bookings_series"


def upgrade() -> None:
    op.create_table(
        "booking_series",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rrule", sa.String(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("except_dates", postgresql.ARRAY(sa.Date()), nullable=False),
        sa.Column("skipped", postgresql.JSONB(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("contact_name", sa.String(), nullable=True),
        sa.Column("contact_phone", sa.String(), nullable=True),
        sa.Column("duration_minutes", sa.Integer(), nullable=False),
        sa.Column("party_size", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "duration_minutes >= 1", name=op.f("ck_booking_series_duration_minutes")
        ),
        sa.CheckConstraint("party_size >= 1", name=op.f("ck_booking_series_party_size")),
        *(
            sa.ForeignKeyConstraint(
                ["tenant_id", column],
                [f"{table}.tenant_id", f"{table}.id"],
                name=op.f(f"fk_booking_series_tenant_id_{column}"),
            )
            for table, column in (("rooms", "room_id"), ("customers", "customer_id"))
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_booking_series_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_booking_series")),
    )
    op.execute("ALTER TABLE booking_series ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE booking_series FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY tenant ON booking_series
        USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
    """)
    op.execute("GRANT SELECT, INSERT, UPDATE ON booking_series TO boom_app")
    op.add_column("bookings", sa.Column("series_id", sa.Uuid(), nullable=True))
    op.add_column("bookings", sa.Column("original_starts_at", INSTANT, nullable=True))
    # Validated below, where that holds up nobody who books.
    op.execute("""
        ALTER TABLE bookings ADD CONSTRAINT fk_bookings_tenant_id_series_id
        FOREIGN KEY (tenant_id, series_id) REFERENCES booking_series (tenant_id, id) NOT VALID
    """)
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE bookings VALIDATE CONSTRAINT fk_bookings_tenant_id_series_id")
        # An interrupted build leaves an index that isn't used.
        op.drop_index(INDEX, table_name="bookings", if_exists=True)
        op.create_index(
            INDEX,
            "bookings",
            ["tenant_id", "series_id", "original_starts_at"],
            postgresql_where=sa.text("series_id IS NOT NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    op.drop_index(INDEX, table_name="bookings")
    op.drop_column("bookings", "original_starts_at")
    op.drop_column("bookings", "series_id")
    op.drop_table("booking_series")
