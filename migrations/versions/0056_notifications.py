"""Notifications: settings of venues, what recipients don't want, and deliveries."""

import re
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
TYPES: Final = frozenset({"NOTIFICATION_SETTINGS_CHANGED", "NOTIFICATION_PREFERENCES_CHANGED"})
KINDS: Final = (
    "kind IN ('BOOKING_REQUESTED', 'BOOKING_CONFIRMED', 'BOOKING_CHANGED', 'BOOKING_CANCELLED', "
    "'BOOKING_REJECTED', 'BOOKING_REMINDER', 'PAYMENT_RECEIVED', 'PAYMENT_FAILED', 'REFUNDED', "
    "'WAITLIST_OFFERED', 'REVIEW_ASKED', 'STAFF_DIGEST', 'STAFF_BOOKING_CREATED', "
    "'STAFF_BOOKING_CANCELLED')"
)
CHANNELS: Final = "channel IN ('EMAIL', 'SMS', 'PUSH', 'IN_APP')"
RECIPIENT: Final = "(customer_id IS NULL) <> (user_id IS NULL)"
IN_A_DAY: Final = "BETWEEN 0 AND 1439"


def upgrade() -> None:
    add_settings()
    add_opt_outs()
    add_deliveries()
    op.create_table(
        "notification_clock",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("found_until", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_clock")),
    )
    protect("notification_settings", "SELECT, INSERT, UPDATE")
    protect("notification_opt_outs", "SELECT, INSERT, UPDATE, DELETE")
    protect("notification_deliveries", "SELECT, INSERT, UPDATE")
    op.execute("CREATE POLICY relay ON notification_settings FOR SELECT TO boom_relay USING (true)")
    op.execute("""
        GRANT SELECT (tenant_id, reminder_list, digest_at) ON notification_settings TO boom_relay
    """)
    op.execute("CREATE POLICY relay ON notification_deliveries TO boom_relay USING (true)")
    op.execute("""
        GRANT SELECT (tenant_id, id, created_at), DELETE ON notification_deliveries TO boom_relay
    """)
    op.execute("ALTER TABLE notification_clock ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE notification_clock FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY relay ON notification_clock TO boom_relay USING (true)")
    op.execute("GRANT SELECT, INSERT, UPDATE ON notification_clock TO boom_relay")
    list_types(known_types() | TYPES)


def downgrade() -> None:
    list_types(known_types() - TYPES)
    op.drop_table("notification_clock")
    op.drop_table("notification_deliveries")
    op.drop_table("notification_opt_outs")
    op.drop_table("notification_settings")


def add_settings() -> None:
    checks = {
        "id": "id = tenant_id",
        "quiet_from": f"quiet_from {IN_A_DAY}",
        "quiet_until": f"quiet_until {IN_A_DAY}",
        "quiet": "(quiet_from IS NULL) = (quiet_until IS NULL)",
        "digest_at": f"digest_at {IN_A_DAY}",
    }
    op.create_table(
        "notification_settings",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("chosen", postgresql.JSONB(), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("reminder_list", postgresql.JSONB(), nullable=False),
        sa.Column("quiet_from", sa.SmallInteger(), nullable=True),
        sa.Column("quiet_until", sa.SmallInteger(), nullable=True),
        sa.Column("digest_at", sa.SmallInteger(), nullable=True),
        sa.Column("sender_name", sa.String(), nullable=True),
        sa.Column("reply_to", sa.String(), nullable=True),
        sa.Column("booking_page", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_notification_settings_{name}"))
            for name, condition in checks.items()
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_notification_settings_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_notification_settings")),
    )


def add_opt_outs() -> None:
    table = "notification_opt_outs"
    checks = {"recipient": RECIPIENT, "kind": KINDS, "channel": CHANNELS}
    op.create_table(
        table,
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        *constraints(table, checks, {"customer_id": "customers", "user_id": "users"}),
    )
    for column in ("customer_id", "user_id"):
        op.create_index(op.f(f"ix_{table}_tenant_id_{column}"), table, ["tenant_id", column])


def add_deliveries() -> None:
    table = "notification_deliveries"
    checks = {
        "kind": KINDS,
        "channel": CHANNELS,
        "state": "state IN ('queued', 'sending', 'sent', 'failed', 'unknown', 'suppressed')",
        "reason": "reason IN ('opted_out', 'no_address', 'bounced', 'quiet_hours', 'cap', "
        "'outdated', 'refused', 'gave_up')",
        "recipient": RECIPIENT,
    }
    op.create_table(
        table,
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("recipient_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("booking_id", sa.Uuid(), nullable=True),
        sa.Column("details", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("address_hash", sa.LargeBinary(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("sent_at", INSTANT, nullable=True),
        *constraints(
            table,
            checks,
            {"customer_id": "customers", "user_id": "users", "booking_id": "bookings"},
        ),
        sa.UniqueConstraint(
            *("tenant_id", "cause", "recipient_id", "kind", "channel"),
            name=op.f(f"uq_{table}_tenant_id_cause_recipient_id_kind_channel"),
        ),
    )
    for columns in (["created_at", "id"], ["booking_id"], ["customer_id"]):
        op.create_index(
            op.f(f"ix_{table}_tenant_id_{'_'.join(columns)}"), table, ["tenant_id", *columns]
        )
    op.create_index(
        f"ix_{table}_bounced",
        table,
        ["tenant_id", "address_hash"],
        postgresql_where=sa.text("state = 'failed' AND reason = 'bounced'"),
    )


def constraints(
    table: str, checks: dict[str, str], references: dict[str, str]
) -> list[sa.Constraint]:
    return [
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))
            for name, condition in checks.items()
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id")),
        *(
            sa.ForeignKeyConstraint(
                ["tenant_id", column],
                [f"{referred}.tenant_id", f"{referred}.id"],
                name=op.f(f"fk_{table}_tenant_id_{column}"),
            )
            for column, referred in references.items()
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{table}")),
    ]


def protect(table: str, rights: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY tenant ON {table}
        USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
    """)
    op.execute(f"GRANT {rights} ON {table} TO boom_app")


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
