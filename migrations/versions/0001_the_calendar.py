"""The calendar: tenants, people, rooms, hours, bookings and the log, walled off by tenant.

The database itself refuses a double booking (`booking_no_overlap`) and another tenant's rows
(row-level security, forced, with roles that can't bypass it).
"""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import UserDefinedType

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"

# What the app may do with the rows of the tenant it has entered.
GRANTS: Final = {
    "tenants": "SELECT, INSERT, UPDATE",
    "usage_counters": "SELECT, INSERT, UPDATE",
    "customers": "SELECT, INSERT, UPDATE",
    "users": "SELECT, INSERT, UPDATE",
    "sessions": "SELECT, INSERT, UPDATE",
    "refresh_tokens": "SELECT, INSERT, UPDATE",
    "mailed_tokens": "SELECT, INSERT, UPDATE",
    "rooms": "SELECT, INSERT, UPDATE",
    "weekday_hours": "SELECT, INSERT, UPDATE, DELETE",
    "hours_exceptions": "SELECT, INSERT, UPDATE, DELETE",
    "blackouts": "SELECT, INSERT, DELETE",
    "bookings": "SELECT, INSERT, UPDATE",
    "idempotent_results": "SELECT, INSERT, DELETE",
    # Append-only by rights.
    "log": "SELECT, INSERT",
    "request_origins": "SELECT, INSERT",
}

# What the relay and its housekeeping see across tenants: rights and the rows they hold for.
RELAY: Final = {
    "log": ("SELECT", "true"),
    "bookings": ("SELECT", "status = 'held'"),
    "idempotent_results": ("SELECT, DELETE", "true"),
    "request_origins": ("SELECT, DELETE", "true"),
}


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    create_roles()
    create_log_generations()
    create_tables()
    wall_off_tenants()
    create_subdomain_lookup()


def downgrade() -> None:
    op.execute("DROP FUNCTION tenant_by_subdomain(text)")
    for table in reversed(GRANTS):
        op.drop_table(table)
    op.execute("DROP FUNCTION log_generation()")
    op.execute("DROP SEQUENCE log_generations")
    # The roles stay: they belong to the server, and another database may use them.


def create_roles() -> None:
    for role in ("boom_app", "boom_relay"):
        op.execute(f"""
            DO $$ BEGIN
                CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
            END $$
        """)


def create_log_generations() -> None:
    """A restore into another server raises the sequence: transaction ids start anew there."""
    op.execute("CREATE SEQUENCE log_generations")
    # A sequence that was asked for its next value runs 32 ahead after a crash of the server; one
    # that was told its value keeps it.
    op.execute("SELECT setval('log_generations', 1)")
    op.execute("""
        CREATE FUNCTION log_generation() RETURNS bigint LANGUAGE sql STABLE
        AS 'SELECT last_value FROM log_generations'
    """)
    op.execute("GRANT SELECT ON SEQUENCE log_generations TO boom_app, boom_relay")


def wall_off_tenants() -> None:
    for table, rights in GRANTS.items():
        key = "id" if table == "tenants" else "tenant_id"
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"""
            CREATE POLICY tenant ON {table}
            USING ({key} = {TENANT}) WITH CHECK ({key} = {TENANT})
        """)
        op.execute(f"GRANT {rights} ON {table} TO boom_app")
    for table, (rights, rows) in RELAY.items():
        op.execute(f"CREATE POLICY relay ON {table} TO boom_relay USING ({rows})")
        op.execute(f"GRANT {rights} ON {table} TO boom_relay")


def create_subdomain_lookup() -> None:
    """The one way to a tenant before it is known: from its subdomain to its id, nothing else."""
    op.execute("CREATE POLICY lookup ON tenants FOR SELECT TO CURRENT_USER USING (true)")
    op.execute("""
        CREATE FUNCTION tenant_by_subdomain(wanted text) RETURNS uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        AS 'SELECT id FROM public.tenants WHERE subdomain = wanted'
    """)
    op.execute("REVOKE ALL ON FUNCTION tenant_by_subdomain(text) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION tenant_by_subdomain(text) TO boom_app")


def in_list(column: str, values: str) -> str:
    """The condition that a column holds one of these words."""
    return f"{column} IN ({', '.join(repr(value) for value in values.split())})"


def create_tables() -> None:
    op.create_table(
        "tenants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("subdomain", sa.String(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("currency_code", sa.String(), nullable=False),
        sa.Column("plan_code", sa.String(), nullable=False),
        sa.Column("slot_minutes", sa.Integer(), nullable=False),
        sa.Column("min_notice_minutes", sa.Integer(), nullable=False),
        sa.Column("max_advance_days", sa.Integer(), nullable=False),
        sa.Column("min_duration_minutes", sa.Integer(), nullable=False),
        sa.Column("max_duration_minutes", sa.Integer(), nullable=False),
        sa.Column("hold_minutes", sa.Integer(), nullable=False),
        sa.Column("requires_confirmation", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=False),
        sa.CheckConstraint(
            "plan_code IN ('STARTER', 'PROFESSIONAL', 'ENTERPRISE')",
            name=op.f("ck_tenants_plan_code"),
        ),
        sa.CheckConstraint("hold_minutes BETWEEN 1 AND 30", name=op.f("ck_tenants_hold_minutes")),
        sa.CheckConstraint("max_advance_days >= 1", name=op.f("ck_tenants_max_advance_days")),
        sa.CheckConstraint(
            "max_duration_minutes <= 1440", name=op.f("ck_tenants_max_duration_minutes")
        ),
        sa.CheckConstraint(
            "min_duration_minutes BETWEEN 1 AND max_duration_minutes",
            name=op.f("ck_tenants_min_duration_minutes"),
        ),
        sa.CheckConstraint("min_notice_minutes >= 0", name=op.f("ck_tenants_min_notice_minutes")),
        sa.CheckConstraint("slot_minutes BETWEEN 5 AND 1440", name=op.f("ck_tenants_slot_minutes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenants")),
        sa.UniqueConstraint("subdomain", name=op.f("uq_tenants_subdomain")),
    )
    op.create_table(
        "customers",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("email_key", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("locale", sa.String(), nullable=True),
        sa.Column("notes", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=False),
        sa.CheckConstraint(
            "(email IS NULL) = (email_key IS NULL)", name=op.f("ck_customers_email_key")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_customers_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_customers")),
        sa.UniqueConstraint(
            "tenant_id", "email_key", name=op.f("uq_customers_tenant_id_email_key")
        ),
    )
    op.create_index(
        op.f("ix_customers_tenant_id_created_at_id"),
        "customers",
        ["tenant_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_customers_tenant_id_name_id"),
        "customers",
        ["tenant_id", "name", "id"],
        unique=False,
    )
    op.create_table(
        "idempotent_results",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("mutation", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("input_hash", sa.LargeBinary(), nullable=False),
        sa.Column("rows", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_idempotent_results_tenant_id")
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "actor_id", "mutation", "key", name=op.f("pk_idempotent_results")
        ),
    )
    op.create_index(
        op.f("ix_idempotent_results_tenant_id_created_at"),
        "idempotent_results",
        ["tenant_id", "created_at"],
        unique=False,
    )
    op.create_table(
        "log",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.Column(
            "generation",
            sa.BigInteger(),
            server_default=sa.text("log_generation()"),
            nullable=False,
        ),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("subject_type", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column(
            "before", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column(
            "after", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.CheckConstraint(
            in_list(
                "type",
                "BOOKING_HELD BOOKING_CREATED BOOKING_CONFIRMED BOOKING_REJECTED "
                "BOOKING_RESCHEDULED BOOKING_CANCELLED BOOKING_CHECKED_IN BOOKING_COMPLETED "
                "BOOKING_NO_SHOW BOOKING_EXPIRED BOOKING_UPDATED ROOM_CREATED ROOM_UPDATED "
                "ROOM_ARCHIVED ROOM_UNARCHIVED HOURS_CHANGED BLACKOUT_CREATED BLACKOUT_DELETED "
                "TENANT_UPDATED SETTINGS_CHANGED CUSTOMER_CREATED CUSTOMER_UPDATED "
                "USER_INVITED USER_JOINED USER_ROLE_CHANGED USER_DEACTIVATED",
            ),
            name=op.f("ck_log_type"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_log_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "position", name=op.f("pk_log")),
    )
    op.create_index(
        op.f("ix_log_tenant_id_generation_xid_position"),
        "log",
        ["tenant_id", "generation", "xid", "position"],
        unique=False,
    )
    op.create_index(
        op.f("ix_log_tenant_id_subject_id_position"),
        "log",
        ["tenant_id", "subject_id", "position"],
        unique=False,
    )
    op.create_table(
        "request_origins",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=False),
        sa.Column("ip_address", postgresql.INET(), nullable=True),
        sa.Column("user_agent", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_request_origins_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "request_id", name=op.f("pk_request_origins")),
    )
    op.create_index(
        op.f("ix_request_origins_tenant_id_at"),
        "request_origins",
        ["tenant_id", "at"],
        unique=False,
    )
    op.create_table(
        "rooms",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("category", sa.String(), nullable=True),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("color", sa.String(), nullable=True),
        sa.Column("buffer_before_minutes", sa.Integer(), nullable=False),
        sa.Column("buffer_after_minutes", sa.Integer(), nullable=False),
        sa.Column("hourly_rate_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency_code", sa.String(), nullable=False),
        sa.Column("archived_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=False),
        sa.CheckConstraint(
            "buffer_after_minutes BETWEEN 0 AND 1440", name=op.f("ck_rooms_buffer_after_minutes")
        ),
        sa.CheckConstraint(
            "buffer_before_minutes BETWEEN 0 AND 1440", name=op.f("ck_rooms_buffer_before_minutes")
        ),
        sa.CheckConstraint("capacity >= 1", name=op.f("ck_rooms_capacity")),
        sa.CheckConstraint("hourly_rate_minor >= 0", name=op.f("ck_rooms_hourly_rate_minor")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_rooms_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_rooms")),
    )
    op.create_index(
        op.f("ix_rooms_tenant_id_capacity_id"),
        "rooms",
        ["tenant_id", "capacity", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_rooms_tenant_id_created_at_id"),
        "rooms",
        ["tenant_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_rooms_tenant_id_name_id"), "rooms", ["tenant_id", "name", "id"], unique=False
    )
    op.create_table(
        "usage_counters",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("meter", sa.String(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("used >= 0", name=op.f("ck_usage_counters_used")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_usage_counters_tenant_id")
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "meter", "period_start", name=op.f("pk_usage_counters")
        ),
    )
    op.create_table(
        "blackouts",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=True),
        sa.Column("starts_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=False),
        sa.Column("ends_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_blackouts_ends_at")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "room_id"],
            ["rooms.tenant_id", "rooms.id"],
            name=op.f("fk_blackouts_tenant_id_room_id"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_blackouts_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_blackouts")),
    )
    op.create_index(
        op.f("ix_blackouts_tenant_id_ends_at"), "blackouts", ["tenant_id", "ends_at"], unique=False
    )
    op.create_table(
        "hours_exceptions",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=True),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("intervals", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "room_id"],
            ["rooms.tenant_id", "rooms.id"],
            name=op.f("fk_hours_exceptions_tenant_id_room_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_hours_exceptions_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_hours_exceptions")),
        sa.UniqueConstraint(
            "tenant_id",
            "room_id",
            "date",
            name=op.f("uq_hours_exceptions_tenant_id_room_id_date"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(
        op.f("ix_hours_exceptions_tenant_id_date"),
        "hours_exceptions",
        ["tenant_id", "date"],
        unique=False,
    )
    op.create_table(
        "users",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("last_login_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=True),
        sa.Column(
            "deactivated_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=True
        ),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=False),
        sa.CheckConstraint(
            "(role = 'CUSTOMER') = (customer_id IS NOT NULL)", name=op.f("ck_users_customer_id")
        ),
        sa.CheckConstraint(
            "role IN ('OWNER', 'ADMIN', 'MANAGER', 'STAFF', 'CUSTOMER')", name=op.f("ck_users_role")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customers.tenant_id", "customers.id"],
            name=op.f("fk_users_tenant_id_customer_id"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_users_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_users")),
        sa.UniqueConstraint(
            "tenant_id", "customer_id", name=op.f("uq_users_tenant_id_customer_id")
        ),
        sa.UniqueConstraint("tenant_id", "email", name=op.f("uq_users_tenant_id_email")),
    )
    op.create_index(
        op.f("ix_users_tenant_id_created_at_id"),
        "users",
        ["tenant_id", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "weekday_hours",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=True),
        sa.Column("weekday", sa.String(), nullable=False),
        sa.Column("intervals", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            in_list(
                "weekday",
                "MONDAY TUESDAY WEDNESDAY THURSDAY FRIDAY SATURDAY SUNDAY",
            ),
            name=op.f("ck_weekday_hours_weekday"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "room_id"],
            ["rooms.tenant_id", "rooms.id"],
            name=op.f("fk_weekday_hours_tenant_id_room_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_weekday_hours_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_weekday_hours")),
        sa.UniqueConstraint(
            "tenant_id",
            "room_id",
            "weekday",
            name=op.f("uq_weekday_hours_tenant_id_room_id_weekday"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "bookings",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("held_by_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("starts_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=False),
        sa.Column("ends_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=False),
        sa.Column("occupied", postgresql.TSTZRANGE(), nullable=False),
        sa.Column(
            "hold_expires_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=True
        ),
        sa.Column("party_size", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column(
            "price_lines", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("price_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency_code", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("tenant_id"), "="),
            (sa.column("room_id"), "="),
            (sa.column("occupied"), "&&"),
            where=sa.text("status IN ('held', 'pending', 'confirmed', 'checked_in')"),
            using="gist",
            name="booking_no_overlap",
        ),
        sa.CheckConstraint(
            "(status <> 'held') OR hold_expires_at IS NOT NULL", name=op.f("ck_bookings_hold")
        ),
        sa.CheckConstraint(
            in_list(
                "status",
                "held pending confirmed checked_in completed cancelled no_show expired rejected",
            ),
            name=op.f("ck_bookings_status"),
        ),
        sa.CheckConstraint(
            "occupied @> tstzrange(starts_at, ends_at)", name=op.f("ck_bookings_occupied")
        ),
        sa.CheckConstraint("party_size >= 1", name=op.f("ck_bookings_party_size")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_bookings_ends_at")),
        sa.CheckConstraint(
            "ends_at - starts_at <= interval '24 hours'", name=op.f("ck_bookings_longest")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customers.tenant_id", "customers.id"],
            name=op.f("fk_bookings_tenant_id_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "held_by_id"],
            ["users.tenant_id", "users.id"],
            name=op.f("fk_bookings_tenant_id_held_by_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "room_id"],
            ["rooms.tenant_id", "rooms.id"],
            name=op.f("fk_bookings_tenant_id_room_id"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_bookings_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_bookings")),
        sa.UniqueConstraint("tenant_id", "reference", name=op.f("uq_bookings_tenant_id_reference")),
    )
    op.create_index(
        "ix_bookings_holds",
        "bookings",
        ["tenant_id", "hold_expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'held'"),
    )
    op.create_index(
        op.f("ix_bookings_tenant_id_created_at_id"),
        "bookings",
        ["tenant_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_bookings_tenant_id_customer_id_starts_at"),
        "bookings",
        ["tenant_id", "customer_id", "starts_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_bookings_tenant_id_room_id_starts_at"),
        "bookings",
        ["tenant_id", "room_id", "starts_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_bookings_tenant_id_starts_at_id"),
        "bookings",
        ["tenant_id", "starts_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_bookings_tenant_id_updated_at_id"),
        "bookings",
        ["tenant_id", "updated_at", "id"],
        unique=False,
    )
    op.create_table(
        "mailed_tokens",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=False),
        sa.Column("used_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=True),
        sa.CheckConstraint(
            "purpose IN ('password_reset', 'invitation')", name=op.f("ck_mailed_tokens_purpose")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["users.tenant_id", "users.id"],
            name=op.f("fk_mailed_tokens_tenant_id_user_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_mailed_tokens_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_mailed_tokens")),
        sa.UniqueConstraint(
            "tenant_id", "token_hash", name=op.f("uq_mailed_tokens_tenant_id_token_hash")
        ),
    )
    op.create_index(
        op.f("ix_mailed_tokens_tenant_id_user_id"),
        "mailed_tokens",
        ["tenant_id", "user_id"],
        unique=False,
    )
    op.create_table(
        "sessions",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=False),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["users.tenant_id", "users.id"],
            name=op.f("fk_sessions_tenant_id_user_id"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_sessions_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_sessions")),
    )
    op.create_index(
        op.f("ix_sessions_tenant_id_user_id"), "sessions", ["tenant_id", "user_id"], unique=False
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=False),
        sa.Column("used_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id"],
            ["sessions.tenant_id", "sessions.id"],
            name=op.f("fk_refresh_tokens_tenant_id_session_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_refresh_tokens_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_refresh_tokens")),
        sa.UniqueConstraint(
            "tenant_id", "token_hash", name=op.f("uq_refresh_tokens_tenant_id_token_hash")
        ),
    )
    op.create_index(
        op.f("ix_refresh_tokens_tenant_id_session_id"),
        "refresh_tokens",
        ["tenant_id", "session_id"],
        unique=False,
    )
