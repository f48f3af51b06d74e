"""The times that bookings take, in a table of their own, which a trigger keeps.

`occupancy` has what takes time now, and nothing of what is over. Only the trigger writes it, as
the owner: no change of a booking can forget it, whatever makes it, nor one by the version of the
app before this. The next migration adds the bookings that are there already.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
TAKING: Final = "IN ('held', 'pending', 'confirmed', 'checked_in')"
TAKES: Final = ("id", "room_id", "occupied", "moves_id", "hold_expires_at")


def upgrade() -> None:
    op.create_table(
        "occupancy",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("space_id", sa.Uuid(), nullable=False),
        sa.Column(
            "starts_at",
            postgresql.TIMESTAMP(timezone=True),
            sa.Computed("lower(occupied)", persisted=True),
            nullable=False,
        ),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("occupied", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("occupant_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True, precision=3), nullable=True),
        # No other index: each costs every booking, and this one finds what is free, too.
        sa.PrimaryKeyConstraint(
            "tenant_id", "space_id", "starts_at", "booking_id", name=op.f("pk_occupancy")
        ),
        postgresql.ExcludeConstraint(
            (sa.column("tenant_id"), "="),
            (sa.column("space_id"), "="),
            (sa.column("occupied"), "&&"),
            (sa.column("occupant_id"), "<>"),
            name="occupancy_no_overlap",
            using="gist",
            # So that no statement is planned to use it: it would read all times of a space.
            where=sa.text("NOT isempty(occupied)"),
        ),
    )
    op.execute("ALTER TABLE occupancy ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE occupancy FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY tenant ON occupancy
        USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
    """)
    # Whoever may change a booking: the trigger keeps its time.
    op.execute("CREATE POLICY bookings ON occupancy TO CURRENT_USER USING (true)")
    op.execute("GRANT SELECT ON occupancy TO boom_app")
    keep_in_step()
    claim_a_time()


def downgrade() -> None:
    op.execute("""
        DROP FUNCTION claim_calendar(
            uuid, bigint, bigint, bigint[], uuid, text, text, uuid, tstzrange
        )
    """)
    op.execute("DROP TRIGGER take_time ON bookings")
    op.execute("DROP TRIGGER move_time ON bookings")
    op.execute("DROP TRIGGER free_time ON bookings")
    op.execute("DROP FUNCTION keep_occupancy()")
    op.drop_table("occupancy")


def keep_in_step() -> None:
    op.execute(f"""
        CREATE FUNCTION keep_occupancy() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        AS $$
        BEGIN
            IF TG_OP <> 'INSERT' AND OLD.status {TAKING} THEN
                IF TG_OP = 'UPDATE' AND NEW.status {TAKING} THEN
                    UPDATE public.occupancy SET
                        booking_id = NEW.id,
                        space_id = NEW.room_id,
                        occupied = NEW.occupied,
                        occupant_id = coalesce(NEW.moves_id, NEW.id),
                        expires_at = CASE WHEN NEW.status = 'held' THEN NEW.hold_expires_at END
                    WHERE tenant_id = OLD.tenant_id AND space_id = OLD.room_id
                    AND starts_at = lower(OLD.occupied) AND booking_id = OLD.id;
                    IF FOUND THEN
                        RETURN NULL;
                    END IF;
                ELSE
                    DELETE FROM public.occupancy
                    WHERE tenant_id = OLD.tenant_id AND space_id = OLD.room_id
                    AND starts_at = lower(OLD.occupied) AND booking_id = OLD.id;
                    RETURN NULL;
                END IF;
            END IF;
            INSERT INTO public.occupancy
                (tenant_id, booking_id, space_id, occupied, occupant_id, expires_at)
            VALUES (
                NEW.tenant_id, NEW.id, NEW.room_id, NEW.occupied, coalesce(NEW.moves_id, NEW.id),
                CASE WHEN NEW.status = 'held' THEN NEW.hold_expires_at END
            );
            RETURN NULL;
        END $$
    """)
    op.execute("REVOKE ALL ON FUNCTION keep_occupancy() FROM PUBLIC")
    op.execute(f"""
        CREATE TRIGGER take_time AFTER INSERT ON bookings FOR EACH ROW
        WHEN (NEW.status {TAKING}) EXECUTE FUNCTION keep_occupancy()
    """)
    before, after = (", ".join(f"{row}.{name}" for name in TAKES) for row in ("OLD", "NEW"))
    op.execute(f"""
        CREATE TRIGGER move_time AFTER UPDATE OF status, {", ".join(TAKES)} ON bookings
        FOR EACH ROW WHEN (
            OLD.status {TAKING} <> (NEW.status {TAKING})
            OR NEW.status {TAKING} AND ROW({before}) IS DISTINCT FROM ROW({after})
        ) EXECUTE FUNCTION keep_occupancy()
    """)
    op.execute(f"""
        CREATE TRIGGER free_time AFTER DELETE ON bookings FOR EACH ROW
        WHEN (OLD.status {TAKING}) EXECUTE FUNCTION keep_occupancy()
    """)


def claim_a_time() -> None:
    # Of the times of a space no two overlap, but for those of one occupant: the last one that
    # begins before the end of the wanted time is the one that may be in the way.
    op.execute("""
        CREATE FUNCTION claim_calendar(
            tenant uuid, key_lock bigint, calendar_lock bigint, locks bigint[],
            actor uuid, mutation text, key text, space uuid, wanted tstzrange,
            OUT version bigint, OUT is_known boolean, OUT is_taken boolean
        ) LANGUAGE plpgsql VOLATILE AS $$
        DECLARE
            lock bigint;
        BEGIN
            -- In this order: a select list is evaluated from the left.
            PERFORM set_config('app.tenant', tenant::text, true),
                CASE WHEN key_lock IS NOT NULL THEN pg_advisory_xact_lock(key_lock) END,
                pg_advisory_xact_lock_shared(calendar_lock);
            FOREACH lock IN ARRAY locks LOOP
                PERFORM pg_advisory_xact_lock(lock);
            END LOOP;
            SELECT t.calendar_version, coalesce((
                SELECT o.occupied && wanted FROM public.occupancy o
                WHERE o.tenant_id = tenant AND o.space_id = space AND o.starts_at < upper(wanted)
                ORDER BY o.starts_at DESC LIMIT 1
            ), false)
            INTO version, is_taken FROM public.tenants t WHERE t.id = tenant;
            is_known := false;
            IF key_lock IS NOT NULL THEN
                is_known := EXISTS (
                    SELECT FROM public.idempotent_results r
                    WHERE r.tenant_id = claim_calendar.tenant AND r.actor_id = claim_calendar.actor
                    AND r.mutation = claim_calendar.mutation AND r.key = claim_calendar.key
                );
            END IF;
        END $$
    """)
