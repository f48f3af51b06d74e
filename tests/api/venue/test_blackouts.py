"""Blackouts over the API: times that can't be booked."""

from datetime import timedelta

from kit.actor import Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.venue.hours import Blackout
from resolvers.core.transactions import perform
from tests.support.client import Answer, Api
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import Person, Venue, api_id, make_booking, make_venue

CREATE = """
    mutation ($input: CreateBlackoutInput!) {
      createBlackout(input: $input) {
        blackout { id room { id } startsAt endsAt reason }
        userErrors { code path }
      }
    }
"""
DELETE = "mutation ($id: ID!) { deleteBlackout(id: $id) { userErrors { code path } } }"
LIST = """
    query ($overlaps: DateTimeRange!, $roomId: ID) {
      blackouts(overlaps: $overlaps, roomId: $roomId) { reason }
    }
"""


async def create(api: Api, by: Person, starts_at: str, ends_at: str, **more: object) -> Answer:
    given = {"startsAt": starts_at, "endsAt": ends_at, **more}
    return await api(CREATE, {"input": given}, token=by.token)


async def make_blackouts(runtime: Runtime, venue: Venue, number: int) -> None:
    """Adds blackouts of a minute each, one after the other."""

    async def make(scope: Scope) -> None:
        await scope.lock()
        for minute in range(number):
            starts_at = MONDAY_MORNING + timedelta(minutes=minute)
            scope.add(
                Blackout(
                    tenant_id=venue.tenant.id,
                    starts_at=starts_at,
                    ends_at=starts_at + timedelta(minutes=1),
                    created_at=scope.now(),
                )
            )

    await perform(runtime, venue.owner.actor, Request(new_id()), make)


async def test_a_manager_blocks_time_of_one_room(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    room = api_id(venue.rooms[0])

    answer = await create(
        api,
        venue.manager,
        "2027-03-01T18:00:00+01:00",
        "2027-03-02T00:00:00Z",
        roomId=room,
        reason="Maintenance",
    )

    assert answer.refusals == []
    blackout = answer.payload["blackout"]
    assert blackout["room"] == {"id": room}
    assert blackout["startsAt"] == "2027-03-01T17:00:00Z"
    assert blackout["endsAt"] == "2027-03-02T00:00:00Z"
    assert blackout["reason"] == "Maintenance"


async def test_all_that_is_wrong_with_a_blackout_is_told(api: Api, runtime: Runtime) -> None:
    venue, other = await make_venue(runtime), await make_venue(runtime)

    answer = await create(
        api,
        venue.manager,
        "2027-03-01T18:00:00Z",
        "2027-03-01T18:00:00Z",
        roomId=api_id(other.rooms[0]),
        reason="x" * 501,
    )

    assert answer.payload == {
        "blackout": None,
        "userErrors": [
            {"code": "NOT_FOUND", "path": ["input", "roomId"]},
            {"code": "INVALID", "path": ["input", "reason"]},
            {"code": "INVALID", "path": ["input", "endsAt"]},
        ],
    }


async def test_a_blackout_lasts_a_year_at_most(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    year = await create(api, venue.manager, "2027-03-01T00:00:00Z", "2028-03-01T00:00:00Z")
    longer = await create(api, venue.manager, "2027-03-01T00:00:00Z", "2028-03-01T00:00:01Z")

    assert year.refusals == []
    assert longer.refusals == ["INVALID"]


async def test_blackouts_are_listed_that_share_time_with_the_range(
    api: Api, runtime: Runtime
) -> None:
    venue = await make_venue(runtime)
    await create(api, venue.manager, "2027-03-02T10:00:00Z", "2027-03-02T12:00:00Z", reason="third")
    await create(api, venue.manager, "2027-03-01T08:00:00Z", "2027-03-02T09:30:00Z", reason="first")
    await create(
        api, venue.manager, "2027-03-02T09:00:00Z", "2027-03-02T10:00:00Z", reason="second"
    )

    async def reasons(**overlaps: str) -> list[str]:
        answer = await api(LIST, {"overlaps": overlaps}, token=venue.guest.token)
        return [each["reason"] for each in answer.payload]

    assert await reasons() == ["first", "second", "third"]
    assert await reasons(gte="2027-03-02T09:30:00Z", lt="2027-03-02T10:00:00Z") == ["second"]
    assert await reasons(gte="2027-03-02T10:00:00Z") == ["third"]
    assert await reasons(lt="2027-03-02T09:00:00Z") == ["first"]


async def test_a_rooms_blackouts_are_its_own_and_the_venues(api: Api, runtime: Runtime) -> None:
    venue, foreign = await make_venue(runtime), await make_venue(runtime)
    room, other = venue.rooms
    day = ("2027-03-01T00:00:00Z", "2027-03-02T00:00:00Z")
    await create(api, venue.manager, *day, reason="the venue's")
    await create(api, venue.manager, *day, reason="its own", roomId=api_id(room))
    await create(api, venue.manager, *day, reason="the other's", roomId=api_id(other))

    own = await api(LIST, {"overlaps": {}, "roomId": api_id(room)}, token=venue.guest.token)
    of_nobody = await api(
        LIST, {"overlaps": {}, "roomId": api_id(foreign.rooms[0])}, token=venue.guest.token
    )

    assert own.payload == [{"reason": "the venue's"}, {"reason": "its own"}]
    assert of_nobody.payload is None


async def test_a_deleted_blackout_is_gone(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    made = await create(api, venue.manager, "2027-03-01T00:00:00Z", "2027-03-02T00:00:00Z")
    id = made.payload["blackout"]["id"]

    deleted = await api(DELETE, {"id": id}, token=venue.manager.token)
    again = await api(DELETE, {"id": id}, token=venue.manager.token)

    assert deleted.payload == {"userErrors": []}
    assert again.payload == {"userErrors": [{"code": "NOT_FOUND", "path": ["id"]}]}
    listed = await api(LIST, {"overlaps": {}}, token=venue.guest.token)
    assert listed.payload == []


async def test_another_venues_blackout_is_not_found(api: Api, runtime: Runtime) -> None:
    venue, other = await make_venue(runtime), await make_venue(runtime)
    theirs = await create(api, other.manager, "2027-03-01T00:00:00Z", "2027-03-02T00:00:00Z")
    id = theirs.payload["blackout"]["id"]

    deleted = await api(DELETE, {"id": id}, token=venue.manager.token)
    seen = await api(
        "query ($id: ID!) { node(id: $id) { id } }", {"id": id}, token=venue.manager.token
    )

    assert deleted.payload == {"userErrors": [{"code": "NOT_FOUND", "path": ["id"]}]}
    assert seen.payload is None


async def test_staff_can_not_block_time(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    created = await create(api, venue.staff, "2027-03-01T00:00:00Z", "2027-03-02T00:00:00Z")
    deleted = await api(DELETE, {"id": "any"}, token=venue.staff.token)

    assert created.codes == ["FORBIDDEN"]
    assert deleted.codes == ["FORBIDDEN"]


async def test_a_blackout_leaves_bookings_alone(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    booking = await make_booking(runtime, venue, MONDAY_MORNING)

    await create(api, venue.manager, "2027-03-01T00:00:00Z", "2027-03-02T00:00:00Z")

    answer = await api(
        "query ($id: ID!) { booking(id: $id) { status version } }",
        {"id": api_id(booking)},
        token=venue.manager.token,
    )
    assert answer.payload == {"status": "CONFIRMED", "version": 1}


async def test_more_blackouts_than_a_list_holds_are_refused_not_cut(
    api: Api, runtime: Runtime
) -> None:
    venue = await make_venue(runtime)
    await make_blackouts(runtime, venue, 1001)

    everything = await api(LIST, {"overlaps": {}}, token=venue.guest.token)
    a_part = await api(LIST, {"overlaps": {"gte": "2027-03-01T09:01:00Z"}}, token=venue.guest.token)

    assert everything.codes == ["BAD_USER_INPUT"]
    assert len(a_part.payload) == 1000
