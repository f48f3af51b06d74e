"""Makes articles of a knowledge base without requests, and with nothing on the log."""

from kit.actor import Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.support.articles import Article, ArticleIndex, derived, indexed
from resolvers.core.transactions import perform
from tests.support.factories import Venue


async def make_article(
    runtime: Runtime, venue: Venue, title: str, body: str, *, is_published: bool = True
) -> Article:
    """Adds an article in English, which is found at once."""

    async def make(scope: Scope) -> Article:
        await scope.lock()
        now = scope.now()
        article = scope.add(
            Article(
                tenant_id=venue.tenant.id,
                title=title,
                body=body,
                locale="en",
                published_at=now if is_published else None,
                created_at=now,
                updated_at=now,
                **derived(title, (), "en"),
            )
        )
        await scope.flush()
        scope.add(ArticleIndex(tenant_id=article.tenant_id, id=article.id, **indexed(article)))
        return article

    return (await perform(runtime, venue.owner.actor, Request(new_id()), make)).result
