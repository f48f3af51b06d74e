"""The locks of a change that is one statement, and what it must see once it has them.

In a function, because each statement of a volatile one has a snapshot of its own: what it reads
after the locks is newer than they are. Neither locks nor reads take a transaction id, so the ids in
the log are in the order of the locks.
"""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE FUNCTION claim_calendar(
            tenant uuid, key_lock bigint, calendar_lock bigint, locks bigint[],
            actor uuid, mutation text, key text,
            OUT version bigint, OUT is_known boolean
        ) LANGUAGE plpgsql VOLATILE AS $$
        DECLARE
            lock bigint;
        BEGIN
            PERFORM set_config('app.tenant', tenant::text, true);
            IF key_lock IS NOT NULL THEN
                PERFORM pg_advisory_xact_lock(key_lock);
            END IF;
            PERFORM pg_advisory_xact_lock_shared(calendar_lock);
            FOREACH lock IN ARRAY locks LOOP
                PERFORM pg_advisory_xact_lock(lock);
            END LOOP;
            SELECT t.calendar_version INTO version FROM public.tenants t WHERE t.id = tenant;
            is_known := key_lock IS NOT NULL AND EXISTS (
                SELECT FROM public.idempotent_results r
                WHERE r.tenant_id = claim_calendar.tenant AND r.actor_id = claim_calendar.actor
                AND r.mutation = claim_calendar.mutation AND r.key = claim_calendar.key
            );
        END $$
    """)
    op.execute("""
        CREATE FUNCTION undo_change(reason text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
        BEGIN
            RAISE EXCEPTION USING ERRCODE = 'BB001', MESSAGE = reason;
        END $$
    """)


def downgrade() -> None:
    op.execute("DROP FUNCTION undo_change(text)")
    op.execute("DROP FUNCTION claim_calendar(uuid, bigint, bigint, bigint[], uuid, text, text)")
