"""Articles of the knowledge base: lists, creates, changes and archives them."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from sqlalchemy import Select, false
from sqlmodel import col
from typing_extensions import Doc

from domain.core.ids import ArticleId
from domain.core.log_events import Event, EventType
from domain.core.patch import ABSENT, Absent
from domain.core.refusals import LimitReached
from domain.core.text import MarkdownText, SearchText, tidy_name
from domain.support.articles import MAX_ARTICLES, article_refusals, language_of, tidy_tags
from integrations.assistant.protocol import Embeddings
from kit.postgres.keyset_pagination import Listing, Order
from kit.scope import Scope
from models.core.base import snapshot
from models.support.articles import (
    EMBED_JOB,
    Article,
    ArticleIndex,
    articles_counted,
    articles_of,
    derived,
    has_in_title,
    index_of,
    indexed,
)
from models.tenants import Tenant
from permissions.policy import grant_of
from permissions.roles import GrantScope, P
from resolvers.bookings.public_venue import public
from resolvers.core.changes import log_change
from resolvers.core.lookups import get_at_version, raise_all

_LOCK: Final = ("articles",)

_TITLE: Final = Doc("The title: at most 200 characters.")
_BODY: Final = Doc("The text in Markdown: at most 20,000 characters.")
_LOCALE: Final = Doc("The language that it is written in: a language tag such as 'de' or 'en-US'.")
_TAGS: Final = Doc("Words by which it is found too: at most 20, of 1 to 50 characters.")
_PUBLISHED: Final = Doc("Whether everybody can read it; otherwise only the venue's team.")
Version = Annotated[
    int,
    Doc(
        "The version of the article that you read. If it has changed since, the mutation is "
        "refused with STALE_VERSION."
    ),
]
Search = Annotated[
    SearchText | None,
    Doc("Only those whose title or tags contain this text. For questions: `searchArticles`."),
]
Language = Annotated[
    str | None, Doc("Only those in the language of this locale, such as `de`. By default in all.")
]


def sees_drafts(scope: Scope) -> bool:
    """Returns whether the caller belongs to the venue's team, who see more than is published."""
    return grant_of(scope.actor, P.ARTICLES_READ) is GrantScope.ANY


def visible_articles(scope: Scope) -> Select[Article]:
    """Selects the articles that the caller may see: all, or the published ones."""
    if sees_drafts(scope):
        return articles_of(scope.tenant_id)
    if grant_of(scope.actor, P.ARTICLES_READ) is None:
        return articles_of(scope.tenant_id).where(false())
    return published_articles(scope)


def published_articles(scope: Scope) -> Select[Article]:
    """Selects the articles that everybody may see."""
    return articles_of(scope.tenant_id).where(
        col(Article.published_at).is_not(None), col(Article.archived_at).is_(None)
    )


def articles(scope: Scope, *, search: Search = None, locale: Language = None) -> Listing[Article]:
    """The venue's articles, sorted by title. Customers see those that are published; the venue's
    team sees drafts and archived ones too.
    """
    return _listed(visible_articles(scope), search, locale)


def public_articles(
    scope: Scope, *, search: Search = None, locale: Language = None
) -> Listing[Article]:
    """The published articles of the venue, sorted by title."""
    return _listed(published_articles(scope), search, locale)


def publicly(scope: Scope, venue: Tenant) -> Scope:
    """Returns the scope in which anybody reads the venue's articles."""
    return public(scope, venue.id)


async def article(
    scope: Scope, id: Annotated[ArticleId, Doc("The id of the article.")]
) -> Article | None:
    """Find an article by id. Null if there is no such article or the caller can't see it."""
    return await scope.one(visible_articles(scope).where(col(Article.id) == id))


async def create_article(
    scope: Scope,
    *,
    title: Annotated[str, _TITLE],
    body: Annotated[MarkdownText, _BODY],
    locale: Annotated[str, _LOCALE],
    tags: Annotated[tuple[str, ...], _TAGS] = (),
    published: Annotated[bool, _PUBLISHED] = False,
) -> Article:
    """Add an article to the knowledge base. A venue can have at most 10,000."""
    await scope.lock(_LOCK)
    now = scope.now()
    new = Article(
        tenant_id=scope.tenant_id,
        title=tidy_name(title),
        body=body,
        locale=locale,
        tags=tidy_tags(tags),
        published_at=now if published else None,
        created_at=now,
        updated_at=now,
        **derived(tidy_name(title), tidy_tags(tags), locale),
    )
    refused = [*_refusals(new)]
    used = await scope.value(articles_counted(scope.tenant_id))
    if used >= MAX_ARTICLES:
        refused.append(LimitReached("articles", limit=MAX_ARTICLES, used=used))
    raise_all(refused)
    scope.add(new)
    await scope.flush()
    scope.add(ArticleIndex(tenant_id=new.tenant_id, id=new.id, **indexed(new)))
    scope.emit(Event(EventType.ARTICLE_CREATED, "Article", new.id, after=snapshot(new)))
    _embed(scope, new)
    return new


async def update_article(
    scope: Scope,
    id: Annotated[ArticleId, Doc("The id of the article.")],
    *,
    version: Version,
    title: Annotated[str | Absent, _TITLE] = ABSENT,
    body: Annotated[MarkdownText | Absent, _BODY] = ABSENT,
    locale: Annotated[str | Absent, _LOCALE] = ABSENT,
    tags: Annotated[tuple[str, ...] | Absent, _TAGS] = ABSENT,
    published: Annotated[bool | Absent, _PUBLISHED] = ABSENT,
) -> Article:
    """Change, publish or withdraw an article. An archived one comes back."""
    await scope.lock(_LOCK)
    changed = await get_at_version(
        scope, visible_articles(scope), id, version=version, what="article"
    )
    before = snapshot(changed)
    given: dict[str, Any] = {"title": title, "body": body, "locale": locale, "tags": tags}
    for name, value in given.items():
        if value is not ABSENT:
            setattr(changed, name, value)
    changed.title, changed.tags = tidy_name(changed.title), tidy_tags(changed.tags)
    raise_all([*_refusals(changed)])
    if published is not ABSENT and published is not changed.published:
        changed.published_at = scope.now() if published else None
    changed.archived_at = None
    for name, value in derived(changed.title, changed.tags, changed.locale).items():
        setattr(changed, name, value)
    if log_change(scope, EventType.ARTICLE_UPDATED, "Article", changed, before):
        changed.updated_at = scope.now()
        await _index(scope, changed)
        _embed(scope, changed)
    return changed


async def archive_article(
    scope: Scope, id: Annotated[ArticleId, Doc("The id of the article.")], *, version: Version
) -> Article:
    """Archive an article, so that only the venue's team sees it and no search finds it."""
    await scope.lock(_LOCK)
    archived = await get_at_version(
        scope, visible_articles(scope), id, version=version, what="article"
    )
    if archived.archived_at is not None:
        return archived
    before = snapshot(archived)
    archived.archived_at = archived.updated_at = scope.now()
    log_change(scope, EventType.ARTICLE_ARCHIVED, "Article", archived, before)
    row = await scope.one(index_of(archived))
    if row is not None:
        await scope.remove(row)
    return archived


def embeddings_of(scope: Scope) -> Embeddings | None:
    """Returns what turns texts into vectors, if the installation has it."""
    found = scope.runtime.services.get(Embeddings)
    return found if found is None else scope.service(Embeddings)  # type: ignore[type-abstract]


async def _index(scope: Scope, article: Article) -> None:
    row = await scope.one(index_of(article))
    if row is None:
        scope.add(ArticleIndex(tenant_id=article.tenant_id, id=article.id, **indexed(article)))
        return
    for name, value in indexed(article).items():
        setattr(row, name, value)


def _embed(scope: Scope, article: Article) -> None:
    if embeddings_of(scope) is not None:
        scope.enqueue(EMBED_JOB, {"id": str(article.id)}, dedupe=str(article.id))


def _refusals(article: Article) -> Sequence[Any]:
    return [
        *article_refusals(
            title=article.title, body=article.body, locale=article.locale, tags=article.tags
        )
    ]


def _listed(visible: Select[Article], search: str | None, locale: str | None) -> Listing[Article]:
    if search is not None:
        visible = visible.where(has_in_title(search))
    if locale is not None:
        visible = visible.where(col(Article.language) == language_of(locale))
    return Listing(Article, visible, (Order(Article.title_key),))
