"""The inbox over HTTP and live: each user has their own, on all their devices."""

from datetime import timedelta
from typing import Any, Final

import pytest

from jobs.purge import purge_expired
from kit.actor import Request
from kit.ids import new_id
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.scope import Scope
from resolvers.notifications.inbox import unread_count
from schema.core.global_ids import encode_id
from tests.support.client import Api, live
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.factories import Person, Venue, api_id, make_booking, make_venue
from tests.support.horizon import until_behind_the_horizon
from tests.support.inboxes import make_inbox_entry

INBOX: Final = """
    query ($unreadOnly: Boolean! = false) {
      inbox(unreadOnly: $unreadOnly) {
        totalCount
        unreadCount
        nodes { id kind title body readAt booking { reference } }
        eventCursor
      }
    }
"""
MARK: Final = """
    mutation ($input: MarkInboxReadInput! = {}) {
      markInboxRead(input: $input) { unreadCount userErrors { code path } }
    }
"""
NODE: Final = "query ($id: ID!) { node(id: $id) { id } }"
DEMOTE: Final = """
    mutation ($id: ID!) { changeUserRole(id: $id, role: STAFF) { userErrors { code } } }
"""
CHANGES: Final = """
    subscription ($after: EventCursor) {
      inboxChanged(after: $after) {
        __typename
        ... on InboxChanged { cursor added { title } unreadCount }
        ... on ResyncRequired { reason }
      }
    }
"""


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


async def inbox(api: Api, person: Person, **given: object) -> Any:
    return (await api(INBOX, given, token=person.token)).payload


async def titles(api: Api, person: Person, **given: object) -> list[str]:
    return [each["title"] for each in (await inbox(api, person, **given))["nodes"]]


async def test_an_inbox_has_what_a_user_was_told_newest_first(
    api: Api, runtime: Runtime, venue: Venue, clock: StoppedClock
) -> None:
    booking = await make_booking(
        runtime, venue, MONDAY_MORNING + timedelta(days=1), reference="AAAA-1111"
    )
    first = await make_inbox_entry(runtime, venue.staff, "First", booking_id=booking.id)
    clock.now += timedelta(minutes=1)
    await make_inbox_entry(runtime, venue.staff, "Second")

    found = await inbox(api, venue.staff)

    assert found["totalCount"] == 2
    assert [each["title"] for each in found["nodes"]] == ["Second", "First"]
    assert found["nodes"][1] == {
        "id": encode_id("InboxEntry", first),
        "kind": "STAFF_BOOKING_CREATED",
        "title": "First",
        "body": "Room 1, Tuesday at 10:00",
        "readAt": None,
        "booking": {"reference": "AAAA-1111"},
    }


async def test_an_entry_is_added_once(api: Api, runtime: Runtime, venue: Venue) -> None:
    key = await make_inbox_entry(runtime, venue.staff)
    await make_inbox_entry(runtime, venue.staff, key=key)

    assert await titles(api, venue.staff) == ["New booking"]


async def test_nobody_reads_another_users_inbox(api: Api, runtime: Runtime, venue: Venue) -> None:
    id = encode_id("InboxEntry", await make_inbox_entry(runtime, venue.staff))

    node = await api(
        "query ($id: ID!) { node(id: $id) { id } }", {"id": id}, token=venue.owner.token
    )
    marked = await api(MARK, {"input": {"entryIds": [id]}}, token=venue.owner.token)

    assert await titles(api, venue.owner) == []
    assert node.payload is None
    assert marked.payload["userErrors"] == [{"code": "NOT_FOUND", "path": ["input", "entryIds"]}]
    assert (await inbox(api, venue.staff))["nodes"][0]["readAt"] is None


async def test_a_guest_sees_only_their_own_booking(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    tomorrow = MONDAY_MORNING + timedelta(days=1)
    own = await make_booking(runtime, venue, tomorrow, reference="AAAA-1111")
    foreign = await make_booking(
        runtime, venue, tomorrow + timedelta(days=1), customer=venue.other_customer
    )
    await make_inbox_entry(runtime, venue.guest, "Own", booking_id=own.id)
    await make_inbox_entry(runtime, venue.guest, "Foreign", booking_id=foreign.id)

    found = (await inbox(api, venue.guest))["nodes"]

    assert {each["title"]: each["booking"] for each in found} == {
        "Own": {"reference": "AAAA-1111"},
        "Foreign": None,
    }


async def test_entries_are_marked_as_read(api: Api, runtime: Runtime, venue: Venue) -> None:
    for title in ("First", "Second", "Third"):
        await make_inbox_entry(runtime, venue.staff, title)
    (one, *_) = (await inbox(api, venue.staff))["nodes"]

    some = await api(MARK, {"input": {"entryIds": [one["id"]]}}, token=venue.staff.token)
    unread = await inbox(api, venue.staff, unreadOnly=True)
    rest = await api(MARK, token=venue.staff.token)
    again = await api(MARK, token=venue.staff.token)

    assert some.payload == {"unreadCount": 2, "userErrors": []}
    assert unread["totalCount"] == 2
    assert one["title"] not in [each["title"] for each in unread["nodes"]]
    assert rest.payload == again.payload == {"unreadCount": 0, "userErrors": []}
    (first, *_) = (await inbox(api, venue.staff))["nodes"]
    assert first["readAt"] == "2027-03-01T09:00:00Z"


async def test_entries_are_deleted_after_90_days(
    api: Api, runtime: Runtime, venue: Venue, clock: StoppedClock, relay: Database
) -> None:
    await make_inbox_entry(runtime, venue.staff, "Old")
    clock.now += timedelta(minutes=1)
    await make_inbox_entry(runtime, venue.staff, "Young")
    clock.now += timedelta(days=90) - timedelta(seconds=30)

    await purge_expired(runtime, relay)

    scope = Scope(runtime, venue.staff.actor, Request(new_id()))
    assert await unread_count(scope, venue.staff.user.id) == 1
    await scope.close()


async def test_changes_arrive_at_all_devices_of_their_user_alone(
    api: Api, runtime: Runtime, server: str, venue: Venue, clock: StoppedClock
) -> None:
    # Two of one role, who share their other subscriptions.
    colleague = venue.manager
    demoted = {"id": api_id(colleague.user)}
    assert (await api(DEMOTE, demoted, token=venue.owner.token)).refusals == []
    await until_behind_the_horizon(runtime, venue.staff)
    after = {"after": (await inbox(api, venue.staff))["eventCursor"]}
    async with (
        live(server, token=venue.staff.token) as phone,
        live(server, token=venue.staff.token) as desk,
        live(server, token=colleague.token) as other,
    ):
        streams = [await each.subscribe(CHANGES, after) for each in (phone, desk)]
        others = await other.subscribe(CHANGES, after)

        await make_inbox_entry(runtime, venue.staff, "For staff")
        added = [(await each.next())["inboxChanged"] for each in streams]
        clock.now += timedelta(seconds=1)
        await api(MARK, token=venue.staff.token)
        read = [(await each.next())["inboxChanged"] for each in streams]
        clock.now += timedelta(seconds=1)
        await make_inbox_entry(runtime, colleague, "For the colleague")
        theirs = (await others.next())["inboxChanged"]

    assert [each["added"] for each in added] == [[{"title": "For staff"}]] * 2
    assert [each["unreadCount"] for each in added] == [1, 1]
    assert [(each["added"], each["unreadCount"]) for each in read] == [([], 0)] * 2
    assert (theirs["added"], theirs["unreadCount"]) == ([{"title": "For the colleague"}], 1)


async def test_what_was_missed_arrives_first(
    api: Api, runtime: Runtime, server: str, venue: Venue
) -> None:
    await until_behind_the_horizon(runtime, venue.staff)
    after = (await inbox(api, venue.staff))["eventCursor"]
    await make_inbox_entry(runtime, venue.staff, "Missed")

    async with live(server, token=venue.staff.token) as client:
        stream = await client.subscribe(CHANGES, {"after": after})
        missed = (await stream.next())["inboxChanged"]

    assert (missed["added"], missed["unreadCount"]) == ([{"title": "Missed"}], 1)


async def test_a_program_has_no_inbox(api: Api, server: str) -> None:
    async with live(server) as client:
        stream = await client.subscribe(CHANGES)
        (error,) = await stream.errors()

    assert error["extensions"]["code"] == "UNAUTHENTICATED"
