"""Figures of each date, made from bookings and payments, and how far the log is counted.

They are all derived: processes fill them by themselves, and dropping them loses nothing. The index
of payments by time is built while they are written, so outside the migration's transaction.
"""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import UserDefinedType

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
SUMS: Final = (
    "bookings",
    "cancelled",
    "no_shows",
    "completed",
    "booked_minutes",
    "priced",
    "value_minor",
    "revenue_minor",
    "new_customers",
)
MONEY: Final = "account IN ('received', 'refunded')"


def upgrade() -> None:
    op.create_table(
        "analytics_days",
        *key("analytics_days", sa.Column("date", sa.Date(), nullable=False)),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in SUMS),
        sa.Column("lead_median", sa.BigInteger(), nullable=True),
        sa.Column("returning", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("hours", "leads", "gaps")),
    )
    # Read together by the year: apart from the rest of the row, and without unpacking.
    for name in ("hours", "leads", "gaps"):
        op.execute(f"ALTER TABLE analytics_days ALTER COLUMN {name} SET STORAGE EXTERNAL")
    op.create_table(
        "analytics_room_days",
        *key(
            "analytics_room_days",
            sa.Column("date", sa.Date(), nullable=False),
            sa.Column("room_id", sa.Uuid(), nullable=False),
        ),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in SUMS),
    )
    op.create_table(
        "analytics_states",
        *key("analytics_states"),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("xid", Xid8(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("read_xid", Xid8(), nullable=False),
        sa.Column("read_position", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "analytics_dirty_days",
        *key("analytics_dirty_days", sa.Column("date", sa.Date(), nullable=False)),
    )
    for table in ("analytics_days", "analytics_room_days", "analytics_dirty_days"):
        open_to_tenant(table, "SELECT, INSERT, DELETE")
    open_to_tenant("analytics_states", "SELECT, INSERT, UPDATE")
    op.execute("CREATE POLICY relay ON analytics_states FOR SELECT TO boom_relay USING (true)")
    op.execute("GRANT SELECT ON analytics_states TO boom_relay")
    with op.get_context().autocommit_block():
        # An interrupted build leaves an index that isn't used.
        op.drop_index("ix_ledger_entries_money", table_name="ledger_entries", if_exists=True)
        op.create_index(
            "ix_ledger_entries_money",
            "ledger_entries",
            ["tenant_id", "at"],
            postgresql_where=sa.text(MONEY),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    op.drop_index("ix_ledger_entries_money", table_name="ledger_entries")
    for table in ("dirty_days", "states", "room_days", "days"):
        op.drop_table(f"analytics_{table}")


def key(table: str, *columns: sa.Column[Any]) -> tuple[Any, ...]:
    names = ["tenant_id", *(column.name for column in columns)]
    return (
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id")),
        sa.PrimaryKeyConstraint(*names, name=op.f(f"pk_{table}")),
    )


def open_to_tenant(table: str, rights: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY tenant ON {table}
        USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
    """)
    op.execute(f"GRANT {rights} ON {table} TO boom_app")
