"""Articles of a venue's knowledge base, and the rows by which they are found."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Delete,
    Dialect,
    Index,
    Integer,
    Select,
    Text,
    Uuid,
    cast,
    column,
    delete,
    func,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlalchemy.types import Float, UserDefinedType
from sqlmodel import Field, col

from domain.core.text import search_form, sort_key
from domain.support.articles import configuration_of, known_words, language_of, plain_text
from models.core.base import INSTANT, SORT_KEY, Logged, TenantRow, refers_to
from models.core.search import contains, sought

EMBED_JOB: Final = "embed_article"
DIMENSIONS: Final = 1_536
"""The dimensions of stored vectors; shorter ones end with zeros, which changes no angle."""


class Vector(UserDefinedType[Any]):
    """A vector of pgvector, given as its text."""

    cache_ok = True

    def __init__(self, dimensions: int | str = DIMENSIONS) -> None:
        self.dimensions = int(dimensions)

    def get_col_spec(self, **_: Any) -> str:
        return f"VECTOR({self.dimensions})"

    def bind_expression(self, bindvalue: Any) -> ColumnElement[Any]:
        return cast(type_coerce(bindvalue, Text()), self)

    def bind_processor(self, _: Dialect) -> Any:
        return None


class Article(TenantRow, Logged, table=True):
    """An article; it is a draft without ``published_at``."""

    LOGGED: ClassVar = ("title", "body", "locale", "tags", "published_at", "archived_at")

    __tablename__ = "articles"
    __table_args__ = (
        Index(None, "tenant_id", "title_key", "id"),
        CheckConstraint("length(title) BETWEEN 1 AND 200", name="title"),
        CheckConstraint("length(body) BETWEEN 1 AND 20000", name="body"),
    )

    title: str
    title_key: str = Field(sa_type=SORT_KEY, description="By which titles sort.")
    title_search: str = Field(description="The title and the tags as they are found.")
    body: str
    locale: str
    language: str = Field(description="That of the locale.")
    tags: list[str] = Field(sa_column=Column(ARRAY(Text()), nullable=False, server_default="{}"))
    published_at: datetime | None = Field(default=None, sa_type=INSTANT)
    archived_at: datetime | None = Field(default=None, sa_type=INSTANT)
    version: int = 1
    created_at: datetime = Field(sa_type=INSTANT)
    updated_at: datetime = Field(sa_type=INSTANT)

    @property
    def published(self) -> bool:
        return self.published_at is not None


class ArticleIndex(TenantRow, table=True):
    """What an article that isn't archived is found by; its ``id`` is the article's."""

    __tablename__ = "article_index"
    __table_args__ = (
        refers_to("articles", "id"),
        Index("ix_article_index_lexemes", "tenant_id", "lexemes", postgresql_using="gin"),
        Index(
            "ix_article_index_words",
            "tenant_id",
            "words",
            postgresql_using="gin",
            postgresql_ops={"words": "gin_trgm_ops"},
        ),
    )

    is_published: bool
    words: str
    lexemes: Any = Field(sa_column=Column(TSVECTOR, nullable=False))


class ArticlePassage(TenantRow, table=True):
    """A passage of an article with its vector, made by a ``model`` of an article's version."""

    __tablename__ = "article_passages"
    __table_args__ = (
        refers_to("articles", "article_id"),
        Index(None, "tenant_id", "article_id"),
        Index(
            "ix_article_passages_embedding",
            "embedding",
            postgresql_using="hnsw",
            postgresql_ops={"embedding": "vector_cosine_ops"},
        ),
    )

    article_id: UUID
    article_version: int
    model: str
    embedding: Any = Field(sa_column=Column(Vector(), nullable=False))


def derived(title: str, tags: Sequence[str], locale: str) -> dict[str, Any]:
    """Returns the columns that follow from what is written."""
    return {
        "title_key": sort_key(title),
        "title_search": search_form(" ".join([title, *tags])),
        "language": language_of(locale),
    }


def articles_of(tenant_id: UUID) -> Select[Article]:
    return select(Article).where(col(Article.tenant_id) == tenant_id)


def articles_counted(tenant_id: UUID) -> Select[int]:
    return select(func.count()).where(
        col(Article.tenant_id) == tenant_id, col(Article.archived_at).is_(None)
    )


def has_in_title(sought_text: str) -> ColumnElement[bool]:
    """Returns the condition that an article's title or tags contain a text."""
    return contains(Article.title_search, sought(sought_text))


def index_of(article: Article) -> Select[ArticleIndex]:
    return select(ArticleIndex).where(
        col(ArticleIndex.tenant_id) == article.tenant_id, col(ArticleIndex.id) == article.id
    )


def indexed(article: Article) -> dict[str, Any]:
    """Returns the columns by which an article is found."""
    body = plain_text(article.body)
    # No texts, but PostgreSQL's own names.
    configuration: ColumnElement[Any] = literal_column(
        f"'{configuration_of(article.locale)}'::regconfig"
    )
    title, rest = (
        func.setweight(func.to_tsvector(configuration, plain), literal_column(weight))
        for plain, weight in ((article.title_search, "'A'"), (search_form(body), "'D'"))
    )
    return {
        "is_published": article.published,
        "words": known_words(article.title_search, body),
        "lexemes": title.op("||")(rest),
    }


def passages_removed(article: Article) -> Delete:
    return delete(ArticlePassage).where(
        col(ArticlePassage.tenant_id) == article.tenant_id,
        col(ArticlePassage.article_id) == article.id,
    )


def word_matches(
    words: Sequence[str], plain: Sequence[str], *, configuration: str | None, drafts: bool
) -> Select[int, UUID | None, float, bool]:
    """Selects where words of a text are found: the word's number, the article, its rank, and
    whether the word is only spelt alike.

    A row without an article has the number of articles with the word instead of the rank; the one
    of word 0 the number of all articles. Words without a meaning of their own have no row.
    """
    found = func.articles_found(
        cast(list(words), ARRAY(Text())),
        cast(list(plain), ARRAY(Text())),
        cast(configuration, Text()),
        drafts,
    ).table_valued(
        column("word", Integer()),
        column("article_id", Uuid()),
        column("rank", Float()),
        column("is_alike", Boolean()),
        name="found",
    )
    return select(found.c.word, found.c.article_id, found.c.rank, found.c.is_alike)


def close_articles(vector: str, *, model: str, drafts: bool) -> Select[UUID, float]:
    """Selects the articles with the closest passages to a vector, and the cosine of the angle."""
    found = func.articles_close(cast(vector, Text()), cast(model, Text()), drafts).table_valued(
        column("article_id", Uuid()), column("cosine", Float()), name="found"
    )
    return select(found.c.article_id, found.c.cosine)


def without_passages(model: str, *, after: UUID | None, limit: int) -> Select[UUID, UUID]:
    """Selects the tenant and id of articles of all tenants without vectors of a model."""
    known = select(col(ArticlePassage.article_id)).where(
        col(ArticlePassage.tenant_id) == col(Article.tenant_id),
        col(ArticlePassage.article_id) == col(Article.id),
        col(ArticlePassage.model) == model,
        col(ArticlePassage.article_version) == col(Article.version),
    )
    found = select(col(Article.tenant_id), col(Article.id)).where(
        col(Article.archived_at).is_(None), ~known.exists()
    )
    if after is not None:
        found = found.where(col(Article.id) > after)
    return found.order_by(col(Article.id)).limit(limit)


def vector_text(values: Sequence[float]) -> str:
    """Returns a vector as pgvector reads it, with zeros for the dimensions that it lacks."""
    padded = [*values, *([0.0] * (DIMENSIONS - len(values)))]
    return f"[{','.join(map(repr, padded))}]"
