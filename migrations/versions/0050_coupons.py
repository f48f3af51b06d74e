"""Coupons: codes that lower the price of bookings, and which booking uses one."""

import re
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
INDEX: Final = "ix_bookings_coupon"
TYPES: Final = frozenset({"COUPON_CREATED", "COUPON_UPDATED", "COUPON_ARCHIVED"})
CHECKS: Final = {
    "discount": "num_nonnulls(amount_minor, percent, free_minutes) = 1",
    "amount_minor": "amount_minor > 0",
    "percent": "percent BETWEEN 1 AND 100",
    "free_minutes": "free_minutes >= 1",
    "total_limit": "total_limit >= 1",
    "per_customer_limit": "per_customer_limit >= 1",
}


def upgrade() -> None:
    op.create_table(
        "coupons",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency_code", sa.String(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("free_minutes", sa.Integer(), nullable=True),
        sa.Column("valid_from", INSTANT, nullable=True),
        sa.Column("valid_until", INSTANT, nullable=True),
        sa.Column("first_date", sa.Date(), nullable=True),
        sa.Column("last_date", sa.Date(), nullable=True),
        sa.Column("room_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("first_booking_only", sa.Boolean(), nullable=False),
        sa.Column("total_limit", sa.Integer(), nullable=True),
        sa.Column("per_customer_limit", sa.Integer(), nullable=True),
        sa.Column("archived_at", INSTANT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_coupons_{name}"))
            for name, condition in CHECKS.items()
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_coupons_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_coupons")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("uq_coupons_tenant_id_code")),
    )
    op.create_index(
        op.f("ix_coupons_tenant_id_created_at_id"), "coupons", ["tenant_id", "created_at", "id"]
    )
    op.execute("ALTER TABLE coupons ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE coupons FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY tenant ON coupons
        USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
    """)
    op.execute("GRANT SELECT, INSERT, UPDATE ON coupons TO boom_app")
    list_types(known_types() | TYPES)
    op.add_column("bookings", sa.Column("coupon_id", sa.Uuid(), nullable=True))
    # Validated below, where that holds up nobody who books.
    op.execute("""
        ALTER TABLE bookings ADD CONSTRAINT fk_bookings_tenant_id_coupon_id
        FOREIGN KEY (tenant_id, coupon_id) REFERENCES coupons (tenant_id, id) NOT VALID
    """)
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE bookings VALIDATE CONSTRAINT fk_bookings_tenant_id_coupon_id")
        # An interrupted build leaves an index that isn't used.
        op.drop_index(INDEX, table_name="bookings", if_exists=True)
        op.create_index(
            INDEX,
            "bookings",
            ["tenant_id", "coupon_id", "customer_id"],
            postgresql_where=sa.text("coupon_id IS NOT NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    op.drop_index(INDEX, table_name="bookings")
    op.drop_column("bookings", "coupon_id")
    list_types(known_types() - TYPES)
    op.drop_table("coupons")


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
