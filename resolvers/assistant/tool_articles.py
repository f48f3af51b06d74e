"""The tool that searches the venue's knowledge base."""

from typing import Annotated, Final

from pydantic import Field

from domain.assistant.citations import Source
from domain.support.article_ranking import CONFIDENT
from permissions.roles import P
from resolvers.assistant.tools import Caller, Parameters, Result, ToolSpec
from resolvers.support.article_search import search_publicly

MAX_SHOWN: Final = 3


class SearchArticles(Parameters):
    query: Annotated[
        str, Field(description="The question, in the person's words.", min_length=1, max_length=500)
    ]


async def search(caller: Caller, given: SearchArticles) -> Result:
    """Returns the articles that probably answer a question, and none that only might.

    Nobody is answered from a draft, not even the venue's team: what it says may not hold yet.
    """
    async with caller.reading() as scope:
        found = await search_publicly(scope, caller.tenant, text=given.query, first=MAX_SHOWN)
    sure = [each for each in found if each.confidence >= CONFIDENT]
    shown = [
        {"id": f"article:{each.article.id}", "title": each.article.title, "excerpt": each.excerpt}
        for each in sure
    ]
    sources = [
        Source(f"article:{each.article.id}", each.article.title, ("Article", str(each.article.id)))
        for each in sure
    ]
    return Result({"articles": shown}, sources)


ARTICLE_TOOLS: Final = (
    ToolSpec(
        "search_articles",
        "Searches what the venue has written for its customers. If nothing is found, don't guess: "
        "offer a ticket.",
        SearchArticles,
        search,
        requires=P.ARTICLES_READ,
        for_guests=True,
        points=10,
    ),
)
