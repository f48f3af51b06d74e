"""The comparison of all tests detects differences."""

from collections.abc import Iterable
from typing import Any

import orjson
import pytest

from execution.known_mutations import KnownMutation
from kit.graphql.compiler.plans import QueryPlan
from kit.runtime import Runtime
from tests.differential.comparison import Findings
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import Venue, api_id, make_booking, make_venue

ROOMS = "{ rooms { nodes { name capacity } } }"
CHANGE = """
mutation ($id: ID!, $version: Int!) {
  updateBooking(id: $id, version: $version, input: {partySize: 3}) {
    booking { partySize room { name } }
  }
}
"""
CHECK_IN = """
mutation ($id: ID!, $version: Int!) {
  checkInBooking(id: $id, version: $version) { booking { status room { name } } }
}
"""
MIXED = "{ plans { code } rooms { nodes { name capacity } } }"


async def test_what_is_read_at_once_is_compared(
    api: Api, runtime: Runtime, both_ways: Findings
) -> None:
    venue = await make_venue(runtime)

    await api(ROOMS, token=venue.owner.token)
    await api(MIXED, token=venue.owner.token)
    await api("{ plans { code } }", token=venue.owner.token)

    assert both_ways.tally == {"whole": 1, "partly": 1, "not": 1}


@pytest.mark.parametrize("text", [ROOMS, MIXED])
@pytest.mark.parametrize(
    ("right", "wrong"),
    [('"Room 1"', '"Room 2"'), ('"capacity":4', '"capacity":"4"'), ('"nodes"', '"rooms"')],
)
async def test_an_answer_that_is_otherwise_is_found(
    api: Api,
    runtime: Runtime,
    both_ways: Findings,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    right: str,
    wrong: str,
) -> None:
    venue = await make_venue(runtime)
    _damage(monkeypatch, right, wrong)

    await api(text, token=venue.owner.token)

    assert len(both_ways.differences) == 1
    both_ways.differences.clear()


async def test_another_order_of_keys_is_found(
    api: Api, runtime: Runtime, both_ways: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue = await make_venue(runtime)
    _damage(monkeypatch, '"name":"Room 1","capacity":4', '"capacity":4,"name":"Room 1"')

    await api(ROOMS, token=venue.owner.token)

    assert len(both_ways.differences) == 1
    both_ways.differences.clear()


async def test_a_plan_that_cannot_be_run_is_found(
    api: Api, runtime: Runtime, both_ways: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue = await make_venue(runtime)

    async def broken(*_: object) -> Any:
        raise ValueError

    monkeypatch.setattr(runtime.database, "text", broken)
    answer = await api(ROOMS, token=venue.owner.token)
    monkeypatch.undo()

    assert answer.payload["nodes"][0] == {"name": "Room 1", "capacity": 4}
    assert "couldn't be read" in both_ways.differences[0]
    both_ways.differences.clear()


async def test_what_a_change_shows_is_compared(
    api: Api, runtime: Runtime, both_ways: Findings
) -> None:
    venue = await make_venue(runtime)

    await _change(api, runtime, venue)

    assert both_ways.tally["rows"] == 1


async def test_a_change_that_shows_something_else_is_found(
    api: Api, runtime: Runtime, both_ways: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue = await make_venue(runtime)
    monkeypatch.setattr(
        "execution.executor.Fragment",
        lambda text: orjson.Fragment(text.replace('"Room 1"', '"Attic"')),
    )

    await _change(api, runtime, venue)

    assert len(both_ways.differences) == 1
    both_ways.differences.clear()


async def _change(api: Api, runtime: Runtime, venue: Venue) -> None:
    booking = await make_booking(runtime, venue, MONDAY_MORNING)
    variables = {"id": api_id(booking), "version": booking.version}
    answer = await api(CHANGE, variables, token=venue.staff.token)
    assert answer.payload["booking"]["partySize"] == 3


def _damage(monkeypatch: pytest.MonkeyPatch, right: str, wrong: str) -> None:
    """Damages the results of compiled reads."""
    as_data, as_fragments = QueryPlan.data, QueryPlan.fragments

    def damaged(fragment: orjson.Fragment | None) -> orjson.Fragment:
        text = orjson.dumps(fragment).decode()
        assert right in text
        return orjson.Fragment(text.replace(right, wrong, 1))

    def damaged_data(self: QueryPlan, texts: Iterable[bytes | None]) -> tuple[bytes, ...]:
        return (orjson.dumps(damaged(orjson.Fragment(b"".join(as_data(self, texts))))),)

    monkeypatch.setattr(QueryPlan, "data", damaged_data)
    monkeypatch.setattr(
        QueryPlan,
        "fragments",
        lambda self, texts: {key: damaged(each) for key, each in as_fragments(self, texts).items()},
    )


async def test_what_is_printed_of_a_change_is_compared(
    api: Api, runtime: Runtime, both_ways: Findings
) -> None:
    venue = await make_venue(runtime)

    for room in range(2):
        await _check_in(api, runtime, venue, room=room)

    # The first one is planned.
    assert both_ways.tally == {"rows": 1, "payloads": 1}


async def test_a_printed_change_that_is_something_else_is_found(
    api: Api, runtime: Runtime, both_ways: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue = await make_venue(runtime)
    await _check_in(api, runtime, venue, room=0)
    run = KnownMutation.run

    async def damaged(*arguments: Any) -> Any:
        parts = await run(*arguments)
        return parts and tuple(each.replace(b'"Room 2"', b'"Attic"') for each in parts)

    monkeypatch.setattr(KnownMutation, "run", damaged)
    await _check_in(api, runtime, venue, room=1)

    assert len(both_ways.differences) == 1
    both_ways.differences.clear()


async def _check_in(api: Api, runtime: Runtime, venue: Venue, *, room: int) -> None:
    booking = await make_booking(runtime, venue, MONDAY_MORNING, room=venue.rooms[room])
    variables = {"id": api_id(booking), "version": booking.version}
    await api(CHECK_IN, variables, token=venue.staff.token)
