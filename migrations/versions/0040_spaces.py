"""A booking takes the time of spaces: those of its rooms, which may be divided into parts.

Null is one plain room, whose only space has the room's id. Processes of the version before know
one space for each booking; the former `claim_calendar` stays for them.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

TAKING: Final = "IN ('held', 'pending', 'confirmed', 'checked_in')"
TAKES: Final = ("id", "room_id", "occupied", "moves_id")
ENDS: Final = "CASE WHEN {0}.status = 'held' THEN {0}.hold_expires_at END"
ROW: Final = f"coalesce(NEW.moves_id, NEW.id), {ENDS.format('NEW')}"
OLD_ROW: Final = """
    tenant_id = OLD.tenant_id AND starts_at = lower(OLD.occupied) AND booking_id = OLD.id
    AND space_id
"""
LISTS: Final = {"bookings": ("also_room_ids", "space_ids"), "rooms": ("part_ids", "space_ids")}
INDEX: Final = "ix_bookings_spaces"


def upgrade() -> None:
    for table, columns in LISTS.items():
        for name in columns:
            op.add_column(table, sa.Column(name, postgresql.ARRAY(sa.Uuid()), nullable=True))
    keep_spaces()
    compare("space_ids")
    claim_spaces()
    with op.get_context().autocommit_block():
        # An interrupted build leaves an index that isn't used.
        op.drop_index(INDEX, table_name="bookings", if_exists=True)
        op.create_index(
            INDEX,
            "bookings",
            ["tenant_id", "starts_at"],
            postgresql_where=sa.text("space_ids IS NOT NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    for tenant_id in op.get_bind().execute(sa.text("SELECT id FROM tenants")).scalars().all():
        op.execute(f"SELECT set_config('app.tenant', '{tenant_id}', true)")
        op.execute("UPDATE bookings SET space_ids = NULL WHERE space_ids IS NOT NULL")
    op.execute("SELECT set_config('app.tenant', '', true)")
    op.execute("""
        DROP FUNCTION claim_calendar(
            uuid, bigint, bigint, bigint[], uuid, text, text, uuid[], tstzrange
        )
    """)
    compare()
    keep_one_space()
    op.drop_index(INDEX, table_name="bookings")
    for table, columns in LISTS.items():
        for name in columns:
            op.drop_column(table, name)


def keep_spaces() -> None:
    # A plain room goes its own way: lists would make each of its bookings slower.
    replace_keeper(f"""
        IF TG_OP <> 'INSERT' AND OLD.status {TAKING} THEN
            IF TG_OP = 'UPDATE' AND NEW.status {TAKING}
            AND OLD.space_ids IS NULL AND NEW.space_ids IS NULL THEN
                UPDATE public.occupancy SET
                    booking_id = NEW.id, space_id = NEW.room_id, occupied = NEW.occupied,
                    (occupant_id, expires_at) = ROW({ROW})
                WHERE {OLD_ROW} = OLD.room_id;
                IF FOUND THEN
                    RETURN NULL;
                END IF;
            ELSE
                DELETE FROM public.occupancy
                WHERE {OLD_ROW} = ANY (coalesce(OLD.space_ids, ARRAY[OLD.room_id]));
                IF TG_OP = 'DELETE' OR NOT NEW.status {TAKING} THEN
                    RETURN NULL;
                END IF;
            END IF;
        END IF;
        IF NEW.space_ids IS NULL THEN
            INSERT INTO public.occupancy
                (tenant_id, booking_id, space_id, occupied, occupant_id, expires_at)
            VALUES (NEW.tenant_id, NEW.id, NEW.room_id, NEW.occupied, {ROW});
        ELSE
            INSERT INTO public.occupancy
                (tenant_id, booking_id, space_id, occupied, occupant_id, expires_at)
            SELECT NEW.tenant_id, NEW.id, space_id, NEW.occupied, {ROW}
            FROM unnest(NEW.space_ids) AS space_id;
        END IF;
        RETURN NULL;
    """)


def keep_one_space() -> None:
    replace_keeper(f"""
        IF TG_OP <> 'INSERT' AND OLD.status {TAKING} THEN
            IF TG_OP = 'UPDATE' AND NEW.status {TAKING} THEN
                UPDATE public.occupancy SET
                    booking_id = NEW.id, space_id = NEW.room_id, occupied = NEW.occupied,
                    (occupant_id, expires_at) = ROW({ROW})
                WHERE {OLD_ROW} = OLD.room_id;
                IF FOUND THEN
                    RETURN NULL;
                END IF;
            ELSE
                DELETE FROM public.occupancy WHERE {OLD_ROW} = OLD.room_id;
                RETURN NULL;
            END IF;
        END IF;
        INSERT INTO public.occupancy
            (tenant_id, booking_id, space_id, occupied, occupant_id, expires_at)
        VALUES (NEW.tenant_id, NEW.id, NEW.room_id, NEW.occupied, {ROW});
        RETURN NULL;
    """)


def replace_keeper(body: str) -> None:
    op.execute(f"""
        CREATE OR REPLACE FUNCTION keep_occupancy() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        AS $$ BEGIN {body} END $$
    """)


def compare(*more: str) -> None:
    """Runs the trigger where a change of a booking concerns the time that it takes."""
    compared = (*(f"{{0}}.{name}" for name in (*TAKES, *more)), ENDS)
    before, after = (", ".join(each.format(row) for each in compared) for row in ("OLD", "NEW"))
    columns = ("status", *TAKES, "hold_expires_at", *more)
    op.execute(f"""
        CREATE OR REPLACE TRIGGER move_time AFTER UPDATE OF {", ".join(columns)} ON bookings
        FOR EACH ROW WHEN (
            OLD.status {TAKING} <> (NEW.status {TAKING})
            OR NEW.status {TAKING} AND ROW({before}) IS DISTINCT FROM ROW({after})
        ) EXECUTE FUNCTION keep_occupancy()
    """)


def claim_spaces() -> None:
    # The first space is looked at in the same statement as the version: mostly it is the only one.
    last = """
        SELECT o.occupied && wanted FROM public.occupancy o
        WHERE o.tenant_id = tenant AND o.space_id = {space} AND o.starts_at < upper(wanted)
        ORDER BY o.starts_at DESC LIMIT 1
    """
    op.execute(f"""
        CREATE FUNCTION claim_calendar(
            tenant uuid, key_lock bigint, calendar_lock bigint, locks bigint[],
            actor uuid, mutation text, key text, spaces uuid[], wanted tstzrange,
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
            SELECT t.calendar_version, coalesce(({last.format(space="spaces[1]")}), false)
            INTO version, is_taken FROM public.tenants t WHERE t.id = tenant;
            IF NOT is_taken AND cardinality(spaces) > 1 THEN
                is_taken := EXISTS (
                    SELECT FROM unnest(spaces[2:]) AS space WHERE ({last.format(space="space")})
                );
            END IF;
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
