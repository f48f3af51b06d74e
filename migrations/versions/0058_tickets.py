"""Support tickets: their messages, canned replies, settings, and notices about them."""

import re
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None

INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
TYPES: Final = frozenset(
    {
        "TICKET_OPENED",
        "TICKET_REPLIED",
        "TICKET_NOTE_ADDED",
        "TICKET_ASSIGNED",
        "TICKET_PRIORITY_CHANGED",
        "TICKET_SOLVED",
        "TICKET_REOPENED",
        "TICKET_CLOSED",
        "TICKET_RATED",
        "TICKET_ESCALATED",
        "CANNED_REPLY_CREATED",
        "CANNED_REPLY_UPDATED",
        "CANNED_REPLY_DELETED",
        "SUPPORT_SETTINGS_CHANGED",
    }
)
KINDS: Final = (
    "BOOKING_REQUESTED",
    "BOOKING_CONFIRMED",
    "BOOKING_CHANGED",
    "BOOKING_CANCELLED",
    "BOOKING_REJECTED",
    "BOOKING_REMINDER",
    "PAYMENT_RECEIVED",
    "PAYMENT_FAILED",
    "REFUNDED",
    "WAITLIST_OFFERED",
    "REVIEW_ASKED",
    "STAFF_DIGEST",
    "STAFF_BOOKING_CREATED",
    "STAFF_BOOKING_CANCELLED",
)
TICKET_KINDS: Final = (
    "TICKET_RECEIVED",
    "TICKET_ANSWERED",
    "STAFF_TICKET_OPENED",
    "STAFF_TICKET_REPLIED",
    "STAFF_TICKET_DUE",
)
WITH_KINDS: Final = (
    "inbox_entries",
    "notification_templates",
    "notification_opt_outs",
    "notification_deliveries",
)
RUNNING: Final = "status IN ('NEW', 'OPEN')"
INSTANTS: Final = (
    "first_replied_at",
    "running_since",
    "first_reply_due_at",
    "first_reply_warning_at",
    "first_reply_warned_at",
    "resolution_due_at",
    "resolution_warning_at",
    "resolution_warned_at",
    "solved_at",
    "closes_at",
    "closed_at",
    "next_step_at",
    "rated_at",
)


def upgrade() -> None:
    add_tickets()
    add_messages()
    add_canned_replies()
    add_settings()
    for table in ("tickets", "ticket_messages", "canned_replies", "support_settings"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"""
            CREATE POLICY tenant ON {table}
            USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
        """)
    op.execute("GRANT SELECT, INSERT, UPDATE ON tickets, support_settings TO boom_app")
    op.execute("GRANT SELECT, INSERT ON ticket_messages TO boom_app")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON canned_replies TO boom_app")
    op.execute("CREATE POLICY relay ON tickets FOR SELECT TO boom_relay USING (true)")
    op.execute("CREATE POLICY relay ON ticket_messages TO boom_relay USING (true)")
    op.execute("""
        GRANT SELECT (tenant_id, id, status, next_step_at, closed_at) ON tickets TO boom_relay
    """)
    op.execute("GRANT SELECT (tenant_id, id, ticket_id), DELETE ON ticket_messages TO boom_relay")
    list_kinds(KINDS + TICKET_KINDS)
    list_types(known_types() | TYPES)


def downgrade() -> None:
    list_types(known_types() - TYPES)
    of_tickets = ", ".join(repr(each) for each in TICKET_KINDS)
    for table in WITH_KINDS:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"DELETE FROM {table} WHERE kind IN ({of_tickets})")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    list_kinds(KINDS)
    op.drop_table("support_settings")
    op.drop_table("canned_replies")
    op.drop_table("ticket_messages")
    op.drop_table("tickets")


def add_tickets() -> None:
    table = "tickets"
    checks = {
        "status": "status IN ('NEW', 'OPEN', 'PENDING', 'SOLVED', 'CLOSED')",
        "priority": "priority IN ('LOW', 'NORMAL', 'HIGH', 'URGENT')",
        "rating": "rating BETWEEN 1 AND 5",
        "rated_at": "(rating IS NULL) = (rated_at IS NULL)",
    }
    references = {
        "customer_id": "customers",
        "booking_id": "bookings",
        "assignee_id": "users",
        "follow_up_of_id": "tickets",
    }
    op.create_table(
        table,
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=True),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("follow_up_of_id", sa.Uuid(), nullable=True),
        sa.Column("assignee_id", sa.Uuid(), nullable=True),
        sa.Column("is_verified", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("used_seconds", sa.Integer(), nullable=False),
        *(sa.Column(name, INSTANT, nullable=True) for name in INSTANTS),
        sa.Column("rating", sa.Integer(), nullable=True),
        sa.Column("rating_comment", sa.String(), nullable=True),
        *constraints(table, checks, references),
        sa.UniqueConstraint("tenant_id", "number", name=op.f(f"uq_{table}_tenant_id_number")),
    )
    for columns in (["updated_at", "id"], ["customer_id", "updated_at", "id"], ["booking_id"]):
        op.create_index(
            op.f(f"ix_{table}_tenant_id_{'_'.join(columns)}"), table, ["tenant_id", *columns]
        )
    op.create_index(
        f"ix_{table}_next_step",
        table,
        ["tenant_id", "next_step_at"],
        postgresql_where=sa.text("next_step_at IS NOT NULL"),
    )
    op.create_index(
        f"ix_{table}_running", table, ["tenant_id", "id"], postgresql_where=sa.text(RUNNING)
    )


def add_messages() -> None:
    table = "ticket_messages"
    checks = {
        "author_kind": "author_kind IN ('CUSTOMER', 'STAFF', 'SYSTEM')",
        "channel": "channel IN ('API', 'MAIL')",
        "from_address": "from_address IS NULL OR is_internal",
    }
    op.create_table(
        table,
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("author_kind", sa.String(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("is_internal", sa.Boolean(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("from_address", sa.String(), nullable=True),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("attachment_count", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        *constraints(table, checks, {"ticket_id": "tickets", "author_id": "users"}),
        sa.UniqueConstraint(
            "tenant_id", "message_id", name=op.f(f"uq_{table}_tenant_id_message_id")
        ),
    )
    op.create_index(
        op.f(f"ix_{table}_tenant_id_ticket_id_created_at_id"),
        table,
        ["tenant_id", "ticket_id", "created_at", "id"],
    )


def add_canned_replies() -> None:
    op.create_table(
        "canned_replies",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        *constraints("canned_replies", {}, {}),
    )
    op.create_index(
        op.f("ix_canned_replies_tenant_id_title_id"), "canned_replies", ["tenant_id", "title", "id"]
    )


def add_settings() -> None:
    checks = {"id": "id = tenant_id", "close_after_days": "close_after_days BETWEEN 1 AND 90"}
    op.create_table(
        "support_settings",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("target_list", postgresql.JSONB(), nullable=False),
        sa.Column("close_after_days", sa.Integer(), nullable=False),
        sa.Column("takes_guest_tickets", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        *constraints("support_settings", checks, {}),
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


def list_kinds(kinds: tuple[str, ...]) -> None:
    listed = ", ".join(repr(each) for each in kinds)
    for table in WITH_KINDS:
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_kind")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_kind CHECK (kind IN ({listed}))")


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
