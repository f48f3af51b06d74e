"""A room may be booked by its seats: each is a space, of which a booking takes several.

A seat's space has the room's id, with the seat's number in place of the bits after the version, and
version 8. Rooms have version 7, so no seat has the id of a room.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

TAKING: Final = "IN ('held', 'pending', 'confirmed', 'checked_in')"
TAKES: Final = ("id", "room_id", "occupied", "moves_id", "space_ids")
ENDS: Final = "CASE WHEN {0}.status = 'held' THEN {0}.hold_expires_at END"
ROW: Final = f"coalesce(NEW.moves_id, NEW.id), {ENDS.format('NEW')}"
OLD_ROW: Final = """
    tenant_id = OLD.tenant_id AND starts_at = lower(OLD.occupied) AND booking_id = OLD.id
    AND space_id
"""
ALONE: Final = "seat_numbers IS NULL OR (space_ids IS NULL AND also_room_ids IS NULL)"


def upgrade() -> None:
    op.add_column("rooms", sa.Column("seats", sa.Integer(), nullable=True))
    op.create_check_constraint(op.f("ck_rooms_seats"), "rooms", "seats BETWEEN 1 AND 500")
    op.add_column(
        "bookings",
        sa.Column("seat_numbers", postgresql.ARRAY(sa.SmallInteger()), nullable=True),
    )
    # Of no row yet, so that none has to be looked at.
    op.execute(f"ALTER TABLE bookings ADD CONSTRAINT ck_bookings_seats CHECK ({ALONE}) NOT VALID")
    op.execute("""
        CREATE FUNCTION spaces_of_seats(room_id uuid, seat_numbers smallint[]) RETURNS uuid[]
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT coalesce(array_agg(
                overlay(room_id::text PLACING '8' || lpad(to_hex(number), 3, '0') FROM 15)::uuid
            ), '{}') FROM unnest(seat_numbers::integer[]) AS number
        $$
    """)
    keep_spaces("""
        IF OLD.seat_numbers IS NOT NULL THEN
            OLD.space_ids := public.spaces_of_seats(OLD.room_id, OLD.seat_numbers);
        END IF;
        IF NEW.seat_numbers IS NOT NULL THEN
            NEW.space_ids := public.spaces_of_seats(NEW.room_id, NEW.seat_numbers);
        END IF;
    """)
    compare("seat_numbers")
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE bookings VALIDATE CONSTRAINT ck_bookings_seats")


def downgrade() -> None:
    # Whoever has a seat would have the whole room, which others have at the same time.
    for tenant_id in op.get_bind().execute(sa.text("SELECT id FROM tenants")).scalars().all():
        op.execute(f"SELECT set_config('app.tenant', '{tenant_id}', true)")
        seats = f"SELECT 1 FROM rooms WHERE tenant_id = '{tenant_id}' AND seats IS NOT NULL LIMIT 1"
        if op.get_bind().execute(sa.text(seats)).first() is not None:
            raise RuntimeError("There are rooms with seats: have them booked as a whole first.")
    op.execute("SELECT set_config('app.tenant', '', true)")
    compare()
    keep_spaces("")
    op.execute("DROP FUNCTION spaces_of_seats(uuid, smallint[])")
    op.drop_column("bookings", "seat_numbers")
    op.drop_column("rooms", "seats")


def keep_spaces(first: str) -> None:
    # A plain room goes its own way: lists would make each of its bookings slower.
    replace_keeper(f"""
        {first}
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
