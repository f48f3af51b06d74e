"""Every text argument has a maximum length."""

import pytest

from kit.runtime import Runtime
from tests.support.client import Api
from tests.support.factories import Venue, api_id, make_venue


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


@pytest.mark.parametrize("root", ["rooms", "customers", "bookings"])
async def test_what_is_searched_for_has_at_most_100_characters(
    api: Api, venue: Venue, root: str
) -> None:
    query = f"query ($text: String) {{ {root}(filter: {{search: $text}}) {{ totalCount }} }}"

    allowed = await api(query, {"text": "x" * 100}, token=venue.owner.token)
    refused = await api(query, {"text": "x" * 101}, token=venue.owner.token)

    assert allowed.payload == {"totalCount": 0}
    assert refused.codes == ["BAD_USER_INPUT"]
    assert refused.errors[0]["message"] == "At most 100 characters."
    assert refused.errors[0]["path"] == [root]
    assert refused.errors[0]["extensions"]["argumentPath"] == ["filter", "search"]


async def test_an_argument_of_a_query_has_at_most_2000_characters(api: Api) -> None:
    query = "query ($name: String!) { venue(subdomain: $name) { name } }"

    refused = await api(query, {"name": "x" * 2_001})

    assert refused.codes == ["BAD_USER_INPUT"]
    assert refused.errors[0]["message"] == "At most 2,000 characters."
    assert refused.errors[0]["extensions"]["argumentPath"] == ["subdomain"]


async def test_a_field_of_a_mutation_has_at_most_2000_characters(api: Api, venue: Venue) -> None:
    query = """mutation ($id: ID!, $text: String!) {
        updateRoom(id: $id, version: 1, input: { color: $text }) {
            userErrors { code message path } } }"""

    refused = await api(
        query, {"id": api_id(venue.rooms[0]), "text": "x" * 2_001}, token=venue.owner.token
    )

    assert refused.payload["userErrors"] == [
        {"code": "INVALID", "message": "At most 2,000 characters.", "path": ["input", "color"]}
    ]


async def test_a_long_text_has_at_most_5000_characters(api: Api, venue: Venue) -> None:
    query = """mutation ($body: String!) {
        updateNotificationTemplate(version: 0, input: {
          kind: REVIEW_ASKED, channel: EMAIL, locale: "en", subject: "Thanks", body: $body
        }) { userErrors { message path } } }"""

    allowed = await api(query, {"body": "x" * 5_000}, token=venue.owner.token)
    refused = await api(query, {"body": "x" * 5_001}, token=venue.owner.token)

    assert allowed.payload["userErrors"] == []
    assert refused.payload["userErrors"] == [
        {"message": "At most 5,000 characters.", "path": ["input", "body"]}
    ]
