"""Requests in natural language over HTTP: what a venue's people and guests mean."""

from typing import Any, Final

import pytest_asyncio

from domain.venue.hours import Weekday
from kit.runtime import Runtime
from tests.support.client import Api
from tests.support.factories import Venue, make_venue

PARSE: Final = """
    query ($text: String!, $locale: String) {
      parseBookingRequest(text: $text, locale: $locale) {
        language confidence firstDate lastDate start startsAt
        preferredHours { from until }
        durationMinutes partySize room { name } category
        budget { amount currencyCode per } namedTimeZone
        missing { part code text } assumed { part code text } doubts { part code text }
        alternatives { firstDate lastDate start startsAt }
      }
    }
"""
PUBLIC: Final = """
    query ($subdomain: String!, $text: String!) {
      venue(subdomain: $subdomain) {
        parseBookingRequest(text: $text) { firstDate start startsAt partySize room { name } }
      }
    }
"""


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    """Open from 14:00 to 02:00 every day."""
    return await make_venue(runtime, hours={each: [(840, 1560)] for each in Weekday})


async def parse(api: Api, venue: Venue, text: str, **given: str) -> Any:
    answer = await api(PARSE, {"text": text, **given}, token=venue.guest.token)
    return answer.data["parseBookingRequest"]


async def test_a_customer_asks_in_german(api: Api, venue: Venue) -> None:
    found = await parse(api, venue, "Room 2 am Freitag um halb acht für acht, zwei Stunden, 80 €")

    assert found == {
        "language": "de",
        "confidence": "CONFIDENT",
        "firstDate": "2027-03-05",
        "lastDate": "2027-03-05",
        "start": "19:30",
        "startsAt": "2027-03-05T18:30:00Z",
        "preferredHours": None,
        "durationMinutes": 120,
        "partySize": 8,
        "room": {"name": "Room 2"},
        "category": None,
        "budget": {"amount": "80", "currencyCode": "EUR", "per": "BOOKING"},
        "namedTimeZone": None,
        "missing": [],
        "assumed": [
            {
                "part": "START",
                "code": "OPENING_HOURS",
                "text": "Die Uhrzeit ist so verstanden, dass geöffnet ist.",
            },
            {
                "part": "DATE",
                "code": "NEXT_SUCH_DAY",
                "text": "Gemeint ist der nächste solche Tag.",
            },
        ],
        "doubts": [],
        "alternatives": [],
    }


async def test_the_locale_decides_which_number_is_the_month(api: Api, venue: Venue) -> None:
    in_doubt = await parse(api, venue, "03/04 at 8pm")
    american = await parse(api, venue, "03/04 at 8pm", locale="en-US")

    assert (in_doubt["confidence"], in_doubt["firstDate"], in_doubt["start"]) == (
        "AMBIGUOUS",
        None,
        "20:00",
    )
    assert [each["startsAt"] for each in in_doubt["alternatives"]] == [
        "2027-03-04T19:00:00Z",
        "2027-04-03T18:00:00Z",
    ]
    assert [each["code"] for each in in_doubt["doubts"]] == ["DATE_ORDER"]
    assert american["startsAt"] == "2027-03-04T19:00:00Z"


async def test_a_guest_asks_on_the_public_page(api: Api, venue: Venue) -> None:
    answer = await api(
        PUBLIC,
        {"subdomain": venue.tenant.subdomain, "text": "tomorrow evening at 8 for six in Room 1"},
    )

    assert answer.data["venue"]["parseBookingRequest"] == {
        "firstDate": "2027-03-02",
        "start": "20:00",
        "startsAt": "2027-03-02T19:00:00Z",
        "partySize": 6,
        "room": {"name": "Room 1"},
    }


async def test_a_longer_text_is_refused(api: Api, venue: Venue) -> None:
    answer = await api(PARSE, {"text": "a" * 501}, token=venue.staff.token)

    assert answer.codes == ["BAD_USER_INPUT"]
