"""Customers are merged, with all that refers to them, and unmerged within a day."""

import asyncio
from datetime import timedelta
from typing import Any, Final

import asyncpg
import pytest
import pytest_asyncio

from jobs.purge import purge_expired
from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from models.bookings.customer_merges import references
from tests.api.accounts.test_api_keys import create as create_key
from tests.support.client import Answer, Api
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.factories import Venue, api_id, make_series, make_venue

MERGE: Final = """
    mutation (
      $keep: ID!, $merge: ID!, $versions: CustomerVersionsInput!, $login: Boolean! = false
    ) {
      mergeCustomers(keepId: $keep, mergeId: $merge, versions: $versions, sharesLogin: $login) {
        customer { id name email phone locale notes tags version }
        userErrors {
          code path message
          ... on StaleVersionError { current { id } } ... on AlreadyMergedError { kept { id } }
          ... on LimitError { limit used }
        }
      }
    }
"""
UNDO: Final = """
    mutation ($id: ID!, $version: Int!) {
      undoMerge(customerId: $id, version: $version) {
        customer { id name email phone locale notes tags version }
        restored { id name email phone locale notes tags version createdAt }
        userErrors { code path }
      }
    }
"""
CREATE: Final = """
    mutation ($input: NewCustomerInput!) {
      createCustomer(input: $input) { customer { id } userErrors { code } }
    }
"""
UPDATE: Final = """
    mutation ($id: ID!, $version: Int!, $input: UpdateCustomerInput!) {
      updateCustomer(id: $id, version: $version, input: $input) {
        customer { id version } userErrors { code } } }
"""
TAG: Final = """
    mutation ($id: ID!, $version: Int!, $tags: [String!]!) {
      tagCustomer(id: $id, version: $version, tags: $tags) { customer { version } } }
"""
VERSION: Final = "query ($id: ID!) { customer(id: $id) { version } }"
READ: Final = """
    query ($id: ID!) {
      customer(id: $id) { id name undoableMerge { name mergedAt undoableUntil } }
      customers { nodes { id } }
      node(id: $id) { id }
    }
"""
BOOK: Final = """
    mutation ($input: CreateBookingInput!) {
      createBooking(input: $input) { booking { id customer { id } } userErrors { code path } }
    }
"""
BOOKINGS: Final = """{ bookings { nodes { id version customer { id } } } }"""
LOG: Final = "{ auditLog(first: 10) { nodes { type subjectId changes { field before after } } } }"


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, min_notice_minutes=0)


async def added(api: Api, venue: Venue, *tags: str, notes: str = "", **given: object) -> str:
    made = await api(CREATE, {"input": given}, token=venue.staff.token)
    id: str = made.payload["customer"]["id"]
    if notes:
        noted = {"id": id, "version": 1, "input": {"notes": notes}}
        await api(UPDATE, noted, token=venue.staff.token)
    if tags:
        version = await version_of(api, venue, id)
        await api(TAG, {"id": id, "version": version, "tags": list(tags)}, token=venue.staff.token)
    return id


async def version_of(api: Api, venue: Venue, id: str) -> int:
    answer = await api(VERSION, {"id": id}, token=venue.staff.token)
    return int(answer.payload["version"]) if answer.payload else 1


async def merge(
    api: Api, venue: Venue, keep: str, merged: str, *, login: bool = False, **also: Any
) -> Answer:
    """Merges two customers at the versions that they have now."""
    versions = {
        "keep": await version_of(api, venue, keep),
        "merge": await version_of(api, venue, merged),
    }
    given = {"keep": keep, "merge": merged, "versions": versions, "login": login}
    return await api(MERGE, {**given, **also}, token=venue.staff.token)


async def undo(api: Api, venue: Venue, id: str) -> Answer:
    version = await version_of(api, venue, id)
    return await api(UNDO, {"id": id, "version": version}, token=venue.staff.token)


async def booked_for(api: Api, venue: Venue) -> dict[str, str]:
    """Returns the customer of each booking."""
    answer = await api(BOOKINGS, token=venue.staff.token)
    return {each["id"]: each["customer"]["id"] for each in answer.payload["nodes"]}


# ------------------------------------------------------------------------------ the story


async def test_a_customer_is_merged_and_unmerged(
    api: Api, runtime: Runtime, venue: Venue, clock: StoppedClock
) -> None:
    ada = await added(api, venue, "vip", name="Ada", email="ada@x.test", notes="Tea.")
    twin = await added(
        api,
        venue,
        *("band", "VIP"),
        name="A. Lovelace",
        email="al@x.test",
        phone="+1 212 555 0100",
        locale="en-GB",
        notes="Window.",
    )
    first = await book(api, venue, 10, {"id": twin})
    second = await book(api, venue, 12, {"id": ada})

    merged = await merge(api, venue, ada, twin)

    assert merged.payload == {
        "customer": {
            "id": ada,
            "name": "Ada",
            "email": "ada@x.test",
            "phone": "+1 212 555 0100",
            "locale": "en-GB",
            "notes": "Tea.\n\nWindow.",
            "tags": ["band", "vip"],
            "version": 4,
        },
        "userErrors": [],
    }
    assert await booked_for(api, venue) == {first: ada, second: ada}
    read = await api(READ, {"id": twin}, token=venue.staff.token)
    assert read.data["customer"] == {
        "id": ada,
        "name": "Ada",
        "undoableMerge": {
            "name": "A. Lovelace",
            "mergedAt": "2027-03-01T09:00:00Z",
            "undoableUntil": "2027-03-02T09:00:00Z",
        },
    }
    assert twin not in {each["id"] for each in read.data["customers"]["nodes"]}
    assert read.data["node"] is None
    by_id = await book(api, venue, 14, {"id": twin})
    by_address = await book(api, venue, 16, {"new": {"name": "Ada", "email": "AL@x.test"}})

    clock.advance(minutes=10)
    undone = await undo(api, venue, ada)

    assert undone.refusals == []
    assert undone.payload["customer"] == {
        "id": ada,
        "name": "Ada",
        "email": "ada@x.test",
        "phone": None,
        "locale": None,
        "notes": "Tea.",
        "tags": ["vip"],
        "version": 5,
    }
    assert undone.payload["restored"] == {
        "id": twin,
        "name": "A. Lovelace",
        "email": "al@x.test",
        "phone": "+1 212 555 0100",
        "locale": "en-GB",
        "notes": "Window.",
        "tags": ["band", "vip"],
        "version": 4,
        "createdAt": "2027-03-01T09:00:00Z",
    }
    # What was booked after the merge stays with the kept one.
    assert await booked_for(api, venue) == {
        first: twin,
        second: ada,
        by_id: ada,
        by_address: ada,
    }
    again = await undo(api, venue, ada)
    assert again.refusals == ["INVALID"]


async def book(api: Api, venue: Venue, hour: int, customer: dict[str, Any]) -> str:
    given = {
        "roomId": api_id(venue.rooms[0]),
        "start": {"at": f"2027-03-01T{hour}:00:00Z"},
        "durationMinutes": 60,
        "customer": customer,
    }
    answer = await api(BOOK, {"input": given}, token=venue.staff.token)
    assert answer.refusals == []
    return str(answer.payload["booking"]["id"])


async def test_a_merge_is_on_the_log_with_each_booking(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    ada = await added(api, venue, name="Ada")
    twin = await added(api, venue, name="Ada")
    booking = await book(api, venue, 10, {"id": twin})

    await merge(api, venue, ada, twin)

    log = (await api(LOG, token=venue.manager.token)).payload["nodes"][:2]
    assert {(each["type"], each["subjectId"]) for each in log} == {
        ("CUSTOMERS_MERGED", ada),
        ("BOOKING_UPDATED", booking),
    }
    (moved,) = [each for each in log if each["type"] == "BOOKING_UPDATED"]
    assert [each["field"] for each in moved["changes"]] == ["customerId"]


async def test_what_was_changed_since_stays_when_a_merge_is_undone(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    ada = await added(api, venue, name="Ada")
    twin = await added(api, venue, "band", name="Ada", email="al@x.test", phone="0100")
    booking = await book(api, venue, 10, {"id": twin})
    await merge(api, venue, ada, twin)
    version = await version_of(api, venue, ada)
    changed = {"id": ada, "version": version, "input": {"phone": "0200"}}
    await api(UPDATE, changed, token=venue.staff.token)
    await api(
        """mutation ($id: ID!, $customer: ID!) { updateBooking(
             id: $id, version: 2, input: { customer: { id: $customer } }) {
               userErrors { code } } }""",
        {"id": booking, "customer": api_id(venue.other_customer)},
        token=venue.staff.token,
    )

    undone = await undo(api, venue, ada)

    assert undone.refusals == []
    assert undone.payload["customer"]["phone"] == "0200"
    assert undone.payload["customer"]["email"] is None
    assert undone.payload["restored"]["email"] == "al@x.test"
    assert await booked_for(api, venue) == {booking: api_id(venue.other_customer)}


async def test_a_chain_of_merges_leads_to_the_last_one_and_back(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    first, second, third = [await added(api, venue, name=each) for each in ("A", "B", "C")]
    booking = await book(api, venue, 10, {"id": first})
    await merge(api, venue, second, first)
    await merge(api, venue, third, second)

    led = await api(READ, {"id": first}, token=venue.staff.token)
    assert led.data["customer"]["id"] == third
    assert await booked_for(api, venue) == {booking: third}

    back = await undo(api, venue, third)
    assert back.payload["restored"]["id"] == second
    assert await booked_for(api, venue) == {booking: second}
    back = await undo(api, venue, second)
    assert back.payload["restored"]["id"] == first
    assert await booked_for(api, venue) == {booking: first}


async def test_the_booking_of_a_merged_customer_is_not_given_back_to_them_alone(
    api: Api, runtime: Runtime, venue: Venue, clock: StoppedClock
) -> None:
    ada, twin = [await added(api, venue, name=each) for each in ("A", "B")]
    booking = await book(api, venue, 10, {"id": twin})
    clock.advance(minutes=1)
    await merge(api, venue, ada, twin)

    refused = await api(
        """mutation ($id: ID!) { undoChange(bookingId: $id, version: 2) {
             userErrors { code message } } }""",
        {"id": booking},
        token=venue.staff.token,
    )

    (error,) = refused.payload["userErrors"]
    assert error["message"].endswith("undo the merge instead.")
    assert await booked_for(api, venue) == {booking: ada}


# ------------------------------------------------------------------------------ refused


async def test_what_is_wrong_with_a_merge_is_told(api: Api, runtime: Runtime, venue: Venue) -> None:
    other = await make_venue(runtime)
    ada, twin, third = [await added(api, venue, name=each) for each in ("A", "B", "C")]

    same = await merge(api, venue, ada, ada)
    foreign = await merge(api, venue, ada, api_id(other.customer))
    stale = await merge(api, venue, ada, twin, versions={"keep": 1, "merge": 2})
    done = await merge(api, venue, ada, twin)
    again = await merge(api, venue, third, twin)

    def refused(answer: Answer) -> Any:
        return [
            {name: value for name, value in each.items() if name != "message"}
            for each in answer.payload["userErrors"]
        ]

    assert refused(same) == [{"code": "INVALID", "path": ["mergeId"]}]
    assert refused(foreign) == [{"code": "NOT_FOUND", "path": ["mergeId"]}]
    assert refused(stale) == [
        {"code": "STALE_VERSION", "path": ["versions", "merge"], "current": {"id": twin}}
    ]
    assert done.refusals == []
    assert refused(again) == [{"code": "ALREADY_MERGED", "path": ["mergeId"], "kept": {"id": ada}}]


async def test_too_much_for_one_customer_is_refused(
    api: Api, runtime: Runtime, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = [f"tag {number}" for number in range(11)]
    ada = await added(api, venue, *tags, name="A", notes="a" * 1_000)
    tagged = await added(api, venue, *(f"other {tag}" for tag in tags), name="B")
    noted = await added(api, venue, name="C", notes="c" * 1_000)
    busy = await added(api, venue, name="D")
    for hour in (10, 12):
        await book(api, venue, hour, {"id": busy})
    monkeypatch.setattr("resolvers.bookings.customer_merges.MAX_MOVED_BOOKINGS", 1)

    too_many = await merge(api, venue, ada, tagged)
    too_long = await merge(api, venue, ada, noted)
    too_busy = await merge(api, venue, ada, busy)

    assert too_many.refusals == ["QUOTA_EXCEEDED"]
    assert too_long.refusals == ["INVALID"]
    (limited,) = too_busy.payload["userErrors"]
    assert (limited["code"], limited["limit"], limited["used"]) == ("QUOTA_EXCEEDED", 1, 2)


async def test_a_login_is_shared_only_by_decision(
    api: Api, runtime: Runtime, venue: Venue, clock: StoppedClock
) -> None:
    ada = await added(api, venue, name="Ada")
    guest = api_id(venue.customer)
    booking = await book(api, venue, 10, {"id": ada})

    refused = await merge(api, venue, ada, guest)
    before = await api(BOOKINGS, token=venue.guest.token)
    merged = await merge(api, venue, ada, guest, login=True)
    clock.advance(seconds=2)
    shared = await api(BOOKINGS, token=venue.guest.token)
    undone = await undo(api, venue, ada)
    clock.advance(seconds=2)
    after = await api(BOOKINGS, token=venue.guest.token)

    (error,) = refused.payload["userErrors"]
    assert (error["code"], error["path"]) == ("CUSTOMER_HAS_LOGIN", ["sharesLogin"])
    assert before.payload["nodes"] == after.payload["nodes"] == []
    assert merged.refusals == undone.refusals == []
    assert [each["id"] for each in shared.payload["nodes"]] == [booking]


async def test_two_logins_are_never_merged(api: Api, runtime: Runtime, venue: Venue) -> None:
    ada = await added(api, venue, name="Ada", email="ada@x.test")
    await api(
        """mutation { inviteUser(input: {
             email: "ada@x.test", name: "Ada", role: CUSTOMER }) { userErrors { code } } }""",
        token=venue.owner.token,
    )

    refused = await merge(api, venue, ada, api_id(venue.customer), login=True)

    assert refused.refusals == ["CUSTOMER_HAS_LOGIN"]


async def test_an_address_of_a_merged_customer_gives_no_login_to_the_kept_one(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    ada = await added(api, venue, name="Ada", email="ada@x.test")
    twin = await added(api, venue, name="Ada", email="al@x.test")
    await merge(api, venue, ada, twin)

    invited = await api(
        """mutation { inviteUser(input: { email: "al@x.test", name: "Al", role: CUSTOMER }) {
             user { customer { id } } userErrors { code } } }""",
        token=venue.owner.token,
    )

    assert invited.refusals == []
    assert invited.payload["user"]["customer"]["id"] not in (ada, twin)
    # The address is somebody else's now, so the merged record can't have it back.
    assert (await undo(api, venue, ada)).refusals == ["DUPLICATE"]


async def test_a_key_needs_the_permission_of_what_is_moved(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    ada, twin = [await added(api, venue, name=each) for each in ("A", "B")]
    created = await create_key(api, venue.owner.token, "customers:read", "customers:write")
    given = {"keep": ada, "merge": twin, "versions": {"keep": 2, "merge": 2}}

    answer = await api(MERGE, given, token=created.payload["secret"])

    assert answer.codes == ["FORBIDDEN"]


async def test_after_a_day_a_merge_stays_and_is_forgotten(
    api: Api,
    runtime: Runtime,
    venue: Venue,
    clock: StoppedClock,
    relay: Database,
    database: DatabaseUrls,
) -> None:
    ada, twin = [await added(api, venue, name=each) for each in ("A", "B")]
    merged = await merge(api, venue, ada, twin)
    given = {"id": ada, "version": merged.payload["customer"]["version"]}
    needed = ("customers:read", "customers:write", "bookings:write")
    token = (await create_key(api, venue.owner.token, *needed)).payload["secret"]

    clock.advance(hours=24)
    late = await api(UNDO, given, token=token)
    await purge_expired(runtime, relay)
    later = await api(UNDO, given, token=token)

    admin = await asyncpg.connect(database.owner)
    kept = await admin.fetch(
        "SELECT undo, undoable_until FROM customer_merges WHERE tenant_id = $1", venue.tenant.id
    )
    await admin.close()
    assert late.refusals == later.refusals == ["UNDO_WINDOW_PASSED"]
    assert [tuple(row) for row in kept] == [(None, None)]
    led = await api(READ, {"id": twin}, token=token)
    assert led.data["customer"] == {"id": ada, "name": "A", "undoableMerge": None}


# ------------------------------------------------------------------------------ everything moves

FOREIGN_KEYS: Final = """
    SELECT conrelid::regclass::text AS "table", attname AS "column"
    FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[2]
    WHERE contype = 'f' AND confrelid = 'customers'::regclass ORDER BY 1, 2
"""
UNIQUE: Final = """
    SELECT conrelid::regclass::text AS "table", attname AS "column"
    FROM pg_index JOIN pg_constraint ON conrelid = indrelid AND contype = 'f'
    JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[2]
    WHERE confrelid = 'customers'::regclass AND indisunique AND attnum = ANY (indkey::int2[])
"""


async def test_every_reference_to_a_customer_is_moved(database: DatabaseUrls) -> None:
    admin = await asyncpg.connect(database.owner)
    keys = [tuple(row) for row in await admin.fetch(FOREIGN_KEYS)]
    unique = {tuple(row) for row in await admin.fetch(UNIQUE)}
    await admin.close()

    assert [(table.name, column) for table, column in references()] == keys
    assert all("id" in table.c for table, _ in references())
    # Rows of both customers can't be one's in such a table: a merge has to decide about each.
    assert unique == {("users", "customer_id")}


async def test_what_else_refers_to_a_customer_moves_and_comes_back(
    api: Api, runtime: Runtime, venue: Venue, database: DatabaseUrls
) -> None:
    series = await make_series(runtime, venue, MONDAY_MORNING + timedelta(days=1))
    ada = await added(api, venue, name="Ada")

    await merge(api, venue, ada, api_id(venue.customer), login=True)
    moved = await owners(database, series.id)
    await undo(api, venue, ada)

    assert moved != str(venue.customer.id)
    assert await owners(database, series.id) == str(venue.customer.id)


async def owners(database: DatabaseUrls, series_id: Any) -> str:
    admin = await asyncpg.connect(database.owner)
    found = await admin.fetchval("SELECT customer_id FROM booking_series WHERE id = $1", series_id)
    await admin.close()
    return str(found)


# ------------------------------------------------------------------------------ raced


async def test_bookings_that_race_with_a_merge_are_the_kept_ones(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    ada, twin = [await added(api, venue, name=each) for each in ("A", "B")]

    async def book_at(hour: int) -> Answer:
        given = {
            "roomId": api_id(venue.rooms[hour % 2]),
            "start": {"at": f"2027-03-02T{hour:02}:00:00Z"},
            "durationMinutes": 60,
            "customer": {"id": twin},
        }
        return await api(BOOK, {"input": given}, token=venue.staff.token)

    answers = await asyncio.gather(
        *(book_at(hour) for hour in range(10)),
        merge(api, venue, ada, twin),
        *(book_at(hour) for hour in range(10, 20)),
    )

    assert [answer.refusals for answer in answers] == [[]] * 21
    assert set((await booked_for(api, venue)).values()) == {ada}


async def test_of_racing_merges_of_one_customer_one_wins(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    ids = [await added(api, venue, name=str(number)) for number in range(4)]
    booking = await book(api, venue, 10, {"id": ids[0]})

    answers = await asyncio.gather(*(merge(api, venue, id, ids[0]) for id in ids[1:]))

    assert sorted(answer.refusals for answer in answers) == [
        [],
        ["ALREADY_MERGED"],
        ["ALREADY_MERGED"],
    ]
    (winner,) = [each.payload["customer"]["id"] for each in answers if not each.refusals]
    assert await booked_for(api, venue) == {booking: winner}
