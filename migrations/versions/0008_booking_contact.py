"""Bookings keep the name and phone that whoever booked gave, where the record has others."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("bookings", sa.Column("contact_name", sa.String(), nullable=True))
    op.add_column("bookings", sa.Column("contact_phone", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("bookings", "contact_phone")
    op.drop_column("bookings", "contact_name")
