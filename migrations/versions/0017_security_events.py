"""Security events: logins, passwords and ended sessions on the log; where a session is used."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

NEW_EVENTS = {
    "LOGIN_SUCCEEDED",
    "LOGIN_FAILED",
    "PASSWORD_CHANGED",
    "PASSWORD_RESET",
    "SESSIONS_ENDED",
}


def upgrade() -> None:
    op.add_column("sessions", sa.Column("network", sa.String(), nullable=True))
    tell_of(logged_events() | NEW_EVENTS)


def downgrade() -> None:
    # The log keeps what it has: nothing is ever taken from it.
    tell_of(logged_events() - NEW_EVENTS, also_before=False)
    op.drop_column("sessions", "network")


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
