"""Tags of customers over the API."""

from typing import Any

import pytest
import pytest_asyncio

from kit.runtime import Runtime
from tests.support.client import Api
from tests.support.factories import Person, Venue, api_id, make_venue

TAG = """
    mutation ($id: ID!, $version: Int!, $tags: [String!]!) {
      tagCustomer(id: $id, version: $version, tags: $tags) {
        customer { tags version } userErrors { code path ... on LimitError { limit used } }
      }
    }
"""
UNTAG = TAG.replace("tagCustomer", "untagCustomer")
NAMES = "query ($tag: String) { customers(filter: { tag: $tag }) { nodes { name } } }"


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


async def change(
    api: Api, venue: Venue, mutation: str, *tags: str, version: int = 1, by: Person | None = None
) -> Any:
    variables = {"id": api_id(venue.customer), "version": version, "tags": list(tags)}
    return await api(mutation, variables, token=(by or venue.staff).token)


async def test_a_tag_is_added_found_and_removed_whatever_its_case(api: Api, venue: Venue) -> None:
    tagged = await change(api, venue, TAG, " VIP", "Late  payer", "vip")
    again = await change(api, venue, TAG, "Vip", version=2)
    found = await api(NAMES, {"tag": "vIP "}, token=venue.staff.token)
    untagged = await change(api, venue, UNTAG, "VIP", "unknown", version=2)
    gone = await api(NAMES, {"tag": "vip"}, token=venue.staff.token)

    assert tagged.payload["customer"] == {"tags": ["late payer", "vip"], "version": 2}
    assert again.payload["customer"] == {"tags": ["late payer", "vip"], "version": 2}
    assert found.payload["nodes"] == [{"name": "Guest"}]
    assert untagged.payload["customer"] == {"tags": ["late payer"], "version": 3}
    assert gone.payload["nodes"] == []


async def test_what_is_wrong_with_tags_is_told(api: Api, venue: Venue) -> None:
    wrong = await change(api, venue, TAG, "good", " ", "x" * 51, "bell\a")
    many = await change(api, venue, TAG, *(f"tag {number}" for number in range(21)))
    stale = await change(api, venue, TAG, "good", version=7)

    assert wrong.payload["userErrors"] == [
        {"code": "REQUIRED", "path": ["tags", "1"]},
        {"code": "INVALID", "path": ["tags", "2"]},
        {"code": "INVALID", "path": ["tags", "3"]},
    ]
    assert many.payload["userErrors"] == [
        {"code": "QUOTA_EXCEEDED", "path": ["tags"], "limit": 20, "used": 21}
    ]
    assert stale.payload["userErrors"] == [{"code": "STALE_VERSION", "path": ["version"]}]


@pytest.mark.parametrize("mutation", [TAG, UNTAG], ids=["tag", "untag"])
async def test_another_venues_customer_is_not_tagged(
    api: Api, runtime: Runtime, venue: Venue, mutation: str
) -> None:
    other = await make_venue(runtime)

    foreign = await change(api, venue, mutation, "vip", by=other.staff)
    guest = await change(api, venue, mutation, "vip", by=venue.guest)

    assert foreign.refusals == ["NOT_FOUND"]
    assert guest.codes == ["FORBIDDEN"]


async def test_a_customer_does_not_see_what_they_are_called(api: Api, venue: Venue) -> None:
    await change(api, venue, TAG, "late payer")

    read = await api("{ customers { nodes { name tags } } }", token=venue.guest.token)
    found = await api(NAMES, {"tag": "late payer"}, token=venue.guest.token)

    assert read.partial == {"customers": {"nodes": [{"name": "Guest", "tags": None}]}}
    assert read.codes == ["FORBIDDEN"]
    assert found.codes == ["FORBIDDEN"]
