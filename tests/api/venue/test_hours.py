"""Opening hours over the API: how they are set, and which ones apply."""

from typing import Any

from domain.venue.hours import Weekday
from kit.runtime import Runtime
from models.venue.rooms import Room
from tests.support.client import Answer, Api
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import Person, Venue, api_id, make_booking, make_venue
from tests.support.statements import statements

SET_HOURS = """
    mutation ($input: SetBusinessHoursInput!) {
      setBusinessHours(input: $input) {
        hours { weekday intervals { opensAt closesAt } }
        userErrors { code path message }
      }
    }
"""
SET_EXCEPTION = """
    mutation ($input: SetHoursExceptionInput!) {
      setHoursException(input: $input) {
        exception { id date intervals { opensAt closesAt } reason room { id } }
        userErrors { code path message }
      }
    }
"""
DELETE_EXCEPTION = """
    mutation ($id: ID!) { deleteHoursException(id: $id) { userErrors { code path } } }
"""
EXCEPTIONS = """
    query ($from: Date!, $to: Date!, $roomId: ID) {
      hoursExceptions(from: $from, to: $to, roomId: $roomId) { date reason room { id } }
    }
"""
OPENING_HOURS = """
    query ($id: ID!, $from: Date!, $days: Int!) {
      room(id: $id) {
        openingHours(from: $from, days: $days) { date intervals { opensAt closesAt } }
      }
    }
"""
LOG = "{ auditLog(first: 1) { nodes { type subjectId changes { field before after } } } }"

CHRISTMAS = "2027-12-25"  # A Saturday.
DAILY = {day: [(9 * 60, 21 * 60)] for day in Weekday}


def interval(opens_at: str, closes_at: str) -> dict[str, str]:
    return {"opensAt": opens_at, "closesAt": closes_at}


async def set_hours(api: Api, by: Person, *hours: object, room: Room | None = None) -> Answer:
    given = {"hours": hours} | ({"roomId": api_id(room)} if room else {})
    return await api(SET_HOURS, {"input": given}, token=by.token)


async def set_exception(
    api: Api, by: Person, date: str, *intervals: object, room: Room | None = None, **more: object
) -> Answer:
    given = {"date": date, "intervals": intervals, **more}
    given |= {"roomId": api_id(room)} if room else {}
    return await api(SET_EXCEPTION, {"input": given}, token=by.token)


async def opening_hours(api: Api, venue: Venue, room: Room, date: str, days: int = 1) -> Any:
    given = {"id": api_id(room), "from": date, "days": days}
    answer = await api(OPENING_HOURS, given, token=venue.guest.token)
    return answer.payload["openingHours"]


# ------------------------------------------------------------------------------ weekly hours


async def test_the_venues_week_is_set_whole(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    answer = await set_hours(
        api,
        venue.manager,
        {"weekday": "SATURDAY", "intervals": [interval("17:00", "27:00")]},
        {
            "weekday": "MONDAY",
            "intervals": [interval("14:00", "18:00"), interval("09:00", "12:00")],
        },
    )

    assert answer.payload == {
        "hours": [
            {
                "weekday": "MONDAY",
                "intervals": [interval("09:00", "12:00"), interval("14:00", "18:00")],
            },
            {"weekday": "TUESDAY", "intervals": []},
            {"weekday": "WEDNESDAY", "intervals": []},
            {"weekday": "THURSDAY", "intervals": []},
            {"weekday": "FRIDAY", "intervals": []},
            {"weekday": "SATURDAY", "intervals": [interval("17:00", "27:00")]},
            {"weekday": "SUNDAY", "intervals": []},
        ],
        "userErrors": [],
    }
    again = await api(
        "{ tenant { version weeklyHours { weekday intervals { opensAt closesAt } } } }",
        token=venue.guest.token,
    )
    assert again.payload["weeklyHours"] == answer.payload["hours"]
    assert again.payload["version"] == 1


async def test_hours_that_touch_become_one(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    answer = await set_hours(
        api,
        venue.manager,
        {
            "weekday": "MONDAY",
            "intervals": [interval("12:00", "18:00"), interval("09:00", "12:00")],
        },
    )

    assert answer.payload["hours"][0]["intervals"] == [interval("09:00", "18:00")]


async def test_a_venue_without_hours_is_always_closed(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    answer = await set_hours(api, venue.manager)

    assert [day["intervals"] for day in answer.payload["hours"]] == [[], [], [], [], [], [], []]
    assert await opening_hours(api, venue, venue.rooms[0], CHRISTMAS) == [
        {"date": CHRISTMAS, "intervals": []}
    ]


async def test_a_rooms_own_week_beats_the_venues(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, hours=DAILY)
    early, usual = venue.rooms

    await set_hours(
        api,
        venue.manager,
        {"weekday": "SATURDAY", "intervals": [interval("06:00", "10:00")]},
        room=early,
    )

    assert await opening_hours(api, venue, early, CHRISTMAS, days=2) == [
        {"date": "2027-12-25", "intervals": [interval("06:00", "10:00")]},
        {"date": "2027-12-26", "intervals": []},
    ]
    assert await opening_hours(api, venue, usual, CHRISTMAS) == [
        {"date": "2027-12-25", "intervals": [interval("09:00", "21:00")]}
    ]


async def test_a_room_goes_back_to_the_venues_hours(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, hours=DAILY)
    room = venue.rooms[0]
    await set_hours(api, venue.manager, {"weekday": "MONDAY", "intervals": []}, room=room)
    assert await opening_hours(api, venue, room, CHRISTMAS) == [
        {"date": CHRISTMAS, "intervals": []}
    ]

    answer = await set_hours(api, venue.manager, room=room)

    assert answer.payload == {"hours": [], "userErrors": []}
    assert await opening_hours(api, venue, room, CHRISTMAS) == [
        {"date": CHRISTMAS, "intervals": [interval("09:00", "21:00")]}
    ]


async def test_a_room_tells_its_own_week_and_that_it_has_none(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    own = venue.rooms[0]
    await set_hours(
        api,
        venue.manager,
        {"weekday": "SUNDAY", "intervals": [interval("10:00", "14:00")]},
        room=own,
    )

    answer = await api(
        "{ rooms { nodes { weeklyHours { weekday intervals { opensAt } } } } }",
        token=venue.guest.token,
    )

    first, second = answer.payload["nodes"]
    assert len(first["weeklyHours"]) == 7
    assert first["weeklyHours"][6] == {"weekday": "SUNDAY", "intervals": [{"opensAt": "10:00"}]}
    assert second == {"weeklyHours": []}


async def test_hours_that_can_not_be_are_refused_where_they_stand(
    api: Api, runtime: Runtime
) -> None:
    venue = await make_venue(runtime)

    backwards = await set_hours(
        api, venue.manager, {"weekday": "MONDAY", "intervals": [interval("18:00", "09:00")]}
    )
    overlapping = await set_hours(
        api,
        venue.manager,
        {
            "weekday": "MONDAY",
            "intervals": [interval("09:00", "12:00"), interval("11:00", "13:00")],
        },
    )
    twice = await set_hours(
        api,
        venue.manager,
        {"weekday": "MONDAY", "intervals": []},
        {"weekday": "MONDAY", "intervals": []},
    )

    assert backwards.payload["hours"] == []
    assert [each["path"] for each in backwards.payload["userErrors"]] == [
        ["input", "hours", "0", "intervals", "0", "closesAt"]
    ]
    assert [each["path"] for each in overlapping.payload["userErrors"]] == [
        ["input", "hours", "0", "intervals", "1"]
    ]
    assert [each["path"] for each in twice.payload["userErrors"]] == [
        ["input", "hours", "1", "weekday"]
    ]


async def test_an_unknown_room_and_wrong_hours_are_both_told(api: Api, runtime: Runtime) -> None:
    venue, other = await make_venue(runtime), await make_venue(runtime)

    answer = await set_hours(
        api,
        venue.manager,
        {"weekday": "MONDAY", "intervals": [interval("25:00", "26:00")]},
        room=other.rooms[0],
    )

    assert [(each["code"], each["path"]) for each in answer.payload["userErrors"]] == [
        ("NOT_FOUND", ["input", "roomId"]),
        ("INVALID", ["input", "hours", "0", "intervals", "0", "opensAt"]),
    ]


async def test_a_time_beyond_30_00_is_bad_input(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    answer = await set_hours(
        api, venue.manager, {"weekday": "MONDAY", "intervals": [interval("20:00", "30:01")]}
    )

    assert answer.codes == ["BAD_USER_INPUT"]


async def test_staff_can_not_change_hours(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    weekly = await set_hours(api, venue.staff)
    exception = await set_exception(api, venue.staff, CHRISTMAS)

    assert weekly.codes == ["FORBIDDEN"]
    assert exception.codes == ["FORBIDDEN"]


async def test_a_change_of_hours_stands_in_the_log(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, hours={})
    room = venue.rooms[0]

    await set_exception(
        api, venue.manager, CHRISTMAS, interval("10:00", "12:00"), room=room, reason="Party of Ada"
    )

    answer = await api(LOG, token=venue.manager.token)
    assert answer.payload["nodes"] == [
        {
            "type": "HOURS_CHANGED",
            "subjectId": api_id(room),
            "changes": [
                {
                    "field": "hoursException",
                    "before": None,
                    "after": {"date": CHRISTMAS, "intervals": [interval("10:00", "12:00")]},
                },
                {"field": "reason", "before": None, "after": None},
            ],
        }
    ]


# ------------------------------------------------------------------------------ exceptions


async def test_an_exception_replaces_the_hours_that_start_on_its_date(
    api: Api, runtime: Runtime
) -> None:
    venue = await make_venue(runtime, hours={day: [(17 * 60, 26 * 60)] for day in Weekday})

    answer = await set_exception(
        api, venue.manager, CHRISTMAS, interval("12:00", "15:00"), reason="Christmas"
    )

    assert answer.payload["exception"]["date"] == CHRISTMAS
    assert answer.payload["exception"]["intervals"] == [interval("12:00", "15:00")]
    assert answer.payload["exception"]["reason"] == "Christmas"
    assert answer.payload["exception"]["room"] is None
    assert await opening_hours(api, venue, venue.rooms[0], "2027-12-24", days=3) == [
        {"date": "2027-12-24", "intervals": [interval("17:00", "26:00")]},
        {"date": "2027-12-25", "intervals": [interval("12:00", "15:00")]},
        {"date": "2027-12-26", "intervals": [interval("17:00", "26:00")]},
    ]


async def test_a_rooms_exception_beats_the_venues_and_that_its_week(
    api: Api, runtime: Runtime
) -> None:
    venue = await make_venue(runtime, hours=DAILY)
    open_anyway, closed = venue.rooms
    week = {"weekday": "SATURDAY", "intervals": [interval("08:00", "10:00")]}
    await set_hours(api, venue.manager, week, room=closed)
    await set_exception(api, venue.manager, CHRISTMAS)

    await set_exception(api, venue.manager, CHRISTMAS, interval("18:00", "20:00"), room=open_anyway)

    assert await opening_hours(api, venue, open_anyway, CHRISTMAS) == [
        {"date": CHRISTMAS, "intervals": [interval("18:00", "20:00")]}
    ]
    assert await opening_hours(api, venue, closed, CHRISTMAS) == [
        {"date": CHRISTMAS, "intervals": []}
    ]


async def test_an_exception_set_again_is_replaced(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    first = await set_exception(api, venue.manager, CHRISTMAS, reason="Christmas")

    second = await set_exception(api, venue.manager, CHRISTMAS, interval("10:00", "12:00"))

    assert second.payload["exception"]["id"] == first.payload["exception"]["id"]
    assert second.payload["exception"]["intervals"] == [interval("10:00", "12:00")]
    assert second.payload["exception"]["reason"] is None


async def test_a_deleted_exception_gives_the_date_its_usual_hours(
    api: Api, runtime: Runtime
) -> None:
    venue = await make_venue(runtime, hours=DAILY)
    exception = (await set_exception(api, venue.manager, CHRISTMAS)).payload["exception"]

    deleted = await api(DELETE_EXCEPTION, {"id": exception["id"]}, token=venue.manager.token)

    assert deleted.payload == {"userErrors": []}
    assert await opening_hours(api, venue, venue.rooms[0], CHRISTMAS) == [
        {"date": CHRISTMAS, "intervals": [interval("09:00", "21:00")]}
    ]


async def test_what_is_no_exception_of_the_venue_is_not_found(api: Api, runtime: Runtime) -> None:
    venue, other = await make_venue(runtime), await make_venue(runtime)
    theirs = (await set_exception(api, other.manager, CHRISTMAS)).payload["exception"]

    foreign = await api(DELETE_EXCEPTION, {"id": theirs["id"]}, token=venue.manager.token)
    malformed = await api(DELETE_EXCEPTION, {"id": "nothing"}, token=venue.manager.token)

    assert foreign.payload == {"userErrors": [{"code": "NOT_FOUND", "path": ["id"]}]}
    assert malformed.payload == foreign.payload


async def test_all_that_is_wrong_with_an_exception_is_told(api: Api, runtime: Runtime) -> None:
    venue, other = await make_venue(runtime), await make_venue(runtime)

    answer = await set_exception(
        api,
        venue.manager,
        CHRISTMAS,
        interval("10:00", "10:00"),
        room=other.rooms[0],
        reason="x" * 501,
    )

    assert answer.payload["exception"] is None
    assert [(each["code"], each["path"]) for each in answer.payload["userErrors"]] == [
        ("NOT_FOUND", ["input", "roomId"]),
        ("INVALID", ["input", "reason"]),
        ("INVALID", ["input", "intervals", "0", "closesAt"]),
    ]


async def test_exceptions_are_listed_by_date_the_venues_first(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    mine, other = venue.rooms
    await set_exception(api, venue.manager, "2027-12-26", room=mine, reason="mine")
    await set_exception(api, venue.manager, "2027-12-26", reason="the venue's")
    await set_exception(api, venue.manager, "2027-12-25", room=other, reason="another room's")
    await set_exception(api, venue.manager, "2027-12-27", reason="after")
    dates = {"from": "2027-12-25", "to": "2027-12-27"}

    everywhere = await api(EXCEPTIONS, dates, token=venue.guest.token)
    of_mine = await api(EXCEPTIONS, {**dates, "roomId": api_id(mine)}, token=venue.guest.token)

    assert [each["reason"] for each in everywhere.payload] == [
        "another room's",
        "the venue's",
        "mine",
    ]
    assert of_mine.payload == [
        {"date": "2027-12-26", "reason": "the venue's", "room": None},
        {"date": "2027-12-26", "reason": "mine", "room": {"id": api_id(mine)}},
    ]


async def test_exceptions_of_what_is_no_room_here_are_null(api: Api, runtime: Runtime) -> None:
    venue, other = await make_venue(runtime), await make_venue(runtime)
    await set_exception(api, venue.manager, CHRISTMAS)
    dates = {"from": "2027-12-25", "to": "2027-12-27"}

    foreign = await api(
        EXCEPTIONS, {**dates, "roomId": api_id(other.rooms[0])}, token=venue.guest.token
    )

    assert foreign.payload is None


async def test_exceptions_are_listed_for_a_year_at_most(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    year = await api(
        EXCEPTIONS, {"from": "2027-01-01", "to": "2028-01-02"}, token=venue.guest.token
    )
    longer = await api(
        EXCEPTIONS, {"from": "2027-01-01", "to": "2028-01-03"}, token=venue.guest.token
    )
    nothing = await api(
        EXCEPTIONS, {"from": "2027-01-01", "to": "2027-01-01"}, token=venue.guest.token
    )

    assert year.payload == []
    assert longer.codes == ["BAD_USER_INPUT"]
    assert nothing.codes == ["BAD_USER_INPUT"]


async def test_an_exception_is_found_by_its_id(api: Api, runtime: Runtime) -> None:
    venue, other = await make_venue(runtime), await make_venue(runtime)
    id = (await set_exception(api, venue.manager, CHRISTMAS)).payload["exception"]["id"]
    query = "query ($id: ID!) { node(id: $id) { ... on HoursException { date } } }"

    own = await api(query, {"id": id}, token=venue.guest.token)
    foreign = await api(query, {"id": id}, token=other.owner.token)

    assert own.payload == {"date": CHRISTMAS}
    assert foreign.payload is None


# ------------------------------------------------------------------------------ in force


async def test_opening_hours_are_given_for_62_days_at_most(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    room = api_id(venue.rooms[0])

    longest = await api(
        OPENING_HOURS, {"id": room, "from": "2027-01-01", "days": 62}, token=venue.guest.token
    )
    longer = await api(
        OPENING_HOURS, {"id": room, "from": "2027-01-01", "days": 63}, token=venue.guest.token
    )
    none = await api(
        OPENING_HOURS, {"id": room, "from": "2027-01-01", "days": 0}, token=venue.guest.token
    )

    assert longest.payload["openingHours"][61]["date"] == "2027-03-03"
    assert longer.codes == ["BAD_USER_INPUT"]
    assert none.codes == ["BAD_USER_INPUT"]


async def test_hours_of_many_rooms_cost_as_many_statements_as_of_one(
    api: Api, runtime: Runtime
) -> None:
    venue = await make_venue(runtime, rooms=50)
    query = """
        query ($first: Int!) {
          rooms(first: $first) {
            nodes {
              timeZone
              weeklyHours { weekday }
              openingHours(from: "2027-01-01", days: 7) { intervals { opensAt } }
            }
          }
        }
    """

    with statements(runtime) as of_one:
        await api(query, {"first": 1}, token=venue.guest.token)
    with statements(runtime) as of_many:
        answer = await api(query, {"first": 50}, token=venue.guest.token)

    assert len(answer.payload["nodes"]) == 50
    # The rooms, their tenant, their weeks, their days.
    assert len(of_one) == 4
    assert len(of_many) == 4


async def test_a_change_of_hours_leaves_bookings_alone(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    booking = await make_booking(runtime, venue, MONDAY_MORNING)

    await set_hours(api, venue.manager)
    await set_exception(api, venue.manager, "2027-03-01")

    answer = await api(
        "query ($id: ID!) { booking(id: $id) { status version startsAt } }",
        {"id": api_id(booking)},
        token=venue.manager.token,
    )
    assert answer.payload == {
        "status": "CONFIRMED",
        "version": 1,
        "startsAt": "2027-03-01T09:00:00Z",
    }
