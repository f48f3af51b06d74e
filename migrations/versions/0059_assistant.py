"""The assistant: conversations, messages, proposals, and its usage by day.

The relay's role deletes conversations after 90 days. Venues can turn the assistant off.
"""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
JSON: Final = postgresql.JSONB(astext_type=sa.Text())
TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
OUTCOMES: Final = (
    "outcome IN ('ANSWERING', 'ANSWERED', 'TIMED_OUT', 'BUSY', 'UNAVAILABLE', 'INVALID', "
    "'TOO_LONG', 'TOO_MANY_CALLS', 'ENDED')"
)
PROVIDERS: Final = "provider IN ('OPENAI', 'LOCAL')"
KINDS: Final = "kind IN ('BOOKING', 'RESCHEDULE', 'CANCELLATION', 'TICKET')"
STATES: Final = "state IN ('PROPOSED', 'CONFIRMED', 'DECLINED', 'EXPIRED')"
TABLES: Final = (
    "assistant_conversations",
    "assistant_messages",
    "assistant_proposals",
    "assistant_days",
)


def upgrade() -> None:
    op.add_column(
        "tenants",
        sa.Column("allows_assistant", sa.Boolean(), nullable=False, server_default=sa.true()),
    )
    op.create_table(
        "assistant_conversations",
        *keys("assistant_conversations"),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("guest_hash", sa.LargeBinary(), nullable=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "(user_id IS NULL) <> (guest_hash IS NULL)",
            name=op.f("ck_assistant_conversations_owner"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["users.tenant_id", "users.id"],
            name=op.f("fk_assistant_conversations_tenant_id_user_id"),
        ),
        sa.UniqueConstraint(
            "tenant_id", "guest_hash", name=op.f("uq_assistant_conversations_tenant_id_guest_hash")
        ),
    )
    op.create_index(
        op.f("ix_assistant_conversations_tenant_id_user_id_updated_at_id"),
        "assistant_conversations",
        ["tenant_id", "user_id", "updated_at", "id"],
    )
    op.create_index(
        op.f("ix_assistant_conversations_tenant_id_updated_at"),
        "assistant_conversations",
        ["tenant_id", "updated_at"],
    )
    op.create_table(
        "assistant_messages",
        *keys("assistant_messages"),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("citations", JSON, nullable=False, server_default=sa.text("'[]'")),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("model", sa.String(), nullable=True),
        sa.Column("input_tokens", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("output_tokens", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("cost_micros", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("latency_ms", sa.Integer(), nullable=True),
        sa.Column("tools", JSON, nullable=False, server_default=sa.text("'[]'")),
        sa.Column("is_helpful", sa.Boolean(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("idempotency_key", sa.String(), nullable=True),
        sa.Column("input_hash", sa.LargeBinary(), nullable=True),
        sa.Column("answers_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "role IN ('USER', 'ASSISTANT')", name=op.f("ck_assistant_messages_role")
        ),
        sa.CheckConstraint(OUTCOMES, name=op.f("ck_assistant_messages_outcome")),
        sa.CheckConstraint(PROVIDERS, name=op.f("ck_assistant_messages_provider")),
        sa.CheckConstraint(
            "(role = 'ASSISTANT') = (outcome IS NOT NULL)",
            name=op.f("ck_assistant_messages_answer"),
        ),
        of_conversation("assistant_messages"),
    )
    op.create_index(
        op.f("ix_assistant_messages_tenant_id_conversation_id_id"),
        "assistant_messages",
        ["tenant_id", "conversation_id", "id"],
    )
    op.create_index(
        "ix_assistant_messages_idempotency_key",
        "assistant_messages",
        ["tenant_id", "idempotency_key"],
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    op.create_table(
        "assistant_proposals",
        *keys("assistant_proposals"),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("arguments", JSON, nullable=False),
        sa.Column("summary", sa.String(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=True),
        sa.Column("booking_id", sa.Uuid(), nullable=True),
        sa.Column("starts_at", INSTANT, nullable=True),
        sa.Column("ends_at", INSTANT, nullable=True),
        sa.Column("price_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency_code", sa.String(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.Column("result_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(KINDS, name=op.f("ck_assistant_proposals_kind")),
        sa.CheckConstraint(STATES, name=op.f("ck_assistant_proposals_state")),
        of_conversation("assistant_proposals"),
    )
    op.create_index(
        op.f("ix_assistant_proposals_tenant_id_conversation_id_id"),
        "assistant_proposals",
        ["tenant_id", "conversation_id", "id"],
    )
    op.create_index(
        op.f("ix_assistant_proposals_tenant_id_message_id"),
        "assistant_proposals",
        ["tenant_id", "message_id"],
    )
    op.create_table(
        "assistant_days",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")
            for name in (
                "answers",
                "failures",
                "calls",
                "input_tokens",
                "output_tokens",
                "public_tokens",
                "cost_micros",
            )
        ),
        sa.CheckConstraint(PROVIDERS, name=op.f("ck_assistant_days_provider")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_assistant_days_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "day", "model", name=op.f("pk_assistant_days")),
    )
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"""
            CREATE POLICY tenant ON {table}
            USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
        """)
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO boom_app")
    op.execute("CREATE POLICY relay ON assistant_conversations TO boom_relay USING (true)")
    op.execute("""
        GRANT SELECT (tenant_id, id, updated_at), DELETE ON assistant_conversations TO boom_relay
    """)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_column("tenants", "allows_assistant")


def keys(table: str) -> tuple[sa.Column[Any] | sa.Constraint, ...]:
    return (
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{table}")),
    )


def of_conversation(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", "conversation_id"],
        ["assistant_conversations.tenant_id", "assistant_conversations.id"],
        name=op.f(f"fk_{table}_tenant_id_conversation_id"),
        ondelete="CASCADE",
    )
