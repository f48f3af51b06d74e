"""Lists of plain values are completed at once, with the same result as field by field."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pytest
import pytest_asyncio
from graphql import (
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLList,
    GraphQLScalarType,
    GraphQLString,
)
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from domain.core.money import Money
from execution.executor import Executor
from execution.list_completion import ListCompletion, compile_list_completion
from kit.runtime import Runtime
from tests.differential.comparison import ordered
from tests.support.client import Answer, Api
from tests.support.factories import Venue, api_id, make_booking, make_venue

NINE: Final = datetime(2027, 3, 2, 9, tzinfo=UTC)

KEY: Final = """
mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { secret userErrors { code message } }
}
"""

WHOLE: Final = """
query ($query: AvailabilityQuery!, $more: Boolean!) {
  availability(query: $query) {
    slots {
      __typename start: startsAt endsAt state
      room { ...named ... on Room { capacity } archivedAt }
      ...told @include(if: $more)
      endsAt @skip(if: $more)
    }
  }
}
fragment named on Node { id __typename }
fragment told on Slot {
  price { amount currencyCode }
  reasons { code message rule freesAt }
}
"""


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    venue = await make_venue(runtime)
    await make_booking(runtime, venue, NINE)
    return venue


@pytest.fixture
def completed(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether lists were completed in one go, in their order."""
    found: list[bool] = []
    inner = Executor._completer

    def noted(self: Executor, *of: Any) -> ListCompletion | None:
        complete = inner(self, *of)
        found.append(complete is not None)
        return complete

    monkeypatch.setattr(Executor, "_completer", noted)
    return found


async def both(
    api: Api, monkeypatch: pytest.MonkeyPatch, token: str, text: str, **variables: Any
) -> tuple[Answer, Answer]:
    at_once = await api(text, variables, token=token)
    with monkeypatch.context() as patch:
        patch.setattr(Executor, "with_values", False)
        by_fields = await api(text, variables, token=token)
    return at_once, by_fields


def as_text(answer: Answer) -> Any:
    errors = [(each["message"], each["path"], each["locations"]) for each in answer.errors]
    return ordered(answer.partial), errors


def around(venue: Venue) -> dict[str, Any]:
    return {
        "roomIds": [api_id(room) for room in venue.rooms],
        "from": (NINE - timedelta(hours=2)).isoformat(),
        "to": (NINE + timedelta(hours=4)).isoformat(),
        "durationMinutes": 60,
        "includeUnavailable": True,
    }


@pytest.mark.parametrize("more", [True, False])
async def test_slots_are_what_their_fields_say(
    api: Api, venue: Venue, monkeypatch: pytest.MonkeyPatch, completed: list[bool], more: bool
) -> None:
    at_once, by_fields = await both(
        api, monkeypatch, venue.owner.token, WHOLE, query=around(venue), more=more
    )

    assert completed == [True]
    assert as_text(at_once) == as_text(by_fields)
    states = {slot["state"] for slot in at_once.data["availability"]["slots"]}
    assert states == {"FREE", "BUSY"}


async def test_a_value_that_cannot_be_shown_fails_as_its_field_would(
    api: Api, venue: Venue, monkeypatch: pytest.MonkeyPatch, completed: list[bool]
) -> None:
    monkeypatch.setattr(Money, "amount", property(lambda _: None))

    with capture_logs() as logs:
        at_once, by_fields = await both(
            api, monkeypatch, venue.owner.token, WHOLE, query=around(venue), more=True
        )

    assert completed[0]
    assert as_text(at_once) == as_text(by_fields)
    assert at_once.codes
    noted = [each for each in logs if each["event"] == "list.not_completed"]
    assert {(each["field"], each["log_level"]) for each in noted} == {("slots", "warning")}


async def test_who_may_not_see_a_field_is_told_so_for_each(
    api: Api, venue: Venue, monkeypatch: pytest.MonkeyPatch, completed: list[bool]
) -> None:
    narrow = {"name": "screen", "permissions": ["availability:read", "rooms:read"]}
    made = await api(KEY, {"input": narrow}, token=venue.owner.token)

    at_once, by_fields = await both(
        api, monkeypatch, made.payload["secret"], WHOLE, query=around(venue), more=True
    )

    assert completed[0] is False
    assert as_text(at_once) == as_text(by_fields)
    assert set(at_once.codes) == {"FORBIDDEN"}


SELECTIONS: Final = {
    "starts alone": "slots { startsAt }",
    "starts on both sides": "slots { startsAt room { name } endsAt }",
    "starts under other names": "slots { b: endsAt a: startsAt same: startsAt state }",
    "no starts": "slots { room { name capacity } price { amount } }",
    "no attribute at all": "slots { __typename }",
    "states": "slots { state startsAt }",
    "reasons before starts": "slots { reasons { code freesAt } startsAt }",
    "two lists": "a: slots { startsAt } b: slots { state endsAt }",
    "the next one": "nextFreeSlot { startsAt room { name } } computedAt",
}
QUERY: Final = "query ($query: AvailabilityQuery!) { availability(query: $query) { %s } }"


@pytest.mark.parametrize("selection", SELECTIONS.values(), ids=SELECTIONS.keys())
@pytest.mark.parametrize("everything", [True, False])
async def test_runs_of_slots_are_printed_as_each_is_completed(
    api: Api, venue: Venue, monkeypatch: pytest.MonkeyPatch, selection: str, everything: bool
) -> None:
    query = around(venue) | {"includeUnavailable": everything}

    at_once, by_fields = await both(
        api, monkeypatch, venue.owner.token, QUERY % selection, query=query
    )

    assert at_once.data
    assert as_text(at_once) == as_text(by_fields)


async def test_a_list_that_takes_long_gives_way_to_others(
    api: Api, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kit.time_slice.SECONDS", -1)
    given_way = 0
    sleep = asyncio.sleep

    async def counted(seconds: float) -> None:
        nonlocal given_way
        given_way += seconds == 0
        await sleep(seconds)

    monkeypatch.setattr("kit.time_slice.asyncio.sleep", counted)
    selection = "slots { startsAt state reasons { message } room { name } }"

    at_once, by_fields = await both(
        api, monkeypatch, venue.owner.token, QUERY % selection, query=around(venue)
    )

    assert as_text(at_once) == as_text(by_fields)
    refused = [each for each in at_once.data["availability"]["slots"] if each["reasons"]]
    assert given_way > len(refused) > 2


async def test_a_value_late_in_a_long_list_fails_as_its_field_would(
    api: Api, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kit.time_slice.SECONDS", -1)
    monkeypatch.setattr("domain.bookings.availability.booked", lambda *_: None)
    selection = "slots { startsAt reasons { message } }"

    at_once, by_fields = await both(
        api, monkeypatch, venue.owner.token, QUERY % selection, query=around(venue)
    )

    assert as_text(at_once) == as_text(by_fields)
    assert at_once.codes


VALUES: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**33), 2**33),
    st.integers(-3, 3),
    st.floats(),
    st.sampled_from(["", "one", "2", date(2027, 3, 2)]),
)


@given(
    st.sampled_from([GraphQLInt, GraphQLFloat, GraphQLString, GraphQLID, GraphQLBoolean]),
    st.lists(VALUES, max_size=4) | st.lists(st.integers(-(2**32), 2**32) | st.none()),
)
def test_leaves_are_completed_together_as_one_by_one(
    kind: GraphQLScalarType, values: list[Any]
) -> None:
    complete = compile_list_completion(None, GraphQLList(kind), [])  # type: ignore[arg-type]

    def shown(each: Callable[[], list[Any]]) -> list[tuple[type, Any]] | None:
        try:
            return [(type(value), value) for value in each()]
        except Exception:  # noqa: BLE001 - of whatever kind, the fields themselves report it
            return None

    one_by_one = shown(
        lambda: [None if each is None else kind.coerce_output_value(each) for each in values]
    )
    assert shown(lambda: complete(values)) == one_by_one
