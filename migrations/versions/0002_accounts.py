"""Accounts: keys for programs, sessions that can be listed, addresses that are verified.

A customer who signs up is linked to a customer record once the address is proved to be theirs,
so a user of this role may be without one until then. Whoever has joined so far has been invited
by mail, or has opened the business: their addresses count as verified.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)

EVENTS: Final = (
    "BOOKING_HELD BOOKING_CREATED BOOKING_CONFIRMED BOOKING_REJECTED BOOKING_RESCHEDULED "
    "BOOKING_CANCELLED BOOKING_CHECKED_IN BOOKING_COMPLETED BOOKING_NO_SHOW BOOKING_EXPIRED "
    "BOOKING_UPDATED ROOM_CREATED ROOM_UPDATED ROOM_ARCHIVED ROOM_UNARCHIVED HOURS_CHANGED "
    "BLACKOUT_CREATED BLACKOUT_DELETED TENANT_UPDATED SETTINGS_CHANGED CUSTOMER_CREATED "
    "CUSTOMER_UPDATED USER_INVITED USER_JOINED USER_ROLE_CHANGED USER_DEACTIVATED"
)
NEW_EVENTS: Final = "EMAIL_VERIFIED API_KEY_CREATED API_KEY_REVOKED"

# What housekeeping reads to find what is old; the hashes of secrets are none of it.
SWEPT: Final = {
    "refresh_tokens": "tenant_id, id, session_id, expires_at",
    "mailed_tokens": "tenant_id, id, expires_at",
    "sessions": "tenant_id, id, created_at, last_used_at",
}


def upgrade() -> None:
    op.add_column("sessions", sa.Column("last_used_at", INSTANT, nullable=True))
    op.add_column("sessions", sa.Column("user_agent", sa.String(), nullable=True))
    op.add_column("users", sa.Column("phone", sa.String(), nullable=True))
    op.add_column("users", sa.Column("email_verified_at", INSTANT, nullable=True))
    with seeing_all_rows("users"):
        op.execute(
            "UPDATE users SET email_verified_at = created_at WHERE password_hash IS NOT NULL"
        )
    allow("users", "customer_id", "role = 'CUSTOMER' OR customer_id IS NULL")
    op.create_check_constraint(
        op.f("ck_users_verified_customer"),
        "users",
        "role <> 'CUSTOMER' OR customer_id IS NOT NULL OR email_verified_at IS NULL",
    )
    allow("mailed_tokens", "purpose", in_list("purpose", "password_reset invitation verification"))
    allow("log", "type", in_list("type", f"{EVENTS} {NEW_EVENTS}"))
    create_api_keys()
    for table, columns in SWEPT.items():
        op.execute(f"CREATE POLICY relay ON {table} TO boom_relay USING (true)")
        op.execute(f"GRANT SELECT ({columns}), DELETE ON {table} TO boom_relay")


def downgrade() -> None:
    for table, columns in SWEPT.items():
        op.execute(f"REVOKE SELECT ({columns}), DELETE ON {table} FROM boom_relay")
        op.execute(f"DROP POLICY relay ON {table}")
    op.drop_table("api_keys")
    # The log keeps what it has: nothing is ever taken from it.
    allow("log", "type", in_list("type", EVENTS), also_for_old_rows=False)
    with seeing_all_rows("mailed_tokens"):
        op.execute("DELETE FROM mailed_tokens WHERE purpose = 'verification'")
    allow("mailed_tokens", "purpose", in_list("purpose", "password_reset invitation"))
    op.drop_constraint(op.f("ck_users_verified_customer"), "users", type_="check")
    with seeing_all_rows("users"), seeing_all_rows("customers"):
        op.execute("""
            INSERT INTO customers (tenant_id, id, name, phone, version, created_at)
            SELECT tenant_id, id, name, phone, 1, created_at FROM users
            WHERE role = 'CUSTOMER' AND customer_id IS NULL
        """)
        op.execute(
            "UPDATE users SET customer_id = id WHERE role = 'CUSTOMER' AND customer_id IS NULL"
        )
    allow("users", "customer_id", "(role = 'CUSTOMER') = (customer_id IS NOT NULL)")
    op.drop_column("users", "email_verified_at")
    op.drop_column("users", "phone")
    op.drop_column("sessions", "user_agent")
    op.drop_column("sessions", "last_used_at")


def create_api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("permissions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.Column("last_used_at", INSTANT, nullable=True),
        sa.CheckConstraint(
            "jsonb_array_length(permissions) >= 1", name=op.f("ck_api_keys_permissions")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "created_by_id"],
            ["users.tenant_id", "users.id"],
            name=op.f("fk_api_keys_tenant_id_created_by_id"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_api_keys_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint(
            "tenant_id", "token_hash", name=op.f("uq_api_keys_tenant_id_token_hash")
        ),
    )
    op.create_index(
        op.f("ix_api_keys_tenant_id_created_at_id"),
        "api_keys",
        ["tenant_id", "created_at", "id"],
        unique=False,
    )
    op.execute("ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE api_keys FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY tenant ON api_keys
        USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
    """)
    op.execute("GRANT SELECT, INSERT, UPDATE ON api_keys TO boom_app")


@contextmanager
def seeing_all_rows(table: str) -> Iterator[None]:
    """Under forced row-level security the owner, too, would change no row and not be told."""
    op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    yield
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def allow(table: str, name: str, condition: str, *, also_for_old_rows: bool = True) -> None:
    """Put another condition in the place of a table's check of this name."""
    check = f"ck_{table}_{name}"
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {check}")
    validity = "" if also_for_old_rows else "NOT VALID"
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({condition}) {validity}")


def in_list(column: str, values: str) -> str:
    """The condition that a column holds one of these words."""
    return f"{column} IN ({', '.join(repr(value) for value in values.split())})"
