"""Turns articles into vectors, by which they are found by meaning."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any, Final, cast
from uuid import UUID

from integrations.assistant.protocol import Embeddings
from kit.jobs.queue import Job, enqueue
from kit.postgres.database import Database
from kit.runtime import Runtime
from models.support.articles import DIMENSIONS, EMBED_JOB, without_passages
from resolvers.support import article_passages

BATCH: Final = 200
MAX_BATCHES: Final = 50
"""How many batches get jobs in one run; the others follow in the next."""


async def embed_article(
    runtime: Runtime, tenant_id: UUID | None, payload: Mapping[str, Any]
) -> None:
    """Makes the vectors of an article as it is now."""
    assert tenant_id is not None, "an article belongs to a tenant"
    await article_passages.embed_article(runtime, tenant_id, UUID(payload["id"]))


async def find_articles_to_embed(runtime: Runtime, relay: Database) -> None:
    """Enqueues a job for each article of every tenant that lacks vectors of the model in use."""
    embeddings = cast("Embeddings | None", runtime.services.get(Embeddings))
    if embeddings is None or embeddings.dimensions > DIMENSIONS:
        return
    after: UUID | None = None
    for _ in range(MAX_BATCHES):
        async with relay.session(writes=True) as session, session.begin():
            statement = without_passages(embeddings.model, after=after, limit=BATCH)
            rows = (await session.execute(statement)).all()
            by_tenant = sorted(rows, key=lambda row: row[0])
            for tenant_id, of_tenant in groupby(by_tenant, key=lambda row: row[0]):
                jobs = [Job(EMBED_JOB, {"id": str(id)}, dedupe=str(id)) for _, id in of_tenant]
                await enqueue(session, jobs, tenant_id=tenant_id, now=runtime.clock())
        if rows:
            runtime.notify_jobs()
        if len(rows) < BATCH:
            return
        after = rows[-1][1]
