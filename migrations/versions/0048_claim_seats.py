"""A booking of seats is stored in one statement, which picks them once it has its locks."""

from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of the times of a seat no two overlap, as of any space: see `claim_calendar`.
    op.execute("""
        CREATE FUNCTION claim_seats(
            tenant uuid, key_lock bigint, calendar_lock bigint, locks bigint[],
            actor uuid, mutation text, key text,
            room uuid, seats integer, party integer, wanted tstzrange,
            OUT version bigint, OUT is_known boolean, OUT is_taken boolean,
            OUT seat_numbers smallint[]
        ) LANGUAGE plpgsql VOLATILE AS $$
        BEGIN
            SELECT c.version, c.is_known INTO version, is_known
            FROM public.claim_calendar(
                tenant, key_lock, calendar_lock, locks, actor, mutation, key, ARRAY[room], wanted
            ) AS c;
            SELECT array_agg(free.number) INTO seat_numbers FROM (
                SELECT number::smallint FROM generate_series(0, seats - 1) AS number
                WHERE NOT coalesce((
                    SELECT o.occupied && wanted FROM public.occupancy o
                    WHERE o.tenant_id = tenant
                    AND o.space_id = (public.spaces_of_seats(room, ARRAY[number::smallint]))[1]
                    AND o.starts_at < upper(wanted)
                    ORDER BY o.starts_at DESC LIMIT 1
                ), false)
                LIMIT party
            ) AS free;
            is_taken := coalesce(cardinality(seat_numbers), 0) < party;
        END $$
    """)


def downgrade() -> None:
    op.execute("""
        DROP FUNCTION claim_seats(
            uuid, bigint, bigint, bigint[], uuid, text, text, uuid, integer, integer, tstzrange
        )
    """)
