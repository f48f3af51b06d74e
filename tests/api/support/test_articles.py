"""Articles over the API: who sees them, what changes, and how they are found."""

from typing import Any

import pytest
import pytest_asyncio

from domain.support.article_ranking import CONFIDENT
from kit.runtime import Runtime
from kit.settings import Settings
from tests.support.client import Answer, Api
from tests.support.factories import Person, Venue, make_venue

CREATE = """
mutation ($input: CreateArticleInput!) {
  createArticle(input: $input) {
    article { id version title tags publishedAt } userErrors { code path message }
  }
}
"""
UPDATE = """
mutation ($id: ID!, $version: Int!, $input: UpdateArticleInput!) {
  updateArticle(id: $id, version: $version, input: $input) {
    article { id version publishedAt archivedAt } userErrors { code }
  }
}
"""
ARCHIVE = """
mutation ($id: ID!, $version: Int!) {
  archiveArticle(id: $id, version: $version) { article { archivedAt } userErrors { code } }
}
"""
LIST = "query ($search: String) { articles(search: $search) { nodes { title } } }"
SEARCH = """
query ($text: String!, $locale: String) {
  searchArticles(text: $text, locale: $locale) { article { title } confidence excerpt }
}
"""
PUBLICLY = """
query ($subdomain: String!, $text: String!) {
  venue(subdomain: $subdomain) {
    articles { nodes { title } }
    searchArticles(text: $text) { article { title body } }
  }
}
"""
ARTICLES = (
    ("Cancel a booking", "en", "You can cancel **free of charge** until 24 hours before.", True),
    ("Parking", "en", "Two places behind the house. Dogs can wait in the yard.", True),
    ("Stornierung", "de", "Stornierungsgebühren fallen erst 24 Stunden vor der Buchung an.", True),
    ("Geschenkgutscheine", "de", "Gutscheine gibt es an der Kasse. Für Größen ab XL.", True),
    ("Animaux", "fr", "Les chiens ne sont pas acceptés dans nos salles de karaoké.", True),
    ("Reservas", "es", "Las habitaciones se pueden reservar con un mes de antelación.", True),
    ("Cancellation fees of next year", "en", "Not yet decided.", False),
)


_SHARED: dict[str, Venue] = {}


@pytest_asyncio.fixture
async def shared_venue(api: Api, runtime: Runtime, settings: Settings) -> Venue:
    """A venue with the articles above, the last of which is a draft; no test changes it."""
    database = str(settings.app_database_url)
    if database not in _SHARED:
        _SHARED[database] = await venue_with_articles(api, runtime)
    return _SHARED[database]


async def venue_with_articles(api: Api, runtime: Runtime) -> Venue:
    made = await make_venue(runtime)
    for title, locale, body, published in ARTICLES:
        answer = await create(
            api, made.manager, title=title, locale=locale, body=body, published=published
        )
        assert answer.refusals == []
    return made


async def create(api: Api, person: Person, **given: Any) -> Answer:
    return await api(CREATE, {"input": {"locale": "en", **given}}, token=person.token)


async def titles(
    api: Api, person: Person, text: str, locale: str | None = None, *, at_least: float = CONFIDENT
) -> list[str]:
    """Returns the titles of the articles that are found with some confidence."""
    variables = {"text": text, "locale": locale}
    found = (await api(SEARCH, variables, token=person.token)).payload
    return [each["article"]["title"] for each in found if each["confidence"] >= at_least]


async def listed(api: Api, person: Person, search: str | None = None) -> list[str]:
    answer = await api(LIST, {"search": search}, token=person.token)
    return [each["title"] for each in answer.payload["nodes"]]


async def test_managers_write_articles_that_customers_read_once_published(
    api: Api, runtime: Runtime
) -> None:
    venue = await make_venue(runtime)
    refused = await create(api, venue.staff, title="Wi-Fi", body="Ask us.")
    made = await create(api, venue.manager, title=" Wi-Fi ", body="Ask us.", tags=["WLAN", "WLAN"])
    article = made.payload["article"]
    drafts = (await listed(api, venue.staff), await listed(api, venue.guest))
    change = {**article, "input": {"published": True, "body": "The password is on the wall."}}

    published = await api(UPDATE, change, token=venue.manager.token)
    stale = await api(UPDATE, change, token=venue.manager.token)

    assert refused.codes == ["FORBIDDEN"]
    assert (article["title"], article["tags"], article["publishedAt"]) == ("Wi-Fi", ["WLAN"], None)
    assert drafts == (["Wi-Fi"], [])
    assert published.payload["article"]["version"] == 2
    assert stale.refusals == ["STALE_VERSION"]
    assert await titles(api, venue.guest, "what is the password?") == ["Wi-Fi"]
    assert await listed(api, venue.guest, "wlan") == ["Wi-Fi"]

    archived = await api(ARCHIVE, {**article, "version": 2}, token=venue.manager.token)

    assert archived.payload["article"]["archivedAt"] is not None
    assert await listed(api, venue.guest) == []
    assert await titles(api, venue.staff, "password") == []


@pytest.mark.parametrize(
    ("text", "locale", "expected"),
    [
        ("How can I cancel my bookings?", "en", "Cancel a booking"),
        ("cancelling", "en", "Cancel a booking"),
        ("cansellation booking", "en", "Cancel a booking"),
        ("Wie kann ich meine Buchung stornieren?", "de", "Stornierung"),
        ("Stornierunggebühr", "de", "Stornierung"),
        ("Gutschein kaufen", "de", "Geschenkgutscheine"),
        ("GROSSE", "de", "Geschenkgutscheine"),
        ("puis-je venir avec mon chien ?", "fr", "Animaux"),
        ("animal accepte karaoke", "fr", "Animaux"),
        ("¿Puedo reservar una habitación?", "es", "Reservas"),
        ("perros karaoké", None, "Animaux"),
    ],
    ids=str,
)
async def test_a_question_finds_its_article_in_its_language(
    api: Api, shared_venue: Venue, text: str, locale: str | None, expected: str
) -> None:
    assert (await titles(api, shared_venue.guest, text, locale))[:1] == [expected]


async def test_what_nobody_wrote_about_is_not_found_with_confidence(
    api: Api, shared_venue: Venue
) -> None:
    assert await titles(api, shared_venue.guest, "Can you recommend a hotel in Paris?", "en") == []
    assert await titles(api, shared_venue.guest, "?!", "en") == []


async def test_drafts_and_other_venues_articles_are_not_found(
    api: Api, runtime: Runtime, shared_venue: Venue
) -> None:
    other = await make_venue(runtime)
    fees = "cancellation fees next year"

    assert "Cancellation fees of next year" in await titles(api, shared_venue.staff, fees)
    assert "Cancellation fees of next year" not in await titles(api, shared_venue.guest, fees)
    assert await titles(api, other.owner, fees, at_least=0) == []
    assert await listed(api, other.owner) == []


async def test_anybody_reads_and_searches_a_venues_page(api: Api, shared_venue: Venue) -> None:
    variables = {"subdomain": shared_venue.tenant.subdomain, "text": "parking"}

    page = (await api(PUBLICLY, variables)).data["venue"]

    assert len(page["articles"]["nodes"]) == 6
    assert page["searchArticles"][0]["article"]["title"] == "Parking"


async def test_an_article_that_makes_no_sense_is_refused(api: Api, shared_venue: Venue) -> None:
    long = await create(api, shared_venue.owner, title="Long", body="x" * 20_001)
    empty = await create(api, shared_venue.owner, title=" ", body="x", locale="xx-YY")

    assert long.refusals == ["INVALID"]
    assert empty.refusals == ["REQUIRED", "INVALID"]
