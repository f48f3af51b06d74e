"""The client of npm's graphql-sse against the endpoint, in distinct connections mode."""

from typing import Any

import orjson
import pytest

from kit.runtime import Runtime
from tests.protocol.node_kit import Kit
from tests.support.factories import Venue, api_id, make_venue


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


async def outcome(
    kit: Kit, server: str, scenario: str, *, venue: Venue, token: str | None = None
) -> Any:
    """Runs a scenario as the owner, and returns the line that it prints."""
    hold = {
        "roomId": api_id(venue.rooms[0]),
        "start": {"at": "2027-03-02T10:00:00Z"},
        "durationMinutes": 60,
    }
    given = orjson.dumps({"token": token or venue.owner.token, "input": hold}).decode()
    async with kit.running("events.mjs", f"{server}/graphql", scenario, given) as lines:
        return await lines.next()


async def test_a_change_is_seen_on_a_stream_beside_the_one_that_made_it(
    kit: Kit, server: str, venue: Venue
) -> None:
    assert await outcome(kit, server, "live", venue=venue) == {
        "held": {"booking": {"status": "HELD"}, "userErrors": []},
        "event": {"__typename": "BookingChanged", "type": "BOOKING_HELD"},
    }


async def test_a_mistake_is_an_answer_and_the_end(kit: Kit, server: str, venue: Venue) -> None:
    assert await outcome(kit, server, "mistakes", venue=venue) == {
        "outcomes": [
            ["GRAPHQL_PARSE_FAILED"],
            ["GRAPHQL_VALIDATION_FAILED"],
            ["GRAPHQL_VALIDATION_FAILED"],
            [{"__typename": "Query"}],
        ]
    }


async def test_bad_credentials_are_an_answer_without_a_stream(
    kit: Kit, server: str, venue: Venue
) -> None:
    seen = await outcome(kit, server, "stranger", token="nonsense", venue=venue)

    assert seen == {"status": 401}
