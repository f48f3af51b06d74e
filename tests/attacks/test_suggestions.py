"""Anonymous callers get no suggestions that reveal the schema."""

import pytest

from kit.runtime import Runtime
from tests.support.client import Api, live
from tests.support.factories import Venue, make_venue

GUESSES = [
    "{ room { id } }",
    "{ roms { nodes { id } } }",
    "{ rooms(frist: 1) { nodes { id } } }",
    "query ($filter: BookingFiler) { bookings(filter: $filter) { nodes { id } } }",
    "{ bookings(filter: {status: {eq: CONFIRMD}}) { nodes { id } } }",
    "{ bookings(filter: {statu: {eq: CONFIRMED}}) { nodes { id } } }",
    '{ node(id: "x") { ... on Rom { name } } }',
    "{ __typename @inclde(if: true) }",
    "{ tenant { nam } }",
]
STATUS = "query ($status: StatusFilter) { bookings(filter: {status: $status}) { nodes { id } } }"


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


@pytest.mark.parametrize("guess", GUESSES)
async def test_a_stranger_gets_no_suggestions(api: Api, guess: str) -> None:
    answer = await api(guess)

    assert answer.codes[0] == "GRAPHQL_VALIDATION_FAILED"
    assert "Did you mean" not in str(answer.body)


@pytest.mark.parametrize("status", [{"eq": "CONFIRMD"}, {"e": "CONFIRMED"}])
async def test_a_stranger_gets_none_for_variables(api: Api, status: object) -> None:
    answer = await api(STATUS, {"status": status})

    assert answer.codes == ["BAD_USER_INPUT"]
    assert "Did you mean" not in str(answer.body)


async def test_a_stranger_gets_none_on_a_websocket(server: str) -> None:
    async with live(server) as client:
        (error,) = await (await client.subscribe("{ roms { nodes { id } } }")).errors()

    assert error["message"] == "Cannot query field 'roms' on type 'Query'."


async def test_whoever_is_known_is_helped(api: Api, venue: Venue) -> None:
    answer = await api("{ roms { nodes { id } } }", token=venue.guest.token)

    assert "Did you mean 'rooms'" in answer.errors[0]["message"]
