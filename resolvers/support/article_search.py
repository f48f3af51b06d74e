"""Finds the articles that answer a text: by words, by spelling, and by meaning."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

import structlog
from sqlalchemy import Select
from typing_extensions import Doc

from domain.core.text import search_form
from domain.support.article_ranking import Ranked, WordMatch, ranked
from domain.support.articles import LANGUAGES, excerpt, language_of, words_of
from integrations.assistant.protocol import ModelError
from kit.errors import BadInput
from kit.scope import Scope
from models.core.filters import is_any
from models.support.articles import (
    DIMENSIONS,
    Article,
    close_articles,
    vector_text,
    word_matches,
)
from models.tenants import Tenant
from resolvers.support.articles import (
    embeddings_of,
    publicly,
    published_articles,
    sees_drafts,
    visible_articles,
)

MAX_FOUND: Final = 20
MAX_WORDS: Final = 16
"""So many words of a text are looked for; the others are ignored."""
EMBED_SECONDS: Final = 3
"""How long a search waits for the vector of its text."""
_OTHER_LANGUAGE: Final = 0.8
"""What an article in another language is worth to somebody who asks in theirs."""

log = structlog.get_logger(__name__)

Text = Annotated[str, Doc("The question or the words to search for: at most 2,000 characters.")]
Language = Annotated[
    str | None,
    Doc("The locale of the text, such as `de`, whose articles come first. Unknown by default."),
]
First = Annotated[int, Doc("How many articles to return: 1 to 20.")]


@dataclass(frozen=True, slots=True)
class FoundArticle:
    """An article with how likely it answers the text, 0 to 1, and the part that does."""

    article: Article
    confidence: float
    excerpt: str


async def search_articles(
    scope: Scope, *, text: Text, locale: Language = None, first: First = 5
) -> list[FoundArticle]:
    """Search the knowledge base for what answers a text, the best first.

    Articles are found by the stems of their words, by words that are spelt alike, and by their
    meaning if the installation has a model for that. Archived articles aren't found; drafts only by
    the venue's team. Costs 10 points.
    """
    return await _found(scope, visible_articles(scope), text, locale=locale, first=first)


async def search_publicly(
    scope: Scope, venue: Tenant, *, text: Text, locale: Language = None, first: First = 5
) -> list[FoundArticle]:
    """Search the published articles of the venue for what answers a text, the best first.

    Articles are found by the stems of their words, by words that are spelt alike, and by their
    meaning if the installation has a model for that. Costs 10 points.
    """
    of_venue = publicly(scope, venue)
    return await _found(of_venue, published_articles(of_venue), text, locale=locale, first=first)


async def _found(
    scope: Scope, visible: Select[Article], text: str, *, locale: str | None, first: int
) -> list[FoundArticle]:
    if not 1 <= first <= MAX_FOUND:
        raise BadInput(f"`first` must be 1 to {MAX_FOUND}; got {first}.")
    words = words_of(text)[:MAX_WORDS]
    plain = [search_form(each) for each in words]
    closeness = await _closeness(scope, text)
    best = await _by_words(scope, words, plain, locale, closeness)
    rows = await scope.all(visible.where(is_any(Article.id, [each.article_id for each in best])))
    by_id = {row.id: row for row in rows}
    found = [
        (article, _confidence(each, article, locale))
        for each in best
        if (article := by_id.get(each.article_id)) is not None
    ]
    if locale is not None:
        # In one's own language first, by rank among these.
        found.sort(key=lambda each: each[0].language != language_of(locale))
    return [
        FoundArticle(article, confidence, excerpt(article.body, plain))
        for article, confidence in found[:first]
    ]


def _confidence(found: Ranked, article: Article, locale: str | None) -> float:
    if locale is None or article.language == language_of(locale):
        return found.confidence
    return found.confidence * _OTHER_LANGUAGE


async def _by_words(
    scope: Scope,
    words: Sequence[str],
    plain: Sequence[str],
    locale: str | None,
    closeness: dict[UUID, float],
) -> list[Ranked]:
    configuration = None if locale is None else LANGUAGES.get(language_of(locale))
    statement = word_matches(words, plain, configuration=configuration, drafts=sees_drafts(scope))
    matches: list[WordMatch] = []
    frequencies: dict[int, int] = {}
    for word, article_id, rank, is_alike in await scope.rows(statement) if words else ():
        if article_id is None:
            frequencies[word] = int(rank)
        else:
            matches.append(WordMatch(word, article_id, rank, is_alike))
    total = frequencies.pop(0, 0)
    return ranked(matches, frequencies, closeness, total=total)[: 2 * MAX_FOUND]


async def _closeness(scope: Scope, text: str) -> dict[UUID, float]:
    """Returns the cosines between a text and the articles closest to it; none without a model."""
    embeddings = embeddings_of(scope)
    if embeddings is None or not text.strip() or embeddings.dimensions > DIMENSIONS:
        return {}
    try:
        async with asyncio.timeout(EMBED_SECONDS):
            (vector,) = await embeddings.embed([text])
    except (ModelError, TimeoutError) as error:
        # Words find it too.
        log.warning("articles.not_searched_by_meaning", error=type(error).__name__)
        return {}
    statement = close_articles(
        vector_text(vector), model=embeddings.model, drafts=sees_drafts(scope)
    )
    return {row.article_id: row.cosine for row in await scope.rows(statement)}
