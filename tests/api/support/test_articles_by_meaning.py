"""Articles found by their meaning, with a model that knows three subjects."""

import pytest
import pytest_asyncio

from domain.core.ids import ArticleId
from domain.core.text import MarkdownText
from integrations.assistant.protocol import Embeddings
from jobs.articles import find_articles_to_embed
from kit.actor import Request
from kit.ids import new_id
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.scope import Scope
from models.support.articles import Article
from resolvers.core.transactions import perform
from resolvers.support.article_search import search_articles
from resolvers.support.articles import archive_article, create_article, update_article
from tests.support.factories import Venue, make_venue
from tests.support.meanings import Meanings
from tests.support.work import run_due_jobs


@pytest.fixture
def meanings() -> Meanings:
    return Meanings()


@pytest.fixture
def knowing(runtime: Runtime, meanings: Meanings) -> Runtime:
    """The runtime of an installation that has a model."""
    runtime.services[Embeddings] = meanings  # type: ignore[index]
    return runtime


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


async def write(runtime: Runtime, venue: Venue, title: str, body: str) -> Article:
    done = await perform(
        runtime,
        venue.owner.actor,
        Request(new_id()),
        lambda scope: create_article(
            scope, title=title, body=MarkdownText(body), locale="en", published=True
        ),
    )
    return done.result


async def found(runtime: Runtime, venue: Venue, text: str) -> list[tuple[str, float]]:
    scope = Scope(runtime, venue.guest.actor, Request(new_id()))
    try:
        articles = await search_articles(scope, text=text)
    finally:
        await scope.close()
    return [(each.article.title, each.confidence) for each in articles]


async def test_a_question_in_other_words_finds_the_article_once_its_vector_is_made(
    knowing: Runtime, venue: Venue
) -> None:
    await write(knowing, venue, "Pets", "Please leave your pet at home.")
    await write(knowing, venue, "Garage", "Your car can stay next door.")
    before = await found(knowing, venue, "Darf mein Hund mit?")

    await run_due_jobs(knowing)

    assert before == []
    assert await found(knowing, venue, "Darf mein Hund mit?") == [("Pets", 1.0), ("Garage", 0.0)]


async def test_vectors_follow_the_text_and_the_model(
    knowing: Runtime, venue: Venue, relay: Database, meanings: Meanings
) -> None:
    article = await write(knowing, venue, "House rules", "Please leave your pet at home.")
    await run_due_jobs(knowing)
    await perform(
        knowing,
        venue.owner.actor,
        Request(new_id()),
        lambda scope: update_article(
            scope,
            ArticleId(article.id),
            version=1,
            body=MarkdownText("Your car can stay next door."),
        ),
    )
    await run_due_jobs(knowing)
    by_text = await found(knowing, venue, "auto")
    meanings.model = "another"
    by_no_vector = await found(knowing, venue, "auto")
    await find_articles_to_embed(knowing, relay)
    await run_due_jobs(knowing)

    assert by_text == [("House rules", 1.0)]
    assert by_no_vector == []
    assert await found(knowing, venue, "auto") == [("House rules", 1.0)]
    assert meanings.embedded.count("House rules\n\nYour car can stay next door.") == 2


async def test_an_archived_article_is_not_found(knowing: Runtime, venue: Venue) -> None:
    article = await write(knowing, venue, "Pets", "Please leave your pet at home.")
    await run_due_jobs(knowing)
    await perform(
        knowing,
        venue.owner.actor,
        Request(new_id()),
        lambda scope: archive_article(scope, ArticleId(article.id), version=1),
    )

    assert await found(knowing, venue, "hund") == []
