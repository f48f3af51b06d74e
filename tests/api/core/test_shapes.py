"""Responses suit clients' caches: named objects, ids of deleted objects, pages."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kit.runtime import Runtime
from kit.settings import Settings
from tests.api.accounts.accounts import logged_in
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.desk import made
from tests.support.factories import Venue, api_id, make_booking, make_venue
from tests.support.till import opened

CANCEL = """
    mutation ($id: ID!) {
      cancelBooking(id: $id, version: 1) {
        booking { id status } bookings { id } userErrors { code }
      }
    }
"""
MOVE = """
    mutation ($id: ID!, $version: Int!, $at: DateTime! = "2027-03-03T10:00:00Z") {
      rescheduleBooking(id: $id, version: $version, input: {start: {at: $at}}) {
        booking { id startsAt } bookings { id } userErrors { code }
      }
    }
"""
SOON = datetime(2027, 3, 2, 10, tzinfo=UTC)
PAGE = "nodes { __typename } edges { cursor } pageInfo { startCursor hasPreviousPage hasNextPage }"


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


async def test_a_cancellation_needs_no_input_and_gives_the_booking(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    id = api_id(await make_booking(runtime, venue, SOON))

    answer = await api(CANCEL, {"id": id}, token=venue.staff.token)
    again = await api(CANCEL, {"id": id}, token=venue.staff.token)

    assert answer.payload == {
        "booking": {"id": id, "status": "CANCELLED"},
        "bookings": [{"id": id}],
        "userErrors": [],
    }
    assert again.payload["booking"] is None
    assert again.payload["bookings"] == []


async def test_a_move_gives_the_booking(api: Api, runtime: Runtime, venue: Venue) -> None:
    id = api_id(await make_booking(runtime, venue, SOON))

    answer = await api(MOVE, {"id": id, "version": 1}, token=venue.staff.token)
    stale = await api(MOVE, {"id": id, "version": 1}, token=venue.staff.token)

    assert answer.payload == {
        "booking": {"id": id, "startsAt": "2027-03-03T10:00:00Z"},
        "bookings": [{"id": id}],
        "userErrors": [],
    }
    assert (stale.payload["booking"], stale.refusals) == (None, ["STALE_VERSION"])


async def test_a_refund_needs_no_input_and_gives_all_that_was_paid_back(
    settings: Settings, clock: StoppedClock
) -> None:
    refund = """mutation ($id: ID!, $version: Int!) {
      refundBooking(id: $id, version: $version) {
        booking { id refunds { amount { amount } } } userErrors { code path }
      }
    }"""
    async with opened(settings, clock) as till:
        venue = await make_venue(till.runtime)
        await till.set_up(venue, policy="FULL")
        booking = made(await till.desk(venue.guest).create(venue.rooms[0], SOON))
        await till.pays_and_is_heard(booking)
        paid = await till.seen(venue.manager, booking)
        given = {"id": paid["id"], "version": paid["version"]}

        answer = await till.api(refund, given, token=venue.manager.token)
        given["version"] += 1
        again = await till.api(refund, given, token=venue.manager.token)

    assert answer.payload == {
        "booking": {"id": paid["id"], "refunds": [{"amount": {"amount": "40.00"}}]},
        "userErrors": [],
    }
    assert again.payload == {
        "booking": None,
        "userErrors": [{"code": "INVALID", "path": ["input", "amount"]}],
    }


async def test_a_session_that_is_ended_is_named(api: Api, venue: Venue) -> None:
    here = (await logged_in(api, venue))["accessToken"]
    await logged_in(api, venue)
    listed = await api("{ sessions { nodes { id current } } }", token=here)
    elsewhere = next(each["id"] for each in listed.payload["nodes"] if not each["current"])
    end = "mutation ($id: ID!) { endSession(id: $id) { deletedId userErrors { code } } }"

    ended = await api(end, {"id": elsewhere}, token=here)
    again = await api(end, {"id": elsewhere}, token=here)

    assert ended.payload == {"deletedId": elsewhere, "userErrors": []}
    assert again.payload == {"deletedId": None, "userErrors": [{"code": "NOT_FOUND"}]}


async def test_what_is_deleted_is_named(api: Api, venue: Venue) -> None:
    made = await api(
        """mutation {
          createBlackout(
            input: {startsAt: "2027-03-05T10:00:00Z", endsAt: "2027-03-05T12:00:00Z"}
          ) { blackout { id } }
          setHoursException(input: {date: "2027-03-06", intervals: []}) { exception { id } }
        }""",
        token=venue.owner.token,
    )
    blackout = made.data["createBlackout"]["blackout"]["id"]
    exception = made.data["setHoursException"]["exception"]["id"]
    delete = """mutation ($blackout: ID!, $exception: ID!) {
      deleteBlackout(id: $blackout) { deletedId userErrors { code } }
      deleteHoursException(id: $exception) { deletedId userErrors { code } }
    }"""
    ids = {"blackout": blackout, "exception": exception}

    deleted = await api(delete, ids, token=venue.owner.token)
    again = await api(delete, ids, token=venue.owner.token)

    assert deleted.data == {
        "deleteBlackout": {"deletedId": blackout, "userErrors": []},
        "deleteHoursException": {"deletedId": exception, "userErrors": []},
    }
    assert again.data["deleteBlackout"] == {
        "deletedId": None,
        "userErrors": [{"code": "NOT_FOUND"}],
    }


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("{ users(%s) { %s } }", "users"),
        ("{ auditLog(%s) { %s } }", "auditLog"),
        ("{ viewer { id } bookings(first: 1) { nodes { history(%s) { %s } } } }", "history"),
        ("{ customers(first: 1) { nodes { bookings(%s) { %s } } } }", "bookings"),
        ('{ venue(subdomain: "SUBDOMAIN") { rooms(%s) { %s } } }', "rooms"),
    ],
)
async def test_every_list_is_read_from_its_end(
    api: Api, runtime: Runtime, venue: Venue, query: str, path: str
) -> None:
    id = api_id(await make_booking(runtime, venue, SOON, customer=venue.customer))
    await api(MOVE, {"id": id, "version": 1}, token=venue.owner.token)
    later = {"id": id, "version": 2, "at": "2027-03-03T12:00:00Z"}
    await api(MOVE, later, token=venue.owner.token)
    await make_booking(runtime, venue, SOON + timedelta(days=7), customer=venue.customer)

    async def page(window: str) -> Any:
        text = (query % (window, PAGE)).replace("SUBDOMAIN", venue.tenant.subdomain)
        return found(path, (await api(text, token=venue.owner.token)).data)

    every = [edge["cursor"] for edge in (await page("first: 250"))["edges"]]
    last = await page("last: 1")
    before = await page(f'last: 1, before: "{last["pageInfo"]["startCursor"]}"')

    assert len(every) >= 2
    assert [edge["cursor"] for page in (before, last) for edge in page["edges"]] == every[-2:]
    assert last["pageInfo"]["hasPreviousPage"] and not last["pageInfo"]["hasNextPage"]


def found(name: str, within: Any) -> Any:
    """Returns all values under a key, at any depth."""
    match within:
        case dict():
            if name in within:
                return within[name] if "pageInfo" in within[name] else found(name, within[name])
            return next((each for each in (found(name, v) for v in within.values()) if each), None)
        case list():
            return next((each for each in (found(name, v) for v in within) if each), None)
    return None
