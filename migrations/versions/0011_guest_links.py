"""Guests' links: a booking says which of its links are good, so that they can be revoked."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

NEW_EVENT = "GUEST_LINK_REVOKED"


def upgrade() -> None:
    # The links that are out say nothing of a version: they are good while it is the first.
    op.add_column(
        "bookings", sa.Column("link_version", sa.Integer(), nullable=False, server_default="1")
    )
    op.alter_column("bookings", "link_version", server_default=None)
    tell_of({*logged_events(), NEW_EVENT})


def downgrade() -> None:
    # The log keeps what it has: nothing is ever taken from it.
    tell_of(logged_events() - {NEW_EVENT}, also_before=False)
    op.drop_column("bookings", "link_version")


def logged_events() -> set[str]:
    """What the log may tell of so far."""
    definition = op.get_bind().scalar(
        sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_log_type'")
    )
    return set(re.findall("'([A-Z_]+)'", definition))


def tell_of(events: set[str], *, also_before: bool = True) -> None:
    listed = ", ".join(repr(event) for event in sorted(events))
    validity = "" if also_before else "NOT VALID"
    op.execute("ALTER TABLE log DROP CONSTRAINT ck_log_type")
    op.execute(f"ALTER TABLE log ADD CONSTRAINT ck_log_type CHECK (type IN ({listed})) {validity}")
