"""Rooms over the API: creation, changes, lists, archiving and restoring."""

import asyncio
from typing import Any

from domain.tenants.plans import PlanCode
from kit.runtime import Runtime
from models.venue.rooms import Room
from tests.support.client import Answer, Api
from tests.support.factories import Person, api_id, make_venue
from tests.support.statements import statements

CREATE = """
    mutation ($input: CreateRoomInput!) {
      createRoom(input: $input) {
        room {
          id name description category capacity color bufferBeforeMinutes bufferAfterMinutes
          hourlyRate { amount currencyCode } timeZone archivedAt version
        }
        replayed
        userErrors {
          code path
          ... on PlanLimitError { limit used resetsAt requiredPlan }
        }
      }
    }
"""
UPDATE = """
    mutation ($id: ID!, $version: Int!, $input: UpdateRoomInput!) {
      updateRoom(id: $id, version: $version, input: $input) {
        room {
          name description category capacity color bufferAfterMinutes
          hourlyRate { amount } version
        }
        userErrors { code path ... on StaleVersionError { current { ... on Room { version } } } }
      }
    }
"""
ARCHIVE = """
    mutation ($id: ID!, $version: Int!) {
      archiveRoom(id: $id, version: $version) {
        room { archivedAt version } userErrors { code path }
      }
    }
"""
UNARCHIVE = """
    mutation ($id: ID!, $version: Int!) {
      unarchiveRoom(id: $id, version: $version) {
        room { archivedAt version } userErrors { code path }
      }
    }
"""
LIST = """
    query (
      $first: Int, $after: String, $last: Int, $before: String,
      $filter: RoomFilter, $orderBy: [RoomOrder!]
    ) {
      rooms(
        first: $first, after: $after, last: $last, before: $before,
        filter: $filter, orderBy: $orderBy
      ) {
        totalCount
        nodes { name }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }
"""


async def create(api: Api, by: Person, **given: object) -> Answer:
    return await api(CREATE, {"input": given}, token=by.token)


async def update(api: Api, by: Person, room: Room, *, version: int = 1, **given: object) -> Answer:
    variables = {"id": api_id(room), "version": version, "input": given}
    return await api(UPDATE, variables, token=by.token)


async def listed(api: Api, by: Person, **given: object) -> Any:
    return (await api(LIST, given, token=by.token)).payload


async def names(api: Api, by: Person, **given: object) -> list[str]:
    return [each["name"] for each in (await listed(api, by, **given))["nodes"]]


# ------------------------------------------------------------------------------ added


async def test_a_manager_adds_a_room(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    answer = await create(
        api,
        venue.manager,
        name=" Blue Room ",
        description="With a stage",
        category="Large",
        capacity=12,
        color="#0044FF",
        bufferBeforeMinutes=5,
        bufferAfterMinutes=10,
        hourlyRate={"amount": "29.00", "currencyCode": "EUR"},
    )

    assert answer.refusals == []
    assert not answer.payload["replayed"]
    room = answer.payload["room"]
    assert room.pop("id")
    assert room == {
        "name": "Blue Room",
        "description": "With a stage",
        "category": "Large",
        "capacity": 12,
        "color": "#0044FF",
        "bufferBeforeMinutes": 5,
        "bufferAfterMinutes": 10,
        "hourlyRate": {"amount": "29.00", "currencyCode": "EUR"},
        "timeZone": "Europe/Berlin",
        "archivedAt": None,
        "version": 1,
    }


async def test_a_room_needs_a_name_and_a_capacity_only(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    answer = await create(api, venue.manager, name="Blue Room", capacity=4)

    room = answer.payload["room"]
    assert room["bufferBeforeMinutes"] == 0
    assert room["bufferAfterMinutes"] == 0
    assert room["hourlyRate"] is None


async def test_all_that_is_wrong_with_a_room_is_told(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    answer = await create(
        api,
        venue.manager,
        name=" ",
        category="x" * 101,
        capacity=0,
        color="blue",
        bufferBeforeMinutes=-1,
        bufferAfterMinutes=1441,
        hourlyRate={"amount": "29.00", "currencyCode": "USD"},
    )

    assert answer.payload["room"] is None
    assert sorted((each["path"][1], each["code"]) for each in answer.payload["userErrors"]) == [
        ("bufferAfterMinutes", "INVALID"),
        ("bufferBeforeMinutes", "INVALID"),
        ("capacity", "INVALID"),
        ("category", "INVALID"),
        ("color", "INVALID"),
        ("hourlyRate", "INVALID"),
        ("name", "REQUIRED"),
    ]


async def test_a_rate_has_the_currencys_digits(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, currency="JPY")

    yen = await create(
        api,
        venue.manager,
        name="A",
        capacity=1,
        hourlyRate={"amount": "2900", "currencyCode": "JPY"},
    )
    sen = await create(
        api,
        venue.manager,
        name="B",
        capacity=1,
        hourlyRate={"amount": "29.5", "currencyCode": "JPY"},
    )

    assert yen.payload["room"]["hourlyRate"] == {"amount": "2900", "currencyCode": "JPY"}
    assert [each["path"] for each in sen.payload["userErrors"]] == [
        ["input", "hourlyRate", "amount"]
    ]


async def test_the_same_key_gives_the_same_room(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    first = await create(api, venue.manager, name="Blue", capacity=4, idempotencyKey="k")
    again = await create(api, venue.manager, name="Blue", capacity=4, idempotencyKey="k")
    other = await create(api, venue.manager, name="Red", capacity=4, idempotencyKey="k")

    assert again.payload["room"] == first.payload["room"]
    assert again.payload["replayed"]
    assert other.refusals == ["IDEMPOTENCY_KEY_REUSED"]
    assert await names(api, venue.manager) == ["Blue", "Room 1", "Room 2"]


async def test_the_plan_limits_the_rooms_in_use(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, rooms=5, plan=PlanCode.STARTER)

    refused = await create(api, venue.manager, name="Sixth", capacity=1)
    archived = await api(
        ARCHIVE, {"id": api_id(venue.rooms[0]), "version": 1}, token=venue.manager.token
    )
    allowed = await create(api, venue.manager, name="Sixth", capacity=1)
    too_many = await api(
        UNARCHIVE, {"id": api_id(venue.rooms[0]), "version": 2}, token=venue.manager.token
    )

    assert refused.payload["userErrors"] == [
        {
            "code": "PLAN_LIMIT_REACHED",
            "path": None,
            "limit": 5,
            "used": 5,
            "resetsAt": None,
            "requiredPlan": "PROFESSIONAL",
        }
    ]
    assert archived.refusals == []
    assert allowed.refusals == []
    assert too_many.refusals == ["PLAN_LIMIT_REACHED"]


async def test_a_used_up_plan_is_told_with_all_that_is_wrong(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, rooms=5, plan=PlanCode.STARTER)

    answer = await create(api, venue.manager, name=" ", capacity=0)

    assert answer.refusals == ["REQUIRED", "INVALID", "PLAN_LIMIT_REACHED"]


async def test_no_race_gets_past_the_plans_limit(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, rooms=3, plan=PlanCode.STARTER)

    answers = await asyncio.gather(
        *(create(api, venue.manager, name=f"Racer {number}", capacity=1) for number in range(8))
    )

    assert sorted(answer.refusals for answer in answers) == [
        [],
        [],
        *([["PLAN_LIMIT_REACHED"]] * 6),
    ]
    assert (await listed(api, venue.manager))["totalCount"] == 5


# ------------------------------------------------------------------------------ changed


async def test_what_is_absent_stays_and_what_is_null_is_cleared(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    room = venue.rooms[0]
    await update(api, venue.manager, room, description="With a stage", category="Large")

    answer = await update(
        api, venue.manager, room, version=2, description=None, hourlyRate=None, capacity=20
    )

    assert answer.payload == {
        "room": {
            "name": "Room 1",
            "description": None,
            "category": "Large",
            "capacity": 20,
            "color": None,
            "bufferAfterMinutes": 0,
            "hourlyRate": None,
            "version": 3,
        },
        "userErrors": [],
    }


async def test_what_a_room_must_have_can_not_be_cleared(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    answer = await update(
        api, venue.manager, venue.rooms[0], name=None, capacity=None, bufferAfterMinutes=None
    )

    assert answer.payload["userErrors"] == [
        {"code": "REQUIRED", "path": ["input", "name"]},
        {"code": "REQUIRED", "path": ["input", "capacity"]},
        {"code": "REQUIRED", "path": ["input", "bufferAfterMinutes"]},
    ]


async def test_a_stale_change_is_told_the_present_version(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    await update(api, venue.manager, venue.rooms[0], capacity=5)

    answer = await update(api, venue.manager, venue.rooms[0], capacity=6)

    assert answer.payload == {
        "room": None,
        "userErrors": [{"code": "STALE_VERSION", "path": ["version"], "current": {"version": 2}}],
    }


async def test_an_archived_room_can_be_taken_back(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    room = {"id": api_id(venue.rooms[0])}

    archived = await api(ARCHIVE, {**room, "version": 1}, token=venue.manager.token)
    back = await api(UNARCHIVE, {**room, "version": 2}, token=venue.manager.token)

    assert archived.payload["room"] == {"archivedAt": "2027-03-01T09:00:00Z", "version": 2}
    assert back.payload["room"] == {"archivedAt": None, "version": 3}


async def test_a_room_is_archived_once(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, rooms=5, plan=PlanCode.STARTER)
    room = {"id": api_id(venue.rooms[0])}
    await api(ARCHIVE, {**room, "version": 1}, token=venue.manager.token)

    again = await api(ARCHIVE, {**room, "version": 2}, token=venue.manager.token)

    assert again.payload["room"]["version"] == 2
    await create(api, venue.manager, name="Fifth", capacity=1)
    sixth = await create(api, venue.manager, name="Sixth", capacity=1)
    assert sixth.refusals == ["PLAN_LIMIT_REACHED"]


async def test_another_venues_room_is_not_found(api: Api, runtime: Runtime) -> None:
    venue, other = await make_venue(runtime), await make_venue(runtime)
    theirs = other.rooms[0]

    seen = await api(
        "query ($id: ID!) { room(id: $id) { id } }",
        {"id": api_id(theirs)},
        token=venue.owner.token,
    )
    changed = await update(api, venue.owner, theirs, name="Mine")
    archived = await api(ARCHIVE, {"id": api_id(theirs), "version": 1}, token=venue.owner.token)

    assert seen.payload is None
    assert changed.payload["userErrors"] == [{"code": "NOT_FOUND", "path": ["id"]}]
    assert archived.payload["userErrors"] == [{"code": "NOT_FOUND", "path": ["id"]}]


async def test_staff_can_not_change_rooms(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    created = await create(api, venue.staff, name="Mine", capacity=1)
    changed = await update(api, venue.staff, venue.rooms[0], name="Mine")

    assert created.codes == ["FORBIDDEN"]
    assert changed.codes == ["FORBIDDEN"]


# ------------------------------------------------------------------------------ listed


async def test_rooms_are_filtered_and_sorted(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, rooms=3)
    await update(api, venue.manager, venue.rooms[1], description="With a stage", category="Large")
    await api(ARCHIVE, {"id": api_id(venue.rooms[2]), "version": 1}, token=venue.manager.token)

    by_size = [{"field": "CAPACITY", "direction": "DESC"}]
    assert await names(api, venue.guest, orderBy=by_size) == ["Room 3", "Room 2", "Room 1"]
    assert await names(api, venue.guest, filter={"search": "STAGE"}) == ["Room 2"]
    assert await names(api, venue.guest, filter={"category": "Large"}) == ["Room 2"]
    assert await names(api, venue.guest, filter={"minCapacity": 8}) == ["Room 2", "Room 3"]
    assert await names(api, venue.guest, filter={"archived": True}) == ["Room 3"]
    assert await names(api, venue.guest, filter={"archived": False}) == ["Room 1", "Room 2"]


async def test_rooms_are_paged_both_ways(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, rooms=5)

    front = await listed(api, venue.guest, first=2)
    middle = await listed(api, venue.guest, first=2, after=front["pageInfo"]["endCursor"])
    back = await listed(api, venue.guest, last=2, before=middle["pageInfo"]["endCursor"])

    assert front["totalCount"] == 5
    assert [each["name"] for each in front["nodes"]] == ["Room 1", "Room 2"]
    assert front["pageInfo"]["hasNextPage"]
    assert not front["pageInfo"]["hasPreviousPage"]
    assert [each["name"] for each in middle["nodes"]] == ["Room 3", "Room 4"]
    assert [each["name"] for each in back["nodes"]] == ["Room 2", "Room 3"]
    assert back["pageInfo"]["hasPreviousPage"]


async def test_a_page_that_is_too_long_is_refused(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    too_long = await api(LIST, {"first": 251}, token=venue.guest.token)
    both_ends = await api(LIST, {"first": 1, "last": 1}, token=venue.guest.token)
    torn = await api(LIST, {"after": "torn"}, token=venue.guest.token)

    assert too_long.codes == ["BAD_USER_INPUT"]
    assert both_ends.codes == ["BAD_USER_INPUT"]
    assert torn.codes == ["BAD_USER_INPUT"]


async def test_a_page_of_rooms_takes_one_statement(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, rooms=20)

    with statements(runtime) as sent:
        await api("{ rooms { nodes { name capacity } } }", token=venue.guest.token)

    assert len(sent) == 1


async def test_nobody_sees_rooms_without_logging_in(api: Api, runtime: Runtime) -> None:
    answer = await api("{ rooms { nodes { name } } }")

    assert answer.codes == ["UNAUTHENTICATED"]
