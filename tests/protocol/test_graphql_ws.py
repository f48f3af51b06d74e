"""The client of npm's graphql-ws against the endpoint, doing what apps do with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import orjson
import pytest

from kit.runtime import Runtime
from kit.security.tokens import Tokens
from tests.protocol.node_kit import Kit, Lines
from tests.support.clock import StoppedClock
from tests.support.factories import Person, Venue, api_id, make_venue

HELD = {"__typename": "BookingChanged", "type": "BOOKING_HELD"}


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    """A venue whose holds outlive tokens."""
    return await make_venue(runtime, hold_minutes=30)


@asynccontextmanager
async def client(
    kit: Kit, server: str, scenario: str, *, tokens: list[str], venue: Venue
) -> AsyncIterator[Lines]:
    """Runs the client through a scenario, with a hold to make in it."""
    hold = {
        "roomId": api_id(venue.rooms[0]),
        "start": {"at": "2027-03-02T10:00:00Z"},
        "durationMinutes": 60,
    }
    given = orjson.dumps({"tokens": tokens, "input": hold}).decode()
    url = f"{server.replace('http', 'ws', 1)}/graphql"
    async with kit.running("client.mjs", url, scenario, given) as lines:
        yield lines


async def outcome(
    kit: Kit, server: str, scenario: str, *, venue: Venue, token: str | None = None
) -> Any:
    """Runs a scenario as the owner, and returns the line that it prints."""
    tokens = [token or venue.owner.token]
    async with client(kit, server, scenario, tokens=tokens, venue=venue) as lines:
        return await lines.next()


async def test_a_change_is_seen_on_the_socket_that_made_it(
    kit: Kit, server: str, venue: Venue
) -> None:
    seen = await outcome(kit, server, "live", venue=venue)

    assert seen == {
        "held": {"booking": {"status": "HELD"}, "userErrors": []},
        "event": HELD,
        "opened": 1,
        "closed": [],
    }


async def test_operations_of_one_socket_get_their_own_answers(
    kit: Kit, server: str, venue: Venue
) -> None:
    seen = await outcome(kit, server, "several", venue=venue)

    assert seen == {"answers": [f"answer{number}" for number in range(20)], "opened": 1}


async def test_a_mistake_ends_the_operation_that_made_it(
    kit: Kit, server: str, venue: Venue
) -> None:
    seen = await outcome(kit, server, "mistakes", venue=venue)

    assert seen == {
        "answers": [
            ["GRAPHQL_PARSE_FAILED"],
            ["GRAPHQL_VALIDATION_FAILED"],
            ["GRAPHQL_VALIDATION_FAILED"],
            ["BAD_USER_INPUT"],
            {"__typename": "Query"},
        ],
        "opened": 1,
        "closed": [],
    }


async def test_pings_come_back_with_what_they_carried(kit: Kit, server: str, venue: Venue) -> None:
    seen = await outcome(kit, server, "pings", venue=venue)

    assert seen == {"pongs": [{"n": [1, None]}, None, None], "opened": 1, "closed": []}


async def test_a_client_that_lost_its_socket_misses_nothing(
    kit: Kit, server: str, venue: Venue
) -> None:
    tokens = [venue.owner.token]
    async with client(kit, server, "reconnect", tokens=tokens, venue=venue) as lines:
        before, after = await lines.next(), await lines.next()

    assert before == {"event": HELD}
    assert after == {"event": HELD, "opened": 2, "closed": [4499]}


async def test_a_client_whose_token_ends_goes_on_with_the_next(
    kit: Kit, server: str, runtime: Runtime, venue: Venue, clock: StoppedClock
) -> None:
    tokens = [venue.owner.token, token_of_later(runtime, venue.owner)]
    async with client(kit, server, "reconnect", tokens=tokens, venue=venue) as lines:
        before = await lines.next()
        clock.advance(minutes=15)
        after = await lines.next()

    assert before == {"event": HELD}
    assert after == {"event": HELD, "opened": 2, "closed": [4403]}


async def test_bad_credentials_are_forbidden(kit: Kit, server: str, venue: Venue) -> None:
    seen = await outcome(kit, server, "stranger", token="nonsense", venue=venue)

    assert seen == {"answer": {"refused": 4403}, "opened": 1, "closed": [4403]}


def token_of_later(runtime: Runtime, person: Person) -> str:
    tokens = runtime.services[Tokens]
    assert isinstance(tokens, Tokens)
    token, _ = tokens.sign(
        tenant_id=person.user.tenant_id,
        user_id=person.user.id,
        session_id=person.session.id,
        now=runtime.clock() + timedelta(minutes=15),
    )
    return token
