"""Finds customers and references by a part of them, by indexes of their pieces.

Operators that search aren't leakproof, so under row-level security they can't use an index. Two
functions of the owner can: they read the tenant from the setting that the policies read, and
return ids only. The pieces of a text are its letters in threes; a text of one or two letters is the
beginning of some. Nothing of it depends on the server's locale.

The indexes are built while the tables are written to, so outside the migration's transaction.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

NAME: Final = "customers_found(text, text, text, integer, integer)"
REFERENCE: Final = "bookings_found(text, integer)"
PIECES: Final = {
    "customers": (
        "ix_customers_search",
        "search_pieces(concat_newline(name_search, lower(email), phone_search))",
    ),
    "bookings": ("ix_bookings_search", "search_pieces(replace(reference, '-', ''))"),
}


def upgrade() -> None:
    # For the tenant's part of the indexes.
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gin")
    create_pieces()
    with op.get_context().autocommit_block():
        for table, (name, pieces) in PIECES.items():
            # An interrupted build leaves an index that isn't used.
            op.drop_index(name, table_name=table, if_exists=True)
            op.create_index(
                name,
                table,
                ["tenant_id", sa.text(pieces)],
                postgresql_using="gin",
                # No search has to go through a list of pieces that wait.
                postgresql_with={"fastupdate": "off"},
                postgresql_concurrently=True,
            )
    for table in PIECES:
        op.execute(f"CREATE POLICY search ON {table} FOR SELECT TO CURRENT_USER USING (true)")
    create_search_of_customers()
    create_search_of_references()
    for function in (NAME, REFERENCE):
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO boom_app")


def downgrade() -> None:
    for function in (REFERENCE, NAME):
        op.execute(f"DROP FUNCTION {function}")
    for table, (name, _) in PIECES.items():
        op.execute(f"DROP POLICY search ON {table}")
        op.drop_index(name, table_name=table)
    op.execute("DROP FUNCTION pieces_sought(text)")
    op.execute("DROP FUNCTION search_pieces(text)")
    op.execute("DROP FUNCTION concat_newline(text, text, text)")


def create_pieces() -> None:
    # concat_ws isn't IMMUTABLE, as an index needs it; of texts it is.
    op.execute("""
        CREATE OR REPLACE FUNCTION concat_newline(text, text, text) RETURNS text
        LANGUAGE sql IMMUTABLE PARALLEL SAFE
        RETURN coalesce($1, '') || E'\\n' || coalesce($2, '') || E'\\n' || coalesce($3, '')
    """)
    op.execute("""
        CREATE OR REPLACE FUNCTION search_pieces(text) RETURNS tsvector
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        RETURN (
            SELECT array_to_tsvector(array_agg(substr($1, place, 3)))
            FROM generate_series(1, length($1)) AS place
        )
    """)
    # Of one or two letters the beginning of a piece, else all pieces that lie whole in it.
    op.execute("""
        CREATE OR REPLACE FUNCTION pieces_sought(text) RETURNS tsquery
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        RETURN (
            SELECT string_agg(
                '''' || replace(replace(substr($1, place, 3), '\\', '\\\\'), '''', '''''') || ''''
                    || CASE WHEN length($1) < 3 THEN ':*' ELSE '' END,
                ' & '
            )::tsquery
            FROM generate_series(1, greatest(length($1) - 2, least(length($1), 1))) AS place
        )
    """)


def create_search_of_customers() -> None:
    op.execute("""
        CREATE FUNCTION customers_found(
            name_form text, email_form text, phone_form text, most integer, enough integer,
            OUT ids uuid[], OUT are_all boolean
        )
        LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        AS $$
        DECLARE
            tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
            pieces tsquery;
            seen integer;
            matching integer;
        BEGIN
            ids := '{}';
            are_all := true;
            IF coalesce(name_form, email_form, phone_form) IS NULL THEN
                RETURN;
            END IF;
            SELECT count(*), count(*) FILTER (WHERE
                strpos(known.name_search, name_form) > 0
                OR strpos(lower(known.email), email_form) > 0
                OR strpos(known.phone_search, phone_form) > 0)
            INTO seen, matching
            FROM (
                SELECT customers.name_search, customers.email, customers.phone_search
                FROM public.customers WHERE tenant_id = tenant ORDER BY id LIMIT 500
            ) AS known;
            are_all := seen < 500 OR matching < 100;
            IF seen < 500 OR NOT are_all THEN
                -- Of few customers, or where many match, it is faster to look at each.
                ids := ARRAY(
                    SELECT known.id FROM public.customers AS known
                    WHERE known.tenant_id = tenant AND (
                        strpos(known.name_search, name_form) > 0
                        OR strpos(lower(known.email), email_form) > 0
                        OR strpos(known.phone_search, phone_form) > 0)
                    ORDER BY known.id LIMIT CASE WHEN are_all THEN most + 1 ELSE enough END
                );
            ELSE
                SELECT string_agg('(' || form.sought || ')', ' | ')::tsquery INTO pieces
                FROM (
                    SELECT DISTINCT public.pieces_sought(form)::text AS sought
                    FROM unnest(ARRAY[name_form, email_form, phone_form]) AS form
                ) AS form;
                ids := ARRAY(
                    SELECT known.id FROM public.customers AS known
                    WHERE known.tenant_id = tenant
                    AND public.search_pieces(public.concat_newline(
                        known.name_search, lower(known.email), known.phone_search)) @@ pieces
                    AND (strpos(known.name_search, name_form) > 0
                        OR strpos(lower(known.email), email_form) > 0
                        OR strpos(known.phone_search, phone_form) > 0)
                    LIMIT most + 1
                );
            END IF;
            are_all := are_all AND cardinality(ids) <= most;
        END $$
    """)


def create_search_of_references() -> None:
    op.execute("""
        CREATE FUNCTION bookings_found(
            form text, most integer, OUT ids uuid[], OUT are_all boolean
        )
        LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        AS $$
        DECLARE
            tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
            seen integer;
        BEGIN
            SELECT count(*) INTO seen
            FROM (SELECT FROM public.bookings WHERE tenant_id = tenant LIMIT 2001) AS known;
            IF seen <= 2000 OR form = '' THEN
                -- Of few bookings it is faster to look at each.
                ids := ARRAY(
                    SELECT known.id FROM public.bookings AS known
                    WHERE known.tenant_id = tenant
                    AND strpos(replace(known.reference, '-', ''), form) > 0
                    ORDER BY known.id LIMIT most + 1
                );
            ELSE
                ids := ARRAY(
                    SELECT known.id FROM public.bookings AS known
                    WHERE known.tenant_id = tenant
                    AND public.search_pieces(replace(known.reference, '-', ''))
                        @@ public.pieces_sought(form)
                    AND strpos(replace(known.reference, '-', ''), form) > 0
                    LIMIT most + 1
                );
            END IF;
            are_all := cardinality(ids) <= most;
        END $$
    """)
