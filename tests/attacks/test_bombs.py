"""Expensive documents are refused at once, over HTTP and WebSockets."""

from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

import pytest

from kit.runtime import Runtime
from tests.attacks.oversized_queries import Bomb, bombs
from tests.support.client import Api, Live, live
from tests.support.factories import Venue, make_venue

# A second, and what a machine that runs other tests needs besides.
SECONDS = 20.0


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


async def refusals(throw: Callable[[Bomb], Awaitable[str]]) -> dict[str, str]:
    """Returns the code with which each bomb was refused, by its name; prints the slowest."""
    answers: dict[str, str] = {}
    slowest = (0.0, "")
    for bomb in bombs():
        began = perf_counter()
        answers[bomb.name] = await throw(bomb)
        slowest = max(slowest, (perf_counter() - began, bomb.name))
    print(f"{len(answers)} bombs, the slowest in {slowest[0]:.3f} s: {slowest[1]}")  # noqa: T201
    assert slowest[0] < SECONDS, slowest
    return answers


async def code_of(client: Live, bomb: Bomb) -> str:
    errors = await (await client.subscribe(bomb.text, bomb.variables)).errors()
    return _code(errors)


def _code(errors: list[Any]) -> str:
    return str(errors[0]["extensions"]["code"])


async def test_bombs_are_refused_over_http(api: Api, venue: Venue) -> None:
    async def throw(bomb: Bomb) -> str:
        answer = await api(bomb.text, bomb.variables, token=venue.owner.token)
        assert "data" not in answer.body
        return answer.codes[0]

    answers = await refusals(throw)

    assert answers == {bomb.name: bomb.code for bomb in bombs()}
    assert (await api("{ __typename }")).data == {"__typename": "Query"}


async def test_bombs_are_refused_on_a_socket_that_stays_open(server: str, venue: Venue) -> None:
    async with live(server, token=venue.owner.token) as client:

        async def throw(bomb: Bomb) -> str:
            return await code_of(client, bomb)

        answers = await refusals(throw)
        after = await (await client.subscribe("{ tenant { currencyCode } }")).next()

    assert answers == {bomb.name: bomb.code for bomb in bombs()}
    assert after == {"tenant": {"currencyCode": "EUR"}}


async def test_a_chain_of_fragments_that_asks_for_little_is_answered(api: Api) -> None:
    chain = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(14))

    answer = await api(f"{{ ...F0 }} {chain} fragment F14 on Query {{ __typename }}")

    assert answer.data == {"__typename": "Query"}
