"""The vectors of articles, which a model makes of their passages."""

from typing import Final
from uuid import UUID

from domain.support.articles import passages
from kit.actor import Actor, ActorKind, Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.support.articles import (
    DIMENSIONS,
    Article,
    ArticlePassage,
    articles_of,
    passages_removed,
    vector_text,
)
from resolvers.core.transactions import perform
from resolvers.support.articles import embeddings_of

BATCH: Final = 64
"""How many passages are turned into vectors by one request."""


async def embed_article(runtime: Runtime, tenant_id: UUID, id: UUID) -> None:
    """Replaces the vectors of an article by those of its text as it is now. Raises ModelError.

    Removes them if it is archived. No transaction waits for the model: if the article changes
    meanwhile, another job comes.
    """
    actor, request = Actor(ActorKind.SYSTEM, tenant_id), Request(new_id())
    reading = Scope(runtime, actor, request)
    try:
        article = await reading.one(articles_of(tenant_id).where(Article.id == id))  # type: ignore[arg-type]
        embeddings = embeddings_of(reading)
    finally:
        await reading.close()
    if article is None or embeddings is None or embeddings.dimensions > DIMENSIONS:
        return
    texts = [] if article.archived_at is not None else passages(article.title, article.body)
    vectors = [
        vector
        for start in range(0, len(texts), BATCH)
        for vector in await embeddings.embed(texts[start : start + BATCH])
    ]
    model, version = embeddings.model, article.version

    async def store(scope: Scope) -> None:
        await scope.lock(("articles",))
        now = await scope.one(articles_of(tenant_id).where(Article.id == id))  # type: ignore[arg-type]
        if now is None or now.version != version:
            return
        await scope.run(passages_removed(now))
        for vector in vectors:
            scope.add(
                ArticlePassage(
                    tenant_id=tenant_id,
                    article_id=id,
                    article_version=version,
                    model=model,
                    embedding=vector_text(vector),
                )
            )

    await perform(runtime, actor, request, store)
