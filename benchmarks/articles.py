"""Measures searches in a venue with 10,000 articles: `python -m benchmarks.articles`.

Beside it, 10 venues have 100 articles each. An article has about 200 words: some that all have,
some that each hundredth has, one of its own, and others that are as frequent as in a language. Its
vector points nowhere in particular. A search is that of the API without HTTP: with ranking,
excerpts and the rows of the articles; one that takes too long is cancelled, as in the API.
"""

import argparse
import asyncio
import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import accumulate, count, islice
from statistics import median
from time import perf_counter
from typing import Any, Final
from uuid import UUID

import asyncpg
from sqlalchemy.exc import DBAPIError

from benchmarks.database import add_tenant, empty_database
from domain.support.articles import known_words
from integrations.assistant.protocol import Embeddings
from kit.actor import Actor, ActorKind, Request
from kit.clock import system_clock
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrl, DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.scope import Scope
from models.support.articles import DIMENSIONS
from resolvers.audit.log_writer import write_log
from resolvers.support.article_search import search_articles

OTHERS: Final = 10
OTHERS_ARTICLES: Final = 100
MODEL: Final = "random"
SEARCHES: Final = {
    "a word of one article": "own04711",
    "a word of 1 article in 100": "subject17",
    "a question": "Where may my subject17 wait while guests sing beside the corner42?",
    "words of all articles": "Which rooms are open for a booking of guests?",
    "a misspelt word": "subjcet17",
    "eight misspelt words": "subjcet17 cornre42 guesst bookign roosm aftrewards betwene opne",
    "sixteen words": " ".join(f"subject{each} corner{each}" for each in range(8)),
    "in another language": "Darf mein Hund in euren Räumen warten, während wir singen?",
}
_COMMON: Final = "rooms are open for every booking of our guests, who sing there afterwards between"
_SYLLABLES: Final = "ba be ber co da der di en fe ga ge hal in ka la le lo ma mi na ner or pa re ri"
_PASSAGES: Final = """
    INSERT INTO article_passages (tenant_id, id, article_id, article_version, model, embedding)
    SELECT tenant_id, gen_random_uuid(), id, 1, $1, (
        SELECT array_agg(random() - 0.5) FROM generate_series(1, $2 + 0 * length(title))
    )::vector
    FROM articles
"""
_INDEX: Final = """
    INSERT INTO article_index (tenant_id, id, is_published, words, lexemes)
    SELECT tenant_id, id, true, $3, setweight(to_tsvector('english', title_search), 'A')
        || setweight(to_tsvector('english', lower(body)), 'D')
    FROM articles WHERE tenant_id = $1 AND id = $2
"""
_INDEXES: Final = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid::regclass::text IN ('article_index', 'article_passages') AND NOT indisunique
"""


class AnyDirection:
    """A model that takes no time, whose vectors have nothing to do with the text."""

    model = MODEL
    dimensions = DIMENSIONS

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        return [[random.uniform(-0.5, 0.5) for _ in range(DIMENSIONS)] for _ in texts]

    async def close(self) -> None:
        """Has nothing to close."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.articles", description=__doc__)
    parser.add_argument("--articles", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    with empty_database() as (urls, _):
        actor = asyncio.run(_load(urls, arguments.articles))
        asyncio.run(_measure(urls.app, actor, arguments.rounds))


async def _load(urls: DatabaseUrls, number: int) -> Actor:
    """Fills the venues; returns the large one's owner."""
    connection = await asyncpg.connect(urls.owner)
    began, now = perf_counter(), datetime.now(UTC)
    try:
        await connection.execute("SET session_replication_role = replica")
        async with connection.transaction():
            venues = [await add_tenant(connection, "venue", at, now) for at in range(OTHERS + 1)]
        indexes = await connection.fetch(_INDEXES)
        await connection.execute(f"DROP INDEX {', '.join(name for name, _ in indexes)}")
        texts = _texts()
        for place, (tenant, *_) in enumerate(venues):
            written = islice(texts, OTHERS_ARTICLES if place else number)
            await _write(connection, tenant, written, now)
        await connection.execute(_PASSAGES, MODEL, DIMENSIONS, timeout=900)
        for _, definition in indexes:
            await connection.execute(definition, timeout=900)
        await connection.execute("VACUUM ANALYZE", timeout=900)
    finally:
        await connection.close()
    print(f"Loaded {number:,} articles in {perf_counter() - began:.0f} s.", flush=True)
    tenant, user, session = venues[0]
    return Actor(
        ActorKind.USER, tenant, user, session, role="OWNER", own_id=user, plan="ENTERPRISE"
    )


async def _write(
    connection: Any, tenant: UUID, texts: Iterable[tuple[str, str]], now: datetime
) -> None:
    written = [(new_id(), *each) for each in texts]
    await connection.copy_records_to_table(
        "articles",
        columns=(
            *("tenant_id", "id", "title", "title_key", "title_search", "body", "locale"),
            *("language", "published_at", "version", "created_at", "updated_at"),
        ),
        records=[
            (tenant, id, title, title.lower(), title.lower(), body, "en", "en", now, 1, now, now)
            for id, title, body in written
        ],
    )
    await connection.executemany(
        _INDEX, [(tenant, id, known_words(title, body)) for id, title, body in written]
    )


def _texts() -> Iterator[tuple[str, str]]:
    """Yields titles and bodies without an end."""
    draw = random.Random("articles")
    syllables = _SYLLABLES.split()
    language = ["".join(draw.choices(syllables, k=draw.randint(2, 5))) for _ in range(20_000)]
    frequencies = list(accumulate(1 / (rank + 10) for rank in range(len(language))))
    for place in count():
        words = draw.choices(language, cum_weights=frequencies, k=180)
        words += [_COMMON, f"corner{draw.randrange(100)}", f"own{place:05}"]
        yield f"About subject{place % 100} {words[0]}", " ".join(words)


async def _measure(url: DatabaseUrl, actor: Actor, rounds: int) -> None:
    database = Database(url.sqlalchemy)
    by_words = Runtime(database, system_clock, write_log, notify_log=lambda _: None, services={})
    by_meaning = Runtime(
        database,
        system_clock,
        write_log,
        notify_log=lambda _: None,
        services={Embeddings: AnyDirection()},
    )
    print("| ms, the median and the slowest | by words | and by meaning |\n| --- | ---: | ---: |")
    for name, text in SEARCHES.items():
        cells = [await _times(runtime, actor, text, rounds) for runtime in (by_words, by_meaning)]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    await database.close()


async def _times(runtime: Runtime, actor: Actor, text: str, rounds: int) -> str:
    times = []
    for _ in range(rounds + 1):
        scope = Scope(runtime, actor, Request(new_id()))
        began = perf_counter()
        try:
            await search_articles(scope, text=text)
        except DBAPIError:
            return "cancelled"
        finally:
            await scope.close()
        times.append(1000 * (perf_counter() - began))
    return f"{median(times[1:]):.1f} / {max(times[1:]):.1f}"


if __name__ == "__main__":
    main()
