"""Payments of which something else arrived than was asked for are kept apart."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

STATUSES: Final = (
    "'starting', 'pending', 'authorized', 'capturing', 'voiding', 'succeeded', 'failed', "
    "'cancelled'"
)


def upgrade() -> None:
    op.add_column("payments", sa.Column("received_minor", sa.BigInteger(), nullable=True))
    op.add_column("payments", sa.Column("received_currency_code", sa.String(), nullable=True))
    allow(f"{STATUSES}, 'mismatched'")


def downgrade() -> None:
    # The code before knows nothing between paid and failed: such money was never counted.
    op.execute("ALTER TABLE payments NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE payments SET status = 'failed' WHERE status = 'mismatched'")
    op.execute("ALTER TABLE payments FORCE ROW LEVEL SECURITY")
    allow(STATUSES)
    op.drop_column("payments", "received_currency_code")
    op.drop_column("payments", "received_minor")


def allow(statuses: str) -> None:
    op.drop_constraint(op.f("ck_payments_status"), "payments", type_="check")
    op.create_check_constraint(op.f("ck_payments_status"), "payments", f"status IN ({statuses})")
