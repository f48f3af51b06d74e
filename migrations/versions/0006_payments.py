"""Payments: what customers pay venues for bookings, in a ledger that only grows.

The database itself refuses a posting whose entries don't sum to zero, whoever writes it, and a
receipt's number that was given before.
"""

import re
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
JSON: Final = postgresql.JSONB(astext_type=sa.Text())

NEW_EVENTS: Final = (
    "PAYMENT_REQUESTED",
    "PAYMENT_RECEIVED",
    "PAYMENT_FAILED",
    "REFUND_REQUESTED",
    "REFUND_SENT",
    "REFUND_FAILED",
)

# What the app may do with the rows of the tenant it has entered.
GRANTS: Final = {
    "payments": "SELECT, INSERT, UPDATE",
    "refunds": "SELECT, INSERT, UPDATE",
    "receipts": "SELECT, INSERT",
    "receipt_counters": "SELECT, INSERT, UPDATE",
    # Append-only by rights.
    "ledger_entries": "SELECT, INSERT",
}


def upgrade() -> None:
    add_terms()
    create_tables()
    for table, rights in GRANTS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"""
            CREATE POLICY tenant ON {table}
            USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
        """)
        op.execute(f"GRANT {rights} ON {table} TO boom_app")
    balance_the_ledger()
    tell_of({*logged_events(), *NEW_EVENTS})


def downgrade() -> None:
    # The log keeps what it has: nothing is ever taken from it.
    tell_of(logged_events() - {*NEW_EVENTS}, also_before=False)
    for table in reversed(GRANTS):
        op.drop_table(table)
    op.execute("DROP FUNCTION ledger_is_balanced()")
    op.drop_column("bookings", "terms")
    for name in ("payment_policy", "payment_part", "payment_percent", "payment_amount_minor"):
        op.drop_constraint(op.f(f"ck_tenants_{name}"), "tenants", type_="check")
    for name in ("payment_policy", "payment_percent", "payment_amount_minor"):
        op.drop_column("tenants", name)
    op.drop_column("tenants", "cancellation_steps")


def add_terms() -> None:
    op.add_column("bookings", sa.Column("terms", JSON, nullable=True))
    op.add_column(
        "tenants", sa.Column("payment_policy", sa.String(), nullable=False, server_default="none")
    )
    op.add_column("tenants", sa.Column("payment_percent", sa.Integer(), nullable=True))
    op.add_column("tenants", sa.Column("payment_amount_minor", sa.BigInteger(), nullable=True))
    op.add_column(
        "tenants", sa.Column("cancellation_steps", JSON, nullable=False, server_default="[]")
    )
    conditions = {
        "payment_policy": "payment_policy IN ('none', 'deposit', 'full', 'card_hold')",
        "payment_part": "(payment_policy IN ('deposit', 'card_hold')) = "
        "(num_nonnulls(payment_percent, payment_amount_minor) = 1)",
        "payment_percent": "payment_percent BETWEEN 1 AND 100",
        "payment_amount_minor": "payment_amount_minor > 0",
    }
    for name, condition in conditions.items():
        op.create_check_constraint(op.f(f"ck_tenants_{name}"), "tenants", condition)


def create_tables() -> None:
    create(
        "payments",
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("capture_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency_code", sa.String(), nullable=False),
        sa.Column("gateway_id", sa.String(), nullable=True),
        sa.Column("client_secret", sa.String(), nullable=True),
        sa.Column("checkout_url", sa.String(), nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        points_to("bookings", "booking_id", of="payments"),
        unique("payments", "gateway_id"),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payments_amount_minor")),
        sa.CheckConstraint(
            "capture_minor BETWEEN 1 AND amount_minor", name=op.f("ck_payments_capture_minor")
        ),
        sa.CheckConstraint(
            "status IN ('starting', 'pending', 'authorized', 'capturing', 'voiding', "
            "'succeeded', 'failed', 'cancelled')",
            name=op.f("ck_payments_status"),
        ),
        sa.CheckConstraint(
            "kind IN ('deposit', 'full', 'card_hold')", name=op.f("ck_payments_kind")
        ),
    )
    index("payments", "booking_id", "id")
    create(
        "refunds",
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency_code", sa.String(), nullable=False),
        sa.Column("gateway_id", sa.String(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        points_to("bookings", "booking_id", of="refunds"),
        points_to("payments", "payment_id", of="refunds"),
        unique("refunds", "gateway_id"),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refunds_amount_minor")),
        sa.CheckConstraint(
            "status IN ('pending', 'succeeded', 'failed')", name=op.f("ck_refunds_status")
        ),
        sa.CheckConstraint(
            "cause IN ('cancellation', 'rejection', 'request', 'too_late', 'surplus', "
            "'lower_price', 'at_gateway')",
            name=op.f("ck_refunds_cause"),
        ),
    )
    index("refunds", "booking_id", "id")
    index("refunds", "payment_id")
    create(
        "receipts",
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("lines", JSON, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency_code", sa.String(), nullable=False),
        sa.Column("issued_at", INSTANT, nullable=False),
        points_to("payments", "payment_id", of="receipts"),
        unique("receipts", "payment_id"),
        unique("receipts", "year", "number"),
        sa.CheckConstraint("number >= 1", name=op.f("ck_receipts_number")),
    )
    op.create_table(
        "receipt_counters",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_receipt_counters_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "year", name=op.f("pk_receipt_counters")),
    )
    create(
        "ledger_entries",
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency_code", sa.String(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        points_to("bookings", "booking_id", of="ledger_entries"),
        unique("ledger_entries", "source_id", "kind", "account"),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_ledger_entries_amount_minor")),
        sa.CheckConstraint(
            "account IN ('receivable', 'revenue', 'received', 'refunds_due', 'refunded')",
            name=op.f("ck_ledger_entries_account"),
        ),
        sa.CheckConstraint(
            "kind IN ('charge', 'adjustment', 'payment', 'refund_reserved', 'refund_sent', "
            "'refund_failed')",
            name=op.f("ck_ledger_entries_kind"),
        ),
    )
    index("ledger_entries", "booking_id")


def balance_the_ledger() -> None:
    # With the writer's own rights: where it sees no entries, there is no sum, and no commit.
    op.execute("""
        CREATE FUNCTION ledger_is_balanced() RETURNS trigger LANGUAGE plpgsql
        SET search_path = public, pg_temp AS $$
        BEGIN
            IF (
                SELECT sum(amount_minor) = 0 AND min(currency_code) = max(currency_code)
                       AND count(DISTINCT booking_id) = 1
                FROM ledger_entries
                WHERE tenant_id = NEW.tenant_id AND source_id = NEW.source_id AND kind = NEW.kind
            ) IS NOT TRUE THEN
                RAISE EXCEPTION 'The entries of % % do not sum to zero.', NEW.kind, NEW.source_id
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_is_balanced';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE CONSTRAINT TRIGGER ledger_is_balanced AFTER INSERT OR UPDATE ON ledger_entries
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_is_balanced()
    """)


def create(table: str, *parts: sa.Column[object] | sa.Constraint) -> None:
    """A table of tenants' rows, with its composite key."""
    op.create_table(
        table,
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *parts,
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{table}")),
    )


def points_to(table: str, column: str, *, of: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{table}.tenant_id", f"{table}.id"],
        name=op.f(f"fk_{of}_tenant_id_{column}"),
    )


def unique(table: str, *columns: str) -> sa.UniqueConstraint:
    name = op.f(f"uq_{table}_tenant_id_{'_'.join(columns)}")
    return sa.UniqueConstraint("tenant_id", *columns, name=name)


def index(table: str, *columns: str) -> None:
    name = op.f(f"ix_{table}_tenant_id_{'_'.join(columns)}")
    op.create_index(name, table, ["tenant_id", *columns], unique=False)


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
