"""A replay reads the rows of many events at once, with the same result as one by one."""

from collections.abc import Sequence
from typing import Any

import pytest
import pytest_asyncio

from execution.event_executor import EventExecutor
from execution.list_completion import NotCompletable
from kit.runtime import Runtime
from tests.api.bookings.test_live import CANCEL, book, cursor_now
from tests.support.client import Api
from tests.support.factories import Person, Venue, make_venue
from tests.support.horizon import until_behind_the_horizon
from tests.support.sse import events
from tests.support.statements import statements

DOCUMENTS = [
    """subscription ($after: EventCursor, $full: Boolean!) {
      bookingChanged(after: $after) {
        __typename
        ... on BookingChanged {
          cursor what: type at
          booking {
            id ref: reference status note @include(if: $full) room { name } customer { email }
          }
        }
      }
    }""",
    """subscription Named($after: EventCursor, $full: Boolean!) {
      changed: bookingChanged(after: $after) { ...Change ...Change @include(if: $full) }
    }
    fragment Change on BookingChanged {
      at booking { id ... @include(if: $full) { history(first: 3) { nodes { type } } } }
    }""",
    "subscription ($after: EventCursor, $full: Boolean!) { bookingChanged(after: $after) {"
    " __typename ... on BookingChanged @skip(if: $full) { cursor } } }",
    """subscription ($after: EventCursor, $full: Boolean!) {
      bookingChanged(after: $after) {
        ... on BookingChanged {
          a: booking { id }
          b: booking { id version partySize @skip(if: $full) }
        }
      }
    }""",
]


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("full", [True, False])
async def test_events_are_told_as_one_by_one(
    api: Api,
    server: str,
    venue: Venue,
    monkeypatch: pytest.MonkeyPatch,
    document: str,
    full: bool,
) -> None:
    after = await cursor_now(api, venue.staff)
    number = await make_changes(api, venue)
    variables = {"after": after, "full": full}

    for person in (venue.staff, venue.guest):
        together = await received(server, document, variables, person, number=number)
        with monkeypatch.context() as patch:
            patch.setattr(EventExecutor, "_together", refused)
            alone = await received(server, document, variables, person, number=number)

        assert together == alone


async def test_the_bookings_of_many_events_are_read_by_one_statement(
    api: Api, server: str, runtime: Runtime, venue: Venue
) -> None:
    after = await cursor_now(api, venue.staff)
    number = await make_changes(api, venue)
    await until_behind_the_horizon(runtime, venue.staff)

    with statements(runtime) as sent:
        variables = {"after": after, "full": True}
        seen = await received(server, DOCUMENTS[0], variables, venue.staff, number=number)

    bookings = [each["data"]["bookingChanged"]["booking"] for each in seen]
    assert bookings[0]["status"] == "CANCELLED"
    assert len([sql for sql in sent if "unnest" in sql and "row_to_json" in sql]) == 1


async def test_a_failure_to_read_together_is_told_by_no_event(
    api: Api, server: str, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    after = await cursor_now(api, venue.staff)
    number = await make_changes(api, venue)
    monkeypatch.setattr("execution.event_batches.EventBatch.answers", broken)

    variables = {"after": after, "full": True}
    seen = await received(server, DOCUMENTS[0], variables, venue.staff, number=number)

    assert [list(each) for each in seen] == [["data"]] * number


async def make_changes(api: Api, venue: Venue) -> int:
    """Books six times for the guest, and cancels the first; returns how many events that are."""
    made = [await book(api, venue, f"2027-03-02T{hour:02}:00:00Z") for hour in range(9, 15)]
    cancelled = await api(
        CANCEL, {"id": made[0]["id"], "version": made[0]["version"]}, token=venue.staff.token
    )
    assert cancelled.payload["userErrors"] == []
    return len(made) + 1


async def received(
    server: str, document: str, variables: dict[str, Any], person: Person, *, number: int
) -> list[Any]:
    async with events(server, document, variables, token=person.token) as stream:
        return [await stream.event() for _ in range(number)]


async def refused(_executor: EventExecutor, _events: Sequence[object]) -> list[str | None]:
    raise NotCompletable


async def broken(*_: object) -> list[str | None]:
    raise RuntimeError("not to be told")
