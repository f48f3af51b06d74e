"""Handlers of events: how far each has read the log, and what waits for it.

The relay's role reads the log of all tenants and notes which entries a handler is to get. The app
handles them, one tenant at a time, and takes each out with what the handler did.
"""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import UserDefinedType

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"


def upgrade() -> None:
    op.create_table(
        "event_handler_starts",
        sa.Column("handler", sa.String(), nullable=False),
        *place(),
        sa.PrimaryKeyConstraint("handler", name=op.f("pk_event_handler_starts")),
    )
    open_to_relay("event_handler_starts", "SELECT, INSERT")

    op.create_table(
        "event_handler_positions",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("handler", sa.String(), nullable=False),
        *place(),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_event_handler_positions_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "handler", name=op.f("pk_event_handler_positions")),
    )
    open_to_relay("event_handler_positions", "SELECT, INSERT, UPDATE")
    open_to_tenant("event_handler_positions", "SELECT")

    op.create_table(
        "pending_events",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("handler", sa.String(), nullable=False),
        *place(),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_pending_events_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "handler", "position", name=op.f("pk_pending_events")),
    )
    op.create_index(
        "ix_pending_events_in_order",
        "pending_events",
        ["tenant_id", "handler", "subject_id", "generation", "xid", "position"],
    )
    open_to_relay("pending_events", "SELECT, INSERT, DELETE")
    open_to_tenant("pending_events", "SELECT, DELETE")


def downgrade() -> None:
    op.drop_table("pending_events")
    op.drop_table("event_handler_positions")
    op.drop_table("event_handler_starts")


def place() -> tuple[sa.Column[Any], ...]:
    """Where an entry stands in the log, through all its generations."""
    return (
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("xid", Xid8(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
    )


def open_to_relay(table: str, rights: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY relay ON {table} TO boom_relay USING (true)")
    op.execute(f"GRANT {rights} ON {table} TO boom_relay")


def open_to_tenant(table: str, rights: str) -> None:
    op.execute(f"""
        CREATE POLICY tenant ON {table}
        USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
    """)
    op.execute(f"GRANT {rights} ON {table} TO boom_app")
