"""Series stored by one statement: the same as step by step, and never by outdated facts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from kit.runtime import Runtime
from resolvers.bookings import at_once, series_at_once
from resolvers.bookings.venue_facts import venue_facts
from tests.support.client import Answer, Api
from tests.support.desk import BookingClient, made, refused
from tests.support.factories import Venue, api_id, make_venue
from tests.support.lock_waits import waiting
from tests.support.occupancy import OVERLAPS
from tests.support.statements import statements

DAY = timedelta(days=1)
TUESDAY = datetime(2027, 3, 2, 10, 0, tzinfo=UTC)
CREATE = """mutation ($input: CreateBookingInput!) {
  createBooking(input: $input) {
    booking { id startsAt room { name } series { id rrule startsAt version } }
    replayed userErrors { code }
  } }"""
OF_SERIES = """
    SELECT to_jsonb(s) - '{id,room_id}'::text[] AS series,
        (SELECT jsonb_agg(to_jsonb(b) - '{id,reference,room_id,series_id}'::text[]
                          ORDER BY b.starts_at)
         FROM bookings b WHERE b.series_id = s.id) AS bookings,
        (SELECT jsonb_agg(to_jsonb(l) - '{xid,position,request_id,subject_id}'::text[]
                          #- '{after,room_id}' ORDER BY l.position)
         FROM log l JOIN bookings b ON b.id = l.subject_id WHERE b.series_id = s.id) AS log,
        (SELECT count(DISTINCT l.request_id) FROM request_origins o
         JOIN log l USING (tenant_id, request_id) JOIN bookings b ON b.id = l.subject_id
         WHERE b.series_id = s.id) AS origins
    FROM booking_series s WHERE tenant_id = $1 AND room_id = $2
"""
STORED = """
    SELECT (SELECT count(*) FROM booking_series WHERE tenant_id = $1),
        (SELECT count(*) FROM bookings WHERE tenant_id = $1),
        (SELECT count(*) FROM occupancy WHERE tenant_id = $1),
        (SELECT sum(used) FROM usage_counters WHERE tenant_id = $1 AND meter = 'bookings')
"""


@pytest.fixture
def desk(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.staff)


async def book(desk: BookingClient, venue: Venue, *, room: int = 0, **given: Any) -> Answer:
    wanted = {
        "roomId": api_id(venue.rooms[room]),
        "start": {"at": "2027-03-02T10:00:00Z"},
        "durationMinutes": 60,
        "recurrence": {"rrule": "FREQ=DAILY;COUNT=4"},
    }
    return await desk(CREATE, input={**wanted, **given})


async def stored(owner: asyncpg.Connection, venue: Venue) -> list[Any]:
    """Returns the numbers of series, bookings, times taken, and what the plan has counted."""
    (row,) = await owner.fetch(STORED, venue.tenant.id)
    return [*row]


@pytest.mark.parametrize(
    ("rules", "given"),
    [
        ({}, {}),
        ({"requires_confirmation": True}, {"partySize": 2, "note": "Choir"}),
        ({"auto_release_minutes": 15}, {"customer": "theirs"}),
        ({}, {"start": {"at": "2027-03-02T10:07:00Z"}}),
    ],
    ids=["plain", "pending", "customer", "lifted rule"],
)
async def test_the_same_is_stored_as_step_by_step(
    api: Api,
    runtime: Runtime,
    owner: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    rules: dict[str, Any],
    given: dict[str, Any],
) -> None:
    async def no_facts(*_: Any, **__: Any) -> None:
        return None

    venue = await make_venue(runtime, **rules)
    desk = BookingClient(api, runtime, venue.manager)
    if "customer" in given:
        given = {**given, "customer": {"id": api_id(venue.customer)}}

    with statements(runtime) as sent:
        made(await book(desk, venue, **given))
    monkeypatch.setattr(series_at_once, "venue_facts", no_facts)
    with statements(runtime) as sent_in_steps:
        made(await book(desk, venue, room=1, **given))

    assert any("claim_times" in each for each in sent)
    assert not any("claim_times" in each for each in sent_in_steps)
    first, second = [
        str(await owner.fetchrow(OF_SERIES, venue.tenant.id, room.id)) for room in venue.rooms
    ]
    assert first == second.replace("Room 2", "Room 1")
    assert await owner.fetchval(OVERLAPS) == 0


async def test_a_year_of_weeks_is_one_statement_that_shows_the_first_booking(
    api: Api, runtime: Runtime
) -> None:
    venue = await make_venue(runtime, max_advance_days=400)
    desk = BookingClient(api, runtime, venue.staff)
    made(await book(desk, venue, room=1))

    with statements(runtime) as sent:
        answer = await book(desk, venue, recurrence={"rrule": "FREQ=WEEKLY;COUNT=52"})

    assert len(sent) == 1
    shown = made(answer)
    assert (shown["startsAt"], shown["room"]) == ("2027-03-02T10:00:00Z", {"name": "Room 1"})
    assert (shown["series"]["rrule"], shown["series"]["version"]) == ("FREQ=WEEKLY;COUNT=52", 1)
    assert shown["series"]["startsAt"] == "2027-03-02T10:00:00Z"


@pytest.mark.parametrize("day", [0, 3], ids=["the first", "the last"])
async def test_a_time_that_others_have_refuses_all_of_it(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection, day: int
) -> None:
    made(await desk.create(venue.rooms[0], TUESDAY + day * DAY - timedelta(minutes=30)))
    before = await stored(owner, venue)

    with statements(desk.runtime) as sent:
        refusal = refused(await book(desk, venue))

    assert sum("claim_times" in each for each in sent) == 1
    assert refusal["code"] == "SERIES_CONFLICT"
    assert await stored(owner, venue) == before


async def test_neighbours_are_in_nobodys_way(desk: BookingClient, venue: Venue) -> None:
    made(await desk.create(venue.rooms[0], TUESDAY + 2 * DAY - timedelta(hours=1)))
    made(await desk.create(venue.rooms[0], TUESDAY + 2 * DAY + timedelta(hours=1)))

    with statements(desk.runtime) as sent:
        made(await book(desk, venue))

    assert not any(each.startswith("INSERT") for each in sent)


async def test_a_repeated_request_gets_the_same_series(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection
) -> None:
    answers = [await book(desk, venue, idempotencyKey="once") for _ in range(2)]

    assert [answer.payload["replayed"] for answer in answers] == [False, True]
    assert made(answers[0])["id"] == made(answers[1])["id"]
    assert await stored(owner, venue) == [1, 4, 4, 4]


async def test_a_full_plan_stores_nothing(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection
) -> None:
    count = "UPDATE usage_counters SET used = 97 WHERE tenant_id = $1 AND meter = 'bookings'"
    made(await desk.create(venue.rooms[1], TUESDAY))
    await owner.execute(count, venue.tenant.id)
    await owner.execute("UPDATE tenants SET plan_code = 'STARTER' WHERE id = $1", venue.tenant.id)

    refusal = refused(await book(desk, venue))

    assert refusal["code"] == "PLAN_LIMIT_REACHED"
    assert await stored(owner, venue) == [0, 1, 1, 97]
    await owner.execute(count.replace("97", "96"), venue.tenant.id)
    made(await book(desk, venue))


async def test_facts_that_change_again_and_again_are_read_under_the_locks(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def outdated(*args: Any, **given: Any) -> Any:
        facts = await venue_facts(*args, **given)
        await owner.execute(
            "UPDATE tenants SET version = version + 1 WHERE id = $1", venue.tenant.id
        )
        return facts

    monkeypatch.setattr(series_at_once, "venue_facts", outdated)
    monkeypatch.setattr(at_once, "venue_facts", outdated)

    with statements(desk.runtime) as sent:
        made(await book(desk, venue))

    assert sum("claim_times" in each for each in sent) == at_once.TRIES
    assert await stored(owner, venue) == [1, 4, 4, 4]


async def test_a_rule_that_changes_while_a_series_waits_refuses_it(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection
) -> None:
    made(await book(desk, venue, room=1))
    room = venue.rooms[0]

    async with waiting(book(desk, venue), room, owner) as (_, waits):
        await owner.execute("UPDATE rooms SET archived_at = now() WHERE id = $1", room.id)

    assert refused(await waits)["code"] == "SERIES_CONFLICT"
    assert await stored(owner, venue) == [1, 4, 4, 4]
