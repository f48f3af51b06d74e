"""The version of a tenant's calendar: raised by whatever changes the facts that decide bookings.

Triggers raise it, so that no change can forget to, nor one by the version of the app before this.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

TABLES: Final = ("rooms", "weekday_hours", "hours_exceptions", "blackouts")
CHANGES: Final = {"INSERT": "NEW", "UPDATE": "NEW", "DELETE": "OLD"}
# What says from when on an unpaid plan takes no bookings; the rest changes with each look.
BILLED: Final = (
    "gateway",
    "plan_code",
    "status",
    "begun_at",
    "period_start",
    "period_end",
    "trial_ends_at",
    "cancels_at_period_end",
    "next_plan_code",
    "overdue_since",
    "ended_at",
)


def upgrade() -> None:
    # The default stays: processes of the version before know nothing of the column.
    op.add_column(
        "tenants",
        sa.Column("calendar_version", sa.BigInteger(), nullable=False, server_default="1"),
    )
    op.execute("""
        CREATE FUNCTION raise_own_calendar_version() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.calendar_version := OLD.calendar_version + 1;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER calendar_version BEFORE UPDATE ON tenants
        FOR EACH ROW EXECUTE FUNCTION raise_own_calendar_version()
    """)
    op.execute("""
        CREATE FUNCTION raise_calendar_version() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            concerned uuid[] := ARRAY(SELECT DISTINCT tenant_id FROM changed);
            raised integer;
        BEGIN
            UPDATE public.tenants SET calendar_version = calendar_version + 1
            WHERE id = ANY (concerned);
            GET DIAGNOSTICS raised = ROW_COUNT;
            IF raised <> cardinality(concerned) THEN
                RAISE insufficient_privilege USING MESSAGE = 'the tenant can not be seen';
            END IF;
            RETURN NULL;
        END $$
    """)
    for table in TABLES:
        for change, rows in CHANGES.items():
            op.execute(f"""
                CREATE TRIGGER calendar_version_{change.lower()} AFTER {change} ON {table}
                REFERENCING {rows} TABLE AS changed
                FOR EACH STATEMENT EXECUTE FUNCTION raise_calendar_version()
            """)
    op.execute("""
        CREATE FUNCTION raise_calendar_version_of_billing() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE public.tenants SET calendar_version = calendar_version + 1
            WHERE id = NEW.tenant_id;
            RETURN NULL;
        END $$
    """)
    op.execute(f"""
        CREATE TRIGGER calendar_version AFTER INSERT OR UPDATE OF {", ".join(BILLED)}
        ON billing_subscriptions
        FOR EACH ROW EXECUTE FUNCTION raise_calendar_version_of_billing()
    """)


def downgrade() -> None:
    op.execute("DROP TRIGGER calendar_version ON billing_subscriptions")
    op.execute("DROP FUNCTION raise_calendar_version_of_billing()")
    for table in TABLES:
        for change in CHANGES:
            op.execute(f"DROP TRIGGER calendar_version_{change.lower()} ON {table}")
    op.execute("DROP FUNCTION raise_calendar_version()")
    op.execute("DROP TRIGGER calendar_version ON tenants")
    op.execute("DROP FUNCTION raise_own_calendar_version()")
    op.drop_column("tenants", "calendar_version")
