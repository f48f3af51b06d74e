"""Thousands of generated bad inputs: each gets a response without internals."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import cycle
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from kit.runtime import Runtime
from schema import schema
from tests.attacks.generator import Generator, Input
from tests.attacks.internals import internals_in
from tests.support.client import Api, socket
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import Venue, api_id, make_booking, make_venue

STATUSES = {200, 400, 413}
CLOSE_CODES = {1009, 4400}
# What is sent changes the venue and the people who send it: each seed has its own.
HTTP_INPUTS = 500
SOCKET_INPUTS = 250
PATIENCE_SECONDS = 20
SUBSCRIPTION_SECONDS = 0.1

Complaint = dict[str, object]


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


async def inputs(runtime: Runtime, venue: Venue, *, seed: int, count: int) -> Iterator[Input]:
    """Returns a number of inputs, some with ids of the venue."""
    booking = await make_booking(runtime, venue, MONDAY_MORNING + timedelta(days=1))
    rows = (*venue.rooms, booking, venue.customer, venue.staff.user)
    generator = Generator(schema._schema, seed=seed, ids=[api_id(row) for row in rows])
    return (generator.next() for _ in range(count))


def tokens(venue: Venue) -> list[str | None]:
    people = (venue.owner, venue.manager, venue.staff, venue.guest)
    return [*(person.token for person in people), None]


def complaint(input: Input, answer: str, outcome: object) -> Complaint:
    return {
        "internals": internals_in(answer),
        "outcome": outcome,
        "answer": answer[:2000],
        "input": input.json,
    }


async def complaints_over_http(
    api: Api, runtime: Runtime, venue: Venue, *, seed: int, count: int
) -> list[Complaint]:
    """Returns problems in the responses to a number of inputs."""
    found = []
    callers = cycle(tokens(venue))
    for input in await inputs(runtime, venue, seed=seed, count=count):
        token = next(callers)
        response = await api.http.post(
            "/graphql",
            content=input.json.encode(),
            headers={
                "Accept": "application/graphql-response+json",
                "Content-Type": "application/json",
                **({"Authorization": f"Bearer {token}"} if token else {}),
            },
        )
        is_fine = response.status_code in STATUSES and isinstance(response.json(), dict)
        if not is_fine or internals_in(response.text):
            found.append(complaint(input, response.text, response.status_code))
    return found


async def complaints_over_sockets(
    server: str, runtime: Runtime, venue: Venue, *, seed: int, count: int
) -> list[Complaint]:
    """Returns problems in the responses to a number of inputs."""
    found = []
    async with Sockets.open(server, tokens(venue)) as sockets:
        for input in await inputs(runtime, venue, seed=seed, count=count):
            answer, outcome = await sockets.ask(input)
            is_fine = outcome in CLOSE_CODES or isinstance(outcome, str)
            if not is_fine or internals_in(answer):
                found.append(complaint(input, answer, outcome))
    return found


class Sockets:
    """A socket for each caller, opened again when it is closed."""

    def __init__(self, server: str, tokens: list[str | None]) -> None:
        self._server = server
        self._callers = cycle(tokens)
        self._open: dict[str | None, tuple[Any, ClientConnection]] = {}
        self._number = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, server: str, tokens: list[str | None]) -> AsyncIterator["Sockets"]:
        sockets = cls(server, tokens)
        try:
            yield sockets
        finally:
            for context, _ in sockets._open.values():
                await context.__aexit__(None, None, None)

    async def ask(self, input: Input) -> tuple[str, str | int | None]:
        """Returns all messages, and the type of the last one or the close code."""
        token = next(self._callers)
        connection = await self._connection(token)
        self._number += 1
        id = str(self._number)
        is_live = input.root == "Subscription"
        answers: list[str] = []
        try:
            await connection.send(f'{{"id": "{id}", "type": "subscribe", "payload": {input.json}}}')
            async with asyncio.timeout(SUBSCRIPTION_SECONDS if is_live else PATIENCE_SECONDS):
                while True:
                    answers.append(str(await connection.recv()))
                    message = orjson.loads(answers[-1])
                    if message.get("id") == id and message["type"] in ("error", "complete"):
                        return "".join(answers), message["type"]
        except TimeoutError:
            await connection.send(f'{{"id": "{id}", "type": "complete"}}')
            return "".join(answers), "live" if is_live else None
        except ConnectionClosed as closed:
            context, _ = self._open.pop(token)
            await context.__aexit__(None, None, None)
            return "".join(answers) + str(closed), connection.close_code

    async def _connection(self, token: str | None) -> ClientConnection:
        if token not in self._open:
            context = socket(self._server)
            connection = await context.__aenter__()
            self._open[token] = context, connection
            payload = {"authorization": token} if token else {}
            init = {"type": "connection_init", "payload": payload}
            await connection.send(orjson.dumps(init).decode())
            assert orjson.loads(await connection.recv()) == {"type": "connection_ack"}
        return self._open[token][1]


def test_a_seed_gives_the_same_inputs_again() -> None:
    first, again = (Generator(schema._schema, seed=1) for _ in range(2))

    assert [first.next() for _ in range(50)] == [again.next() for _ in range(50)]


@pytest.mark.parametrize("seed", [1, 2])
async def test_requests_are_answered_whatever_they_hold(
    api: Api, runtime: Runtime, venue: Venue, seed: int
) -> None:
    count = HTTP_INPUTS

    assert await complaints_over_http(api, runtime, venue, seed=seed, count=count) == []


@pytest.mark.parametrize("seed", [3, 4])
async def test_sockets_are_answered_whatever_they_carry(
    server: str, runtime: Runtime, venue: Venue, seed: int
) -> None:
    count = SOCKET_INPUTS

    assert await complaints_over_sockets(server, runtime, venue, seed=seed, count=count) == []


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10, 30))
async def test_ten_thousand_requests_are_answered(
    api: Api, runtime: Runtime, venue: Venue, seed: int
) -> None:
    assert await complaints_over_http(api, runtime, venue, seed=seed, count=500) == []


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(30, 50))
async def test_ten_thousand_operations_on_sockets_are_answered(
    server: str, runtime: Runtime, venue: Venue, seed: int
) -> None:
    assert await complaints_over_sockets(server, runtime, venue, seed=seed, count=500) == []
