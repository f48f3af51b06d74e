"""Requests that can't be executed get the same error on every transport."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from execution.operations import Operations
from kit.runtime import Runtime
from tests.support.client import Api, live
from tests.support.factories import Venue, make_venue
from tests.support.sse import events

EXPLAIN = """
    query ($room: ID!, $start: StartInput!) {
      explainSlot(roomId: $room, start: $start, durationMinutes: 60) { reasons { code } }
    }
"""
BOOK = """
    mutation ($start: StartInput = {%s}) {
      createBooking(input: {start: $start, durationMinutes: 60}) { userErrors { code } }
    }
"""
INSTANT = "2027-03-02T10:00:00Z"
LOCAL = {"date": "2027-03-02", "time": "10:00"}
EXACTLY_ONE = (
    "Variable '$start' has invalid value{}: Within OneOf Input Object type 'StartInput', exactly "
    "one field must be specified, and the value for that field must be non-null."
)


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


async def errors_of(api: Api, server: str, venue: Venue, query: str, variables: Any) -> list[Any]:
    """Returns the errors of a rejected operation over HTTP, a WebSocket and SSE."""
    token = venue.staff.token
    answer = await api(query, variables, token=token)
    assert "data" not in answer.body
    async with live(server, token=token) as client:
        on_a_socket = await (await client.subscribe(query, variables)).errors()
        assert await (await client.subscribe("{ __typename }")).next() == {"__typename": "Query"}
    async with events(server, query, variables, token=token) as stream:
        as_event = await stream.event()
        assert await stream.rest() == ["event: complete\ndata:\n\n"]
    assert "data" not in as_event
    return [answer.errors, on_a_socket, as_event["errors"]]


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ({}, EXACTLY_ONE.format("")),
        ({"at": INSTANT, "local": LOCAL}, EXACTLY_ONE.format("")),
        ({"at": INSTANT, "local": None}, EXACTLY_ONE.format("")),
        ({"at": None}, EXACTLY_ONE.format(" at .at")),
    ],
)
async def test_not_exactly_one_of_several(
    api: Api, server: str, venue: Venue, start: object, message: str
) -> None:
    variables = {"room": "Um9vbTox", "start": start}

    errors = await errors_of(api, server, venue, EXPLAIN, variables)

    assert [error["message"] for error in errors[0]] == [message]
    assert [error["extensions"] for error in errors[0]] == [{"code": "BAD_USER_INPUT"}]
    assert [error["locations"] for error in errors[0]] == [[{"line": 2, "column": 24}]]
    assert errors == [errors[0]] * 3


@pytest.mark.parametrize("text", ["", f'at: "{INSTANT}", local: null'])
async def test_not_exactly_one_of_several_by_default(
    api: Api, server: str, venue: Venue, text: str
) -> None:
    errors = await errors_of(api, server, venue, BOOK % text, None)

    assert [error["extensions"]["code"] for error in errors[0]] == ["GRAPHQL_VALIDATION_FAILED"]
    assert errors == [errors[0]] * 3


async def test_what_nobody_expected_is_answered_masked_and_logged(
    api: Api, server: str, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: Any = Operations._validate_and_charge

    def fail(operations: Operations, selected: Any, *rest: Any) -> Any:
        if selected.name == "Failing":
            raise ArithmeticError("a secret")
        return answered(operations, selected, *rest)

    monkeypatch.setattr(Operations, "_validate_and_charge", fail)
    for query in (
        "query Failing { __typename }",
        "mutation Failing { logout { __typename } }",
    ):
        with capture_logs() as logs:
            errors = await errors_of(api, server, venue, query, None)

        for (error,) in errors:
            assert error["message"] == "Something went wrong on our side."
            assert error["extensions"]["code"] == "INTERNAL"
        ids = {error["extensions"]["requestId"] for (error,) in errors}
        failed = [log["request"] for log in logs if log["event"] == "operation.failed"]
        assert len(ids) == 3 and set(failed) == ids


async def test_a_subscription_that_fails_to_begin_is_answered(
    server: str, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Any:
        raise ArithmeticError("a secret")

    monkeypatch.setattr(Operations, "_executor", fail)
    query = "subscription { bookingChanged { __typename } }"
    async with live(server, token=venue.staff.token) as client:
        (error,) = await (await client.subscribe(query)).errors()
    async with events(server, query, token=venue.staff.token) as stream:
        answer = await stream.event()

    assert error["extensions"]["code"] == "INTERNAL"
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["INTERNAL"]
