"""Mutations of known documents are printed without executing the document, with equal answers."""

from datetime import timedelta
from typing import Any

import pytest
from graphql import VariableValues

from execution.document_cache import Documents, ParsedOperation
from kit.runtime import Runtime
from schema import schema
from tests.differential.comparison import Findings
from tests.support.client import Answer, Api
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import Person, Venue, api_id, make_booking, make_venue

CORE = schema._schema
CONFIRM = "mutation ($id: ID!) { confirmBooking(id: $id, version: 1) { booking { id } } }"
CREATE = """
mutation ($input: CreateBookingInput!) {
  made: createBooking(input: $input) {
    ...Made
    kind: __typename replayed
    again: booking { status room { capacity } }
    userErrors { kind: __typename code message path
      ... on SlotConflictError { conflicts { startsAt } } }
  }
}
fragment Made on CreateBookingPayload { booking { startsAt room { name } customer { name } } }
"""
START = MONDAY_MORNING + timedelta(days=1, hours=1)


@pytest.mark.parametrize(
    ("selected", "is_known"),
    [
        ("confirmBooking(id: $id, version: 1) { booking { id } }", True),
        ("confirmBooking(id: $id, version: 1) { __typename userErrors { code } }", True),
        ("confirmBooking(id: $id, version: 1) { booking { id } } __typename", False),
        # A computed field, a list, and what is no row.
        ("cancelBooking(id: $id, version: 1) { booking { id } }", False),
        ("cancelBooking(id: $id, version: 1) { bookings { id } }", False),
        ("deleteBlackout(id: $id) { deletedId }", False),
        # Fields that keep their values when they are left out.
        ("updateBooking(id: $id, version: 1, input: {}) { booking { id } }", False),
    ],
)
def test_an_operation_of_one_mutation_that_shows_rows_is_known(
    selected: str, is_known: bool
) -> None:
    operation = _parsed(f"mutation ($id: ID!) {{ {selected} }}")

    assert (operation.mutation(CORE, VariableValues({}, {"id": "1"})) is not None) == is_known


def test_booleans_may_decide_what_is_selected() -> None:
    operation = _parsed(
        "mutation ($id: ID!, $is: Boolean!) {"
        "  confirmBooking(id: $id, version: 1) { booking { id @include(if: $is) } } }"
    )

    assert operation.mutation(CORE, VariableValues({}, {"id": "1", "is": False})) is None


async def test_a_boolean_that_is_null_is_the_error_of_its_field(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    booking = await make_booking(runtime, venue, START)
    text = (
        "mutation ($id: ID!, $is: Boolean = true) {"
        "  confirmBooking(id: $id, version: 9) { booking @include(if: $is) { id } } }"
    )

    answer = await api(text, {"id": api_id(booking), "is": None}, token=venue.staff.token)

    assert answer.partial == {"confirmBooking": None}
    assert answer.errors[0]["path"] == ["confirmBooking"]


async def test_a_known_mutation_is_printed(api: Api, runtime: Runtime, both_ways: Findings) -> None:
    venue = await make_venue(runtime)
    await _book(api, venue, venue.staff, hours=0)

    answer = await _book(api, venue, venue.staff, hours=2)

    assert answer.data == {
        "made": {
            "booking": {
                "startsAt": "2027-03-02T12:00:00Z",
                "room": {"name": "Room 1"},
                "customer": {"name": venue.customer.name},
            },
            "kind": "CreateBookingPayload",
            "replayed": False,
            "again": {"status": "CONFIRMED", "room": {"capacity": 4}},
            "userErrors": [],
        }
    }
    assert both_ways.tally["payloads"] == 1
    # In the order of the document, as it is executed.
    assert [*answer.data["made"]] == ["booking", "kind", "replayed", "again", "userErrors"]


async def test_what_refuses_it_is_told_as_ever(
    api: Api, runtime: Runtime, both_ways: Findings
) -> None:
    venue = await make_venue(runtime)
    for hours in (0, 2):
        await _book(api, venue, venue.staff, hours=hours)

    taken = await _book(api, venue, venue.staff, hours=2)
    foreign = await _book(api, venue, venue.staff, hours=4, roomId=api_id(venue.customer))
    empty = await _book(api, venue, venue.staff, hours=4, roomId=None)
    forbidden = await _book(api, venue, venue.guest, hours=4, customer=venue.other_customer)

    made = taken.data["made"]
    assert made["booking"] is None
    assert made["userErrors"][0]["conflicts"] == [{"startsAt": "2027-03-02T12:00:00Z"}]
    others = (foreign, empty, forbidden)
    refusals = [error for each in others for error in each.data["made"]["userErrors"]]
    assert [(each["kind"], each["code"], each["path"]) for each in refusals] == [
        ("GenericUserError", "NOT_FOUND", ["input", "roomId"]),
        ("GenericUserError", "REQUIRED", ["input", "roomId"]),
        ("GenericUserError", "NOT_FOUND", ["input", "customer", "id"]),
    ]
    # All but the first booking, which is planned, and the refusal with conflicts.
    assert both_ways.tally["payloads"] == 4


async def test_a_change_is_made_once_if_its_rows_cannot_be_read(
    api: Api, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue = await make_venue(runtime)
    await _book(api, venue, venue.staff, hours=0)

    async def broken(*_: object, **__: object) -> Any:
        raise ValueError

    monkeypatch.setattr(runtime.database, "text", broken)
    answer = await _book(api, venue, venue.staff, hours=2)
    monkeypatch.undo()
    bookings = await api("{ bookings { totalCount } }", token=venue.staff.token)

    assert answer.errors[0]["path"] == ["made", "booking"]
    assert bookings.payload["totalCount"] == 2


async def test_a_replayed_result_says_so(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    await _book(api, venue, venue.staff, hours=0)

    first, again = [
        await _book(api, venue, venue.staff, hours=2, idempotencyKey="a key") for _ in range(2)
    ]

    assert (first.data["made"].pop("replayed"), again.data["made"].pop("replayed")) == (False, True)
    assert first.data == again.data


async def test_a_caller_without_the_permission_is_refused(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    booking = await make_booking(runtime, venue, START)

    refused = await api(CONFIRM, {"id": api_id(booking)}, token=venue.guest.token)

    assert refused.errors[0]["extensions"]["code"] == "FORBIDDEN"


def _parsed(text: str) -> ParsedOperation:
    return Documents(CORE).read(text, is_anonymous=False).operation(None)


async def _book(
    api: Api, venue: Venue, person: Person, *, hours: int, customer: Any = None, **given: Any
) -> Answer:
    input = {
        "roomId": api_id(venue.rooms[0]),
        "start": {"at": f"{START + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}"},
        "durationMinutes": 60,
        "customer": {"id": api_id(customer or venue.customer)},
        **given,
    }
    return await api(CREATE, {"input": input}, token=person.token)
