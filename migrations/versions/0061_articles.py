"""Articles: a venue's knowledge base, found by words, by spelling and by meaning.

What searches isn't leakproof, so under row-level security it can't use an index: as for customers,
functions of the owner search, and return ids. Vectors are those of the extension `vector`, which
only a superuser can create where it isn't trusted.
"""

import re
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None

INSTANT: Final = postgresql.TIMESTAMP(timezone=True, precision=3)
TENANT: Final = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"
TYPES: Final = frozenset({"ARTICLE_CREATED", "ARTICLE_UPDATED", "ARTICLE_ARCHIVED"})
OLDEST_VECTOR: Final = (0, 8)
TABLES: Final = ("articles", "article_index", "article_passages")
FOUND: Final = "articles_found(text[], text[], text, boolean)"
CLOSE: Final = "articles_close(text, text, boolean)"


def upgrade() -> None:
    require_vector()
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.create_table(
        "articles",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("title_key", sa.Text(collation="C"), nullable=False),
        sa.Column("title_search", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("published_at", INSTANT, nullable=True),
        sa.Column("archived_at", INSTANT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.CheckConstraint("length(title) BETWEEN 1 AND 200", name=op.f("ck_articles_title")),
        sa.CheckConstraint("length(body) BETWEEN 1 AND 20000", name=op.f("ck_articles_body")),
        *keys("articles", None),
    )
    op.create_index(
        op.f("ix_articles_tenant_id_title_key_id"), "articles", ["tenant_id", "title_key", "id"]
    )
    op.create_table(
        "article_index",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("is_published", sa.Boolean(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("lexemes", postgresql.TSVECTOR(), nullable=False),
        *keys("article_index", "id"),
    )
    for column, of in (("lexemes", "lexemes"), ("words", "words gin_trgm_ops")):
        op.execute(f"""
            CREATE INDEX ix_article_index_{column} ON article_index USING gin (tenant_id, {of})
            WITH (fastupdate = off)
        """)
    op.execute("""
        CREATE TABLE article_passages (
            tenant_id uuid NOT NULL, id uuid NOT NULL, article_id uuid NOT NULL,
            article_version integer NOT NULL, model varchar NOT NULL,
            embedding vector(1536) NOT NULL,
            CONSTRAINT pk_article_passages PRIMARY KEY (tenant_id, id),
            CONSTRAINT fk_article_passages_tenant_id
                FOREIGN KEY (tenant_id) REFERENCES tenants (id),
            CONSTRAINT fk_article_passages_tenant_id_article_id
                FOREIGN KEY (tenant_id, article_id) REFERENCES articles (tenant_id, id)
        )
    """)
    op.create_index(
        op.f("ix_article_passages_tenant_id_article_id"),
        "article_passages",
        ["tenant_id", "article_id"],
    )
    op.execute("""
        CREATE INDEX ix_article_passages_embedding
        ON article_passages USING hnsw (embedding vector_cosine_ops)
    """)
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"""
            CREATE POLICY tenant ON {table}
            USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})
        """)
    op.execute("GRANT SELECT, INSERT, UPDATE ON articles TO boom_app")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON article_index TO boom_app")
    op.execute("GRANT SELECT, INSERT, DELETE ON article_passages TO boom_app")
    for table, columns in {
        "articles": "tenant_id, id, version, archived_at",
        "article_passages": "tenant_id, article_id, article_version, model",
    }.items():
        op.execute(f"CREATE POLICY relay ON {table} FOR SELECT TO boom_relay USING (true)")
        op.execute(f"GRANT SELECT ({columns}) ON {table} TO boom_relay")
    for table in ("article_index", "article_passages"):
        op.execute(f"CREATE POLICY search ON {table} FOR SELECT TO CURRENT_USER USING (true)")
    create_search_by_words()
    create_search_by_meaning()
    for function in (FOUND, CLOSE):
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO boom_app")
    list_types(known_types() | TYPES)


def downgrade() -> None:
    list_types(known_types() - TYPES)
    for function in (CLOSE, FOUND):
        op.execute(f"DROP FUNCTION {function}")
    for table in reversed(TABLES):
        op.drop_table(table)


def require_vector() -> None:
    """Creates the extension, or says who has to install it."""
    connection = op.get_bind()
    installed = "SELECT installed_version, default_version FROM pg_available_extensions"
    row = connection.execute(sa.text(f"{installed} WHERE name = 'vector'")).one_or_none()
    if row is None:
        raise RuntimeError(
            "This version needs pgvector: install pgvector 0.8 or newer on the PostgreSQL server "
            "(Debian: the package postgresql-<version>-pgvector), and migrate again."
        )
    version = tuple(map(int, (row[0] or row[1]).split(".")[:2]))
    if version < OLDEST_VECTOR:
        raise RuntimeError(
            f"This version needs pgvector 0.8 or newer, and the database has {row[0] or row[1]}: "
            "install a newer one on the PostgreSQL server, run ALTER EXTENSION vector UPDATE in "
            "this database, and migrate again."
        )
    if row[0] is not None:
        return
    try:
        with connection.begin_nested():
            connection.execute(sa.text("CREATE EXTENSION vector"))
    except DBAPIError as error:
        raise RuntimeError(
            "The owner of the tables may not create the extension `vector`: run CREATE EXTENSION "
            "vector in this database as a superuser, and migrate again."
        ) from error


def create_search_by_words() -> None:
    # A word may be any that begins as one of its stems, so that parts of compounds are found; one
    # that no article has may be misspelt. Of the articles with a frequent word, those that have
    # all words come first.
    op.execute("""
        CREATE FUNCTION articles_found(
            written text[], plain text[], configuration text, drafts boolean
        ) RETURNS TABLE (word integer, article_id uuid, rank real, is_alike boolean)
        LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        AS $$
        #variable_conflict use_column
        DECLARE
            tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
            languages regconfig[] := ARRAY['simple', 'english', 'german', 'spanish', 'french'];
            queries tsquery[] := array_fill(NULL::tsquery, ARRAY[cardinality(plain)]);
            every tsquery;
            whole uuid[];
            ids uuid[];
            alike boolean;
        BEGIN
            RETURN QUERY SELECT 0, NULL::uuid, count(*)::real, false FROM (
                SELECT FROM public.article_index WHERE tenant_id = tenant LIMIT 10000) AS entry;
            FOR place IN 1 .. cardinality(plain) LOOP
                CONTINUE WHEN EXISTS (
                    SELECT FROM unnest(languages) AS each
                    WHERE to_tsvector(each, written[place]) = ''
                    AND (configuration IS NULL OR each = configuration::regconfig));
                queries[place] := (SELECT string_agg(DISTINCT
                    '''' || replace(replace(stem, '\\', '\\\\'), '''', '''''') || ''''
                    || CASE WHEN length(stem) > 3 THEN ':*' ELSE '' END, ' | ')::tsquery
                FROM unnest(languages) AS each,
                    unnest(tsvector_to_array(to_tsvector(each, plain[place]))) AS stem);
                every := CASE WHEN every IS NULL THEN queries[place]
                    ELSE coalesce(every && queries[place], every) END;
            END LOOP;
            whole := ARRAY(
                SELECT entry.id FROM public.article_index AS entry
                WHERE entry.tenant_id = tenant AND (drafts OR entry.is_published)
                AND entry.lexemes @@ every LIMIT 200);
            FOR place IN 1 .. cardinality(plain) LOOP
                CONTINUE WHEN queries[place] IS NULL;
                alike := false;
                ids := ARRAY(
                    SELECT entry.id FROM public.article_index AS entry
                    WHERE entry.tenant_id = tenant AND (drafts OR entry.is_published)
                    AND entry.lexemes @@ queries[place] LIMIT 200);
                IF cardinality(ids) = 0 AND length(plain[place]) > 3 THEN
                    alike := true;
                    ids := ARRAY(
                        SELECT entry.id FROM public.article_index AS entry
                        WHERE entry.tenant_id = tenant AND (drafts OR entry.is_published)
                        AND entry.words OPERATOR(public.%>>) plain[place] LIMIT 200);
                END IF;
                RETURN QUERY
                    SELECT place, NULL::uuid, cardinality(ids)::real, alike;
                RETURN QUERY
                    SELECT place, entry.id, CASE WHEN alike
                        THEN public.strict_word_similarity(plain[place], entry.words)
                        ELSE ts_rank(entry.lexemes, queries[place]) END, alike
                    FROM public.article_index AS entry
                    WHERE entry.tenant_id = tenant AND entry.id = ANY (
                        CASE WHEN alike THEN ids ELSE ids || whole END);
            END LOOP;
        END $$
    """)


def create_search_by_meaning() -> None:
    op.execute("""
        CREATE FUNCTION articles_close(sought text, by_model text, drafts boolean)
        RETURNS TABLE (article_id uuid, cosine double precision)
        LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        AS $$
        #variable_conflict use_column
        DECLARE
            tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
            vector public.vector := sought::public.vector;
        BEGIN
            -- Else an index over all tenants would only find what is close among the closest.
            PERFORM set_config('hnsw.iterative_scan', 'strict_order', true);
            RETURN QUERY
                SELECT entry.article_id, max(1 - entry.distance) FROM (
                    SELECT passage.article_id, passage.embedding OPERATOR(public.<=>) vector
                        AS distance
                    FROM public.article_passages AS passage
                    WHERE passage.tenant_id = tenant AND passage.model = by_model
                    AND EXISTS (
                        SELECT FROM public.article_index AS known
                        WHERE known.tenant_id = tenant AND known.id = passage.article_id
                        AND (drafts OR known.is_published))
                    ORDER BY passage.embedding OPERATOR(public.<=>) vector LIMIT 40
                ) AS entry
                GROUP BY entry.article_id;
        END $$
    """)


def keys(table: str, article: str | None) -> list[sa.Constraint]:
    constraints: list[sa.Constraint] = [
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{table}")),
    ]
    if article is not None:
        reference = sa.ForeignKeyConstraint(
            ["tenant_id", article],
            ["articles.tenant_id", "articles.id"],
            name=op.f(f"fk_{table}_tenant_id_{article}"),
        )
        constraints.append(reference)
    return constraints


def known_types() -> frozenset[str]:
    source = op.get_bind().scalar(
        sa.text("SELECT prosrc FROM pg_proc WHERE proname = 'is_event_type'")
    )
    return frozenset(re.findall("'([A-Z_]+)'", source))


def list_types(types: frozenset[str]) -> None:
    listed = ", ".join(repr(each) for each in sorted(types))
    op.execute(f"""
        CREATE OR REPLACE FUNCTION is_event_type(type text) RETURNS boolean
        LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$ BEGIN RETURN type IN ({listed}); END $$
    """)
