"""Bookings stored by one statement: the same result as step by step, never by outdated facts."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from domain.bookings.lifecycle import Status
from domain.tenants.plans import PlanCode
from kit.runtime import Runtime
from resolvers.bookings import at_once, new_bookings
from resolvers.bookings.venue_facts import venue_facts
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING
from tests.support.desk import BookingClient, made, refused
from tests.support.factories import Venue, api_id, make_booking, make_venue
from tests.support.lock_waits import waiting
from tests.support.statements import round_trips, statements

DAY = timedelta(days=1)
TUESDAY = datetime(2027, 3, 2, 10, 0, tzinfo=UTC)
STORED = """
    SELECT to_jsonb(b) - '{id,reference,room_id}'::text[] AS booking,
        (SELECT jsonb_agg(to_jsonb(l) - '{xid,position,request_id,subject_id}'::text[]
                          #- '{after,room_id}' ORDER BY l.position)
         FROM log l WHERE l.tenant_id = b.tenant_id AND l.subject_id = b.id) AS log,
        (SELECT jsonb_agg(to_jsonb(o) - 'request_id') FROM request_origins o
         JOIN log l USING (tenant_id, request_id)
         WHERE l.tenant_id = b.tenant_id AND l.subject_id = b.id) AS origins
    FROM bookings b WHERE b.tenant_id = $1 AND b.room_id = $2
"""

CUSTOMERS = """
    SELECT to_jsonb(c) - '{id,email,email_key}'::text[] AS customer
    FROM customers c WHERE tenant_id = $1 ORDER BY id
"""


@pytest.fixture
def desk(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.staff)


@pytest.fixture
def step_by_step(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Returns a function that disables the single statement."""

    async def no_facts(*_: Any, **__: Any) -> None:
        return None

    return lambda: monkeypatch.setattr(new_bookings, "venue_facts", no_facts)


def was_at_once(sent: list[str]) -> bool:
    return any("claim_calendar" in each for each in sent) and not any(
        each.startswith("INSERT") for each in sent
    )


# ------------------------------------------------------------------------------ the same


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"partySize": 3, "note": "By the window"},
        {"customer": "guest"},
        {"expectedTotal": {"amount": "40.00", "currencyCode": "EUR"}},
        {"minutes": 90, "at": TUESDAY + 60 * DAY},
        # What the override lifts is on the log.
        {"at": MONDAY_MORNING + timedelta(minutes=7)},
    ],
    ids=str,
)
@pytest.mark.parametrize("rules", [{}, {"requires_confirmation": True}], ids=str)
async def test_the_same_is_stored_as_step_by_step(
    api: Api,
    runtime: Runtime,
    owner: asyncpg.Connection,
    step_by_step: Any,
    given: dict[str, Any],
    rules: dict[str, Any],
) -> None:
    venue = await make_venue(runtime, **rules)
    desk = BookingClient(api, runtime, venue.manager)
    given = {"at": TUESDAY, **given}
    if "customer" in given:
        given["customer"] = {"id": api_id(venue.customer)}
    one, other = venue.rooms

    with statements(runtime) as sent:
        at_once = made(await desk.create(one, **given))
    step_by_step()
    by_steps = made(await desk.create(other, **given))

    assert was_at_once(sent)
    apart = {"id", "reference", "room", "price"}
    assert {name: at_once[name] for name in at_once if name not in apart} == {
        name: by_steps[name] for name in by_steps if name not in apart
    }
    assert at_once["price"]["total"] == by_steps["price"]["total"]
    stored = [await owner.fetchrow(STORED, venue.tenant.id, room.id) for room in (one, other)]
    first, second = (
        {name: str(each[name]).replace("Room 2", "Room 1") for name in dict(each)}
        for each in stored
        if each is not None
    )
    assert first == second


async def test_a_hold_is_stored_at_once_too(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection, step_by_step: Any
) -> None:
    with statements(desk.runtime) as sent:
        at_once = made(await desk.hold(venue.rooms[0], TUESDAY, partySize=2))
    step_by_step()
    by_steps = made(await desk.hold(venue.rooms[1], TUESDAY, partySize=2))

    assert was_at_once(sent)
    assert at_once["holdExpiresAt"] == by_steps["holdExpiresAt"] == "2027-03-01T09:05:00Z"
    assert at_once["status"] == by_steps["status"] == "HELD"
    histories = [await desk.history(each) for each in (at_once, by_steps)]
    assert [[each["type"] for each in history] for history in histories] == [["BOOKING_HELD"]] * 2
    used = "SELECT count(*) FROM usage_counters WHERE tenant_id = $1 AND meter = 'bookings'"
    assert await owner.fetchval(used, venue.tenant.id) == 0


async def test_a_customer_books_for_themselves(api: Api, runtime: Runtime, venue: Venue) -> None:
    guest = BookingClient(api, runtime, venue.guest)

    with statements(runtime) as sent:
        booking = made(await guest.create(venue.rooms[0], TUESDAY))

    assert was_at_once(sent)
    assert booking["customer"]["id"] == api_id(venue.customer)


@pytest.mark.parametrize(
    "given",
    [
        {"name": "Ada  Lovelace", "email": "Ada@Example.com", "phone": "+1 212 555 0100"},
        {"name": "Nobody's address", "locale": "en-US"},
    ],
    ids=str,
)
async def test_a_new_customer_is_added_in_the_same_statement(
    desk: BookingClient,
    venue: Venue,
    owner: asyncpg.Connection,
    step_by_step: Any,
    given: dict[str, Any],
) -> None:
    with statements(desk.runtime) as sent:
        at_once = made(await desk.create(venue.rooms[0], TUESDAY, customer={"new": given}))
    added = await owner.fetch(CUSTOMERS, venue.tenant.id)
    await owner.execute(
        "UPDATE customers SET email = NULL, email_key = NULL WHERE tenant_id = $1", venue.tenant.id
    )
    step_by_step()
    by_steps = made(await desk.create(venue.rooms[1], TUESDAY, customer={"new": given}))

    assert was_at_once(sent)
    assert at_once["customer"] == {**by_steps["customer"], "id": at_once["customer"]["id"]}
    assert at_once["customer"]["id"] != by_steps["customer"]["id"]
    assert (await owner.fetch(CUSTOMERS, venue.tenant.id))[-1] == added[-1]
    log = await owner.fetch(
        "SELECT type FROM log WHERE tenant_id = $1 ORDER BY xid, position", venue.tenant.id
    )
    assert [row["type"] for row in log] == ["CUSTOMER_CREATED", "BOOKING_CREATED"] * 2


async def test_a_known_address_is_booked_for_as_it_is_known(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection, step_by_step: Any
) -> None:
    new = {"name": "Another Name", "email": venue.customer.email, "phone": "+1 212 555 0100"}

    with statements(desk.runtime) as sent:
        at_once = made(await desk.create(venue.rooms[0], TUESDAY, customer={"new": new}))
    step_by_step()
    made(await desk.create(venue.rooms[1], TUESDAY, customer={"new": new}))

    assert was_at_once(sent)
    assert at_once["customer"]["id"] == api_id(venue.customer)
    contacts = "SELECT contact_name, contact_phone FROM bookings WHERE tenant_id = $1"
    assert [tuple(row) for row in await owner.fetch(contacts, venue.tenant.id)] == [
        ("Another Name", "+1 212 555 0100")
    ] * 2


async def test_an_address_that_somebody_else_has_added_meanwhile_is_theirs(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection
) -> None:
    made(await desk.create(venue.rooms[0], TUESDAY))
    new = {"name": "Ada", "email": "ada@example.com"}
    room = venue.rooms[0]
    late = desk.create(room, TUESDAY + DAY, customer={"new": new})
    async with waiting(late, room, owner) as (_, waits):
        first = made(await desk.create(venue.rooms[1], TUESDAY, customer={"new": new}))

    assert made(await waits)["customer"]["id"] == first["customer"]["id"]
    ada = "SELECT count(*) FROM customers WHERE tenant_id = $1 AND name = 'Ada'"
    assert await owner.fetchval(ada, venue.tenant.id) == 1


# ------------------------------------------------------------------------------ step by step


@pytest.mark.parametrize(
    ("given", "codes"),
    [
        ({"partySize": 900, "minutes": 5}, ["CAPACITY_EXCEEDED", "MIN_DURATION"]),
        ({"at": TUESDAY + 1000 * DAY}, ["MAX_ADVANCE"]),
        ({"at": MONDAY_MORNING - DAY}, ["MIN_NOTICE"]),
        ({"minutes": 5}, ["MIN_DURATION"]),
        ({"expectedTotal": {"amount": "39.00", "currencyCode": "EUR"}}, ["PRICE_CHANGED"]),
        ({"customer": {"new": {"name": "", "email": "nowhere"}}}, ["INVALID", "REQUIRED"]),
        ({"customer": {"id": "Q3VzdG9tZXI6MDE5NDAwMDAtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAx"}},
         ["NOT_FOUND"]),
    ],
    ids=str,
)  # fmt: skip
async def test_what_is_refused_is_told_as_ever(
    desk: BookingClient,
    venue: Venue,
    owner: asyncpg.Connection,
    step_by_step: Any,
    given: dict[str, Any],
    codes: list[str],
) -> None:
    given = {"at": TUESDAY, **given}
    first = (await desk.create(venue.rooms[0], **given)).payload
    step_by_step()
    second = (await desk.create(venue.rooms[0], **given)).payload

    assert first == second
    assert sorted(each["code"] for each in first["userErrors"]) == codes
    assert (
        await owner.fetchval("SELECT count(*) FROM log WHERE tenant_id = $1", venue.tenant.id) == 0
    )


async def test_a_time_that_is_taken_is_refused_with_all_that_applies(
    desk: BookingClient, venue: Venue
) -> None:
    made(await desk.create(venue.rooms[0], TUESDAY))

    answer = await desk.create(venue.rooms[0], TUESDAY, partySize=900)

    assert answer.refusals == ["CAPACITY_EXCEEDED", "SLOT_TAKEN"]


@pytest.mark.parametrize("key", [{}, {"idempotencyKey": "a key"}], ids=str)
async def test_whoever_is_late_for_a_time_is_no_new_customer(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection, key: dict[str, Any]
) -> None:
    made(await desk.create(venue.rooms[0], TUESDAY))
    new = {"name": "Ada", "email": "ada@example.com"}

    late = await desk.create(venue.rooms[0], TUESDAY, customer={"new": new}, **key)

    assert late.refusals == ["SLOT_TAKEN"]
    ada = "SELECT count(*) FROM customers WHERE tenant_id = $1 AND name = 'Ada'"
    assert await owner.fetchval(ada, venue.tenant.id) == 0


async def test_whoever_is_late_is_refused_by_few_reads(
    desk: BookingClient, runtime: Runtime, venue: Venue
) -> None:
    """Of those who come at once, only the first looks an address up."""
    choices = [{"new": {"name": f"Ada {n}", "email": f"ada{n}@example.com"}} for n in range(8)]
    known = {"id": api_id(venue.customer)}

    with round_trips(runtime) as of_new:
        answers = await asyncio.gather(
            *(desk.create(venue.rooms[0], TUESDAY, customer=each) for each in choices)
        )
    with round_trips(runtime) as of_known:
        await asyncio.gather(
            *(desk.create(venue.rooms[0], TUESDAY, customer=known) for _ in range(8))
        )

    assert sum(answer.refusals == ["SLOT_TAKEN"] for answer in answers) == 7
    assert sum("customers.email_key = " in each for each in of_new) == 1
    # They share a read, or two; the other transaction of each reads what its answer selects.
    assert of_known.count("BEGIN") <= 8 + 2


async def test_a_hold_that_is_over_gives_way(
    desk: BookingClient, runtime: Runtime, venue: Venue
) -> None:
    over = MONDAY_MORNING - timedelta(minutes=1)
    hold = await make_booking(runtime, venue, TUESDAY, status=Status.HELD, hold_expires_at=over)

    made(await desk.create(venue.rooms[0], TUESDAY))

    assert (await desk.booking(api_id(hold)))["status"] == "EXPIRED"
    assert [each["type"] for each in await desk.history({"id": api_id(hold)})] == [
        "BOOKING_EXPIRED"
    ]


async def test_a_payment_that_comes_first_is_asked_for(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, payment_policy="full")
    guest = BookingClient(api, runtime, venue.guest)

    assert made(await guest.create(venue.rooms[0], TUESDAY))["status"] == "HELD"


async def test_the_last_booking_of_a_plan_is_the_last(
    api: Api, runtime: Runtime, owner: asyncpg.Connection
) -> None:
    venue = await make_venue(runtime, plan=PlanCode.STARTER)
    desk = BookingClient(api, runtime, venue.staff)
    made(await desk.create(venue.rooms[0], TUESDAY))
    counter = "UPDATE usage_counters SET used = {} WHERE tenant_id = $1 AND meter = 'bookings'"
    await owner.execute(counter.format(99), venue.tenant.id)

    made(await desk.create(venue.rooms[0], TUESDAY + DAY))
    over = await desk.create(venue.rooms[0], TUESDAY + 2 * DAY)

    assert refused(over)["code"] == "PLAN_LIMIT_REACHED"
    used = await owner.fetchval(counter.format("used") + " RETURNING used", venue.tenant.id)
    assert used == 100
    assert len(await desk.bookings()) == 2


# ------------------------------------------------------------------------------ old facts


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ("UPDATE weekday_hours SET intervals = '[]' WHERE tenant_id = $1",
         ["OUTSIDE_BUSINESS_HOURS"]),
        ("UPDATE rooms SET archived_at = now() WHERE tenant_id = $1", ["ROOM_ARCHIVED"]),
        ("UPDATE tenants SET max_duration_minutes = 30 WHERE id = $1", ["MAX_DURATION"]),
        ("UPDATE rooms SET buffer_after_minutes = 10 WHERE tenant_id = $1", []),
    ],
)  # fmt: skip
async def test_nobody_books_by_facts_that_have_changed(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection, change: str, codes: list[str]
) -> None:
    made(await desk.create(venue.rooms[0], TUESDAY))
    await owner.execute(change, venue.tenant.id)

    answer = await desk.create(venue.rooms[0], TUESDAY + DAY)

    assert answer.refusals == codes


async def test_a_new_price_is_the_price(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection
) -> None:
    made(await desk.create(venue.rooms[0], TUESDAY))
    await owner.execute(
        "UPDATE rooms SET hourly_rate_minor = 5000 WHERE tenant_id = $1", venue.tenant.id
    )

    with statements(desk.runtime) as sent:
        booking = made(await desk.create(venue.rooms[0], TUESDAY + DAY))

    assert booking["price"]["total"]["amount"] == "50.00"
    assert was_at_once(sent)


async def test_what_is_allowed_by_now_is_booked_at_once_from_the_second_time_on(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection
) -> None:
    await owner.execute("UPDATE rooms SET capacity = 1 WHERE tenant_id = $1", venue.tenant.id)
    made(await desk.create(venue.rooms[0], TUESDAY))
    await owner.execute("UPDATE rooms SET capacity = 2 WHERE tenant_id = $1", venue.tenant.id)

    made(await desk.create(venue.rooms[0], TUESDAY + DAY, partySize=2))
    with statements(desk.runtime) as sent:
        made(await desk.create(venue.rooms[0], TUESDAY + 2 * DAY, partySize=2))

    assert was_at_once(sent)


async def test_facts_that_change_again_and_again_are_read_under_the_locks(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def outdated(*args: Any, **given: Any) -> Any:
        facts = await venue_facts(*args, **given)
        await owner.execute(
            "UPDATE tenants SET version = version + 1 WHERE id = $1", venue.tenant.id
        )
        return facts

    monkeypatch.setattr(new_bookings, "venue_facts", outdated)

    with statements(desk.runtime) as sent:
        made(await desk.create(venue.rooms[0], TUESDAY))

    assert sum("claim_calendar" in each for each in sent) == at_once.TRIES
    assert any(each.startswith("INSERT INTO bookings") for each in sent)


# ------------------------------------------------------------------------------ order and faults


async def test_a_transaction_id_is_taken_after_the_locks(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection
) -> None:
    made(await desk.create(venue.rooms[0], TUESDAY))
    room = venue.rooms[0]
    async with waiting(desk.create(room, TUESDAY + DAY), room, owner) as (pid, booking):
        (xid,) = await owner.fetch("SELECT backend_xid FROM pg_stat_activity WHERE pid = $1", pid)
        assert xid[0] is None

    assert made(await booking)["status"] == "CONFIRMED"


async def test_whoever_finds_the_time_taken_takes_no_transaction_id(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection
) -> None:
    made(await desk.create(venue.rooms[0], TUESDAY))
    made(await desk.create(venue.rooms[0], TUESDAY + DAY))
    next_id = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"

    async def taken() -> int:
        """Counts the ids that the server assigned, including those for other tests."""
        before = await owner.fetchval(next_id)
        for _ in range(3):
            assert (await desk.create(venue.rooms[0], TUESDAY)).refusals == ["SLOT_TAKEN"]
        return int(await owner.fetchval(next_id) - before)

    assert min([await taken() for _ in range(10)]) < 3


async def test_a_connection_that_breaks_in_the_middle_leaves_nothing(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection
) -> None:
    made(await desk.create(venue.rooms[0], TUESDAY))
    room = venue.rooms[0]
    async with waiting(desk.create(room, TUESDAY + DAY), room, owner) as (pid, booking):
        await owner.execute("SELECT pg_terminate_backend($1, 5000)", pid)
        answer = await booking

    assert answer.codes == ["UNAVAILABLE"]
    assert len(await desk.bookings()) == 1
    made(await desk.create(venue.rooms[0], TUESDAY + DAY))


async def test_a_connection_that_breaks_after_the_commit_is_found_out_by_the_key(
    desk: BookingClient, venue: Venue, runtime: Runtime
) -> None:
    write = runtime.database.write

    async def cut(*args: Any, **given: Any) -> Any:
        await write(*args, **given)
        raise asyncpg.ConnectionDoesNotExistError("connection was closed")

    vars(runtime.database)["write"] = cut
    first = await desk.create(venue.rooms[0], TUESDAY, idempotencyKey="a key")
    del vars(runtime.database)["write"]
    second = await desk.create(venue.rooms[0], TUESDAY, idempotencyKey="a key")

    assert first.codes == ["UNAVAILABLE"]
    assert second.payload["replayed"] is True
    assert [each["id"] for each in await desk.bookings()] == [made(second)["id"]]


# ------------------------------------------------------------------------------ what is shown


@pytest.mark.parametrize(
    ("selected", "is_shown"),
    [
        ("status startsAt local { start } price { total { amount } } room { name }", True),
        ("room { name } customer { name }", True),
        # These read other bookings, or other tables that the statement writes.
        ("room { name bookings(first: 1) { nodes { id } } }", False),
        ("room { name } history(first: 1) { nodes { type } }", False),
    ],
)
async def test_the_statement_shows_the_booking_that_it_stores(
    desk: BookingClient, venue: Venue, selected: str, is_shown: bool
) -> None:
    text = f"""
        mutation ($input: CreateBookingInput!) {{
          createBooking(input: $input) {{ booking {{ {selected} }} userErrors {{ message }} }}
        }}
    """
    answers = []
    for day in range(3):
        with statements(desk.runtime) as sent:
            answers.append(
                await desk(
                    text,
                    input={
                        "roomId": api_id(venue.rooms[0]),
                        "start": {"at": f"{TUESDAY + day * DAY:%Y-%m-%dT%H:%M:%SZ}"},
                        "durationMinutes": 60,
                        "customer": {"id": api_id(venue.customer)},
                    },
                )
            )

    # The first ones compile what is selected.
    assert was_at_once(sent)
    assert all("claim_calendar" in each for each in sent) == is_shown
    assert all(answer.payload["booking"]["room"]["name"] == "Room 1" for answer in answers)
