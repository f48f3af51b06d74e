"""Changes of bookings stored by one statement: the same result as step by step, on any race."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg
import pytest

from domain.bookings.lifecycle import Status
from domain.tenants.plans import PlanCode
from kit.runtime import Runtime
from resolvers.bookings import at_once
from schema.core.global_ids import read_id
from tests.support.client import Answer, Api
from tests.support.clock import MONDAY_MORNING
from tests.support.desk import BookingClient, made, moved, shown
from tests.support.factories import Venue, api_id, make_booking, make_venue
from tests.support.lock_waits import waiting
from tests.support.statements import round_trips

TUESDAY = datetime(2027, 3, 2, 10, 0, tzinfo=UTC)
HALF_PAST = TUESDAY + timedelta(minutes=30)
LATER = TUESDAY + timedelta(hours=5)
STORED = """
    SELECT to_jsonb(b) - '{id,reference,room_id}'::text[] AS booking,
        (SELECT jsonb_agg(to_jsonb(l) - '{xid,position,request_id,subject_id}'::text[]
                          #- '{before,room_id}' #- '{after,room_id}' ORDER BY l.position)
         FROM log l WHERE l.tenant_id = b.tenant_id AND l.subject_id = b.id) AS log,
        (SELECT jsonb_agg(to_jsonb(o) - '{booking_id,space_id,occupant_id}'::text[])
         FROM occupancy o WHERE o.tenant_id = b.tenant_id AND o.booking_id = b.id) AS taken,
        (SELECT count(*) FROM request_origins o JOIN log l USING (tenant_id, request_id)
         WHERE l.tenant_id = b.tenant_id AND l.subject_id = b.id) AS origins
    FROM bookings b WHERE b.tenant_id = $1 AND b.id = $2
"""
OF_BOOKINGS = "WHERE tenant_id = $1 AND meter = 'bookings'"
USED = f"SELECT used FROM usage_counters {OF_BOOKINGS}"
Change = Callable[[BookingClient, dict[str, Any]], Awaitable[Answer]]
CHANGES: Final[dict[str, tuple[Status, datetime, Change]]] = {
    "confirm": (Status.PENDING, TUESDAY, BookingClient.confirm),
    "reject": (
        Status.PENDING,
        TUESDAY,
        lambda desk, booking: desk.change("rejectBooking", booking),
    ),
    "cancel": (
        Status.CONFIRMED,
        TUESDAY,
        lambda desk, booking: desk.cancel(booking, reason="Rain"),
    ),
    "check in": (Status.CONFIRMED, MONDAY_MORNING, BookingClient.check_in),
    "complete": (Status.CHECKED_IN, MONDAY_MORNING, BookingClient.complete),
    "mark as a no-show": (
        Status.CONFIRMED,
        MONDAY_MORNING,
        lambda desk, booking: desk.change("markNoShow", booking, {"waiveFee": True}),
    ),
    "extend": (
        Status.CHECKED_IN,
        MONDAY_MORNING,
        lambda desk, booking: desk.extend(booking, minutes=30, reason="Rain"),
    ),
    "end early": (Status.CONFIRMED, MONDAY_MORNING, BookingClient.end_early),
    "edit": (
        Status.CHECKED_IN,
        TUESDAY,
        lambda desk, booking: desk.update(booking, note="By the window", partySize=3),
    ),
    "give to nobody": (
        Status.CONFIRMED,
        TUESDAY,
        lambda desk, booking: desk.update(booking, customer=None),
    ),
    "move": (
        Status.CONFIRMED,
        TUESDAY,
        lambda desk, booking: desk.move(booking, LATER, reason="Rain"),
    ),
    "move within its time": (
        Status.PENDING,
        TUESDAY,
        lambda desk, booking: desk.move(booking, HALF_PAST, durationMinutes=30),
    ),
    "move over its time": (
        Status.CONFIRMED,
        TUESDAY,
        lambda desk, booking: desk.move(booking, HALF_PAST, durationMinutes=90),
    ),
}


@pytest.fixture
def desk(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.manager)


@pytest.fixture
def step_by_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Returns a function that disables the single statement."""
    return lambda: monkeypatch.setattr(at_once, "TRIES", 0)


@pytest.mark.parametrize("change", CHANGES)
async def test_the_same_is_stored_as_step_by_step(
    desk: BookingClient,
    runtime: Runtime,
    venue: Venue,
    owner: asyncpg.Connection,
    step_by_step: Callable[[], None],
    change: str,
) -> None:
    status, at, run = CHANGES[change]
    bookings = [
        await make_booking(runtime, venue, at, room=room, status=status) for room in venue.rooms
    ]

    with round_trips(runtime) as sent:
        first = made(await run(desk, shown(bookings[0])))
    step_by_step()
    second = made(await run(desk, shown(bookings[1])))

    assert "COMMIT" not in sent
    assert named_alike(first) == named_alike(second)
    stored = [await owner.fetchrow(STORED, venue.tenant.id, each.id) for each in bookings]
    assert named_alike(stored[0]) == named_alike(stored[1])


def named_alike(result: Any) -> str:
    """Returns a result without what bookings of two rooms differ in."""
    (found,) = result if isinstance(result, list) else [result]
    common = {name: found[name] for name in dict(found) if name not in ("id", "reference", "room")}
    return str(common).replace("Room 2", "Room 1")


# ------------------------------------------------------------------------------ holds


@pytest.mark.parametrize(
    "given",
    [
        {"expectedTotal": {"amount": "40.00", "currencyCode": "EUR"}},
        {"partySize": 3, "note": "By the window"},
        {"customer": "known"},
    ],
    ids=str,
)
async def test_a_hold_is_booked_as_step_by_step(
    desk: BookingClient,
    venue: Venue,
    owner: asyncpg.Connection,
    step_by_step: Callable[[], None],
    given: dict[str, Any],
) -> None:
    if "customer" in given:
        given = {"customer": {"id": api_id(venue.customer)}}
    holds = [made(await desk.hold(room, TUESDAY)) for room in venue.rooms]

    with round_trips(desk.runtime) as sent:
        first = made(await desk.convert(holds[0], **given, idempotencyKey="a key"))
    again = await desk.convert(holds[0], **given, idempotencyKey="a key")
    step_by_step()
    second = made(await desk.convert(holds[1], **given))

    assert "COMMIT" not in sent
    assert (again.payload["booking"], again.payload["replayed"]) == (first, True)
    assert named_alike(first) == named_alike(second)
    ids = [read_id(each["id"])[1] for each in holds]
    stored = [await owner.fetchrow(STORED, venue.tenant.id, each) for each in ids]
    assert named_alike(stored[0]) == named_alike(stored[1])
    assert await owner.fetchval(USED, venue.tenant.id) == 2


async def test_a_hold_is_booked_for_a_new_customer(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection
) -> None:
    hold = made(await desk.hold(venue.rooms[0], TUESDAY))

    with round_trips(desk.runtime) as sent:
        booking = made(await desk.convert(hold, customer={"new": {"name": "Ada"}}))

    assert "COMMIT" not in sent
    assert (booking["status"], booking["customer"]["name"]) == ("CONFIRMED", "Ada")
    log = "SELECT array_agg(type ORDER BY xid, position) FROM log WHERE tenant_id = $1"
    assert await owner.fetchval(log, venue.tenant.id) == [
        "BOOKING_HELD",
        "CUSTOMER_CREATED",
        "BOOKING_CREATED",
    ]


async def test_a_hold_stays_one_where_the_plan_is_used_up(
    api: Api, runtime: Runtime, owner: asyncpg.Connection
) -> None:
    venue = await make_venue(runtime, plan=PlanCode.STARTER)
    desk = BookingClient(api, runtime, venue.staff)
    made(await desk.create(venue.rooms[0], TUESDAY))
    await owner.execute(f"UPDATE usage_counters SET used = 100 {OF_BOOKINGS}", venue.tenant.id)
    hold = made(await desk.hold(venue.rooms[0], LATER))

    answer = await desk.convert(hold, customer={"new": {"name": "Ada"}})

    assert answer.refusals == ["PLAN_LIMIT_REACHED"]
    assert (await desk.booking(hold["id"]))["status"] == "HELD"
    assert await owner.fetchval(USED, venue.tenant.id) == 100
    ada = "SELECT count(*) FROM customers WHERE tenant_id = $1 AND name = 'Ada'"
    assert await owner.fetchval(ada, venue.tenant.id) == 0


# ------------------------------------------------------------------------------ moves


async def test_a_customer_moves_their_booking_and_has_it_confirmed_again(
    api: Api, runtime: Runtime
) -> None:
    venue = await make_venue(runtime, requires_confirmation=True, reconfirms_changes=True)
    booking = await make_booking(runtime, venue, TUESDAY)
    customer = BookingClient(api, runtime, venue.guest)

    with round_trips(runtime) as sent:
        after = moved(await customer.move(shown(booking), LATER, durationMinutes=90))

    assert "COMMIT" not in sent
    assert (after["status"], after["startsAt"]) == ("PENDING", "2027-03-02T15:00:00Z")


@pytest.mark.parametrize("at", [TUESDAY, HALF_PAST], ids=["elsewhere", "partly its own time"])
async def test_a_booking_does_not_move_to_a_time_that_another_has(
    desk: BookingClient, runtime: Runtime, venue: Venue, owner: asyncpg.Connection, at: datetime
) -> None:
    await make_booking(runtime, venue, TUESDAY)
    booking = await make_booking(runtime, venue, TUESDAY + timedelta(hours=1))

    answer = await desk.move(shown(booking), at)

    assert answer.refusals == ["SLOT_TAKEN"]
    stored = await owner.fetchrow(STORED, venue.tenant.id, booking.id)
    assert stored is not None
    assert (stored["log"], '"version": 1,' in stored["booking"]) == (None, True)


async def test_a_booking_does_not_move_by_rules_that_have_changed(
    desk: BookingClient, runtime: Runtime, venue: Venue, owner: asyncpg.Connection
) -> None:
    booking = await make_booking(runtime, venue, TUESDAY)
    after = moved(await desk.move(shown(booking), LATER))
    await owner.execute(
        "UPDATE weekday_hours SET intervals = '[]' WHERE tenant_id = $1", venue.tenant.id
    )

    answer = await desk.move(after, TUESDAY)

    assert answer.refusals == ["OUTSIDE_BUSINESS_HOURS"]


@pytest.mark.parametrize("is_held", [True, False])
async def test_a_room_that_is_newer_than_the_facts_is_found_out(
    desk: BookingClient, runtime: Runtime, venue: Venue, is_held: bool
) -> None:
    made(await desk.create(venue.rooms[0], TUESDAY))
    added = await desk(
        'mutation { createRoom(input: { name: "New", capacity: 4 }) { room { id } } }'
    )
    _, id = read_id(added.payload["room"]["id"])
    room = venue.rooms[0].model_copy(update={"id": id})
    booking = await make_booking(runtime, venue, LATER, room=room)
    held = made(await desk.hold(room, TUESDAY))
    with round_trips(runtime) as sent:
        if is_held:
            answer = await desk.convert(held, partySize=3)
        else:
            answer = await desk.update(shown(booking), partySize=3)

    assert made(answer)["partySize"] == 3
    assert "COMMIT" not in sent


async def test_a_booking_moves_at_the_new_price(
    desk: BookingClient, runtime: Runtime, venue: Venue, owner: asyncpg.Connection
) -> None:
    booking = await make_booking(runtime, venue, TUESDAY)
    after = moved(await desk.move(shown(booking), LATER))
    await owner.execute(
        "UPDATE rooms SET hourly_rate_minor = 5000 WHERE tenant_id = $1", venue.tenant.id
    )

    with round_trips(runtime) as sent:
        longer = moved(await desk.move(after, TUESDAY, durationMinutes=120))

    assert "COMMIT" not in sent
    assert longer["price"]["total"]["amount"] == "100.00"


# ------------------------------------------------------------------------------ races


async def test_a_booking_that_somebody_else_has_changed_meanwhile_is_refused(
    desk: BookingClient, runtime: Runtime, venue: Venue, owner: asyncpg.Connection
) -> None:
    booking = await make_booking(runtime, venue, TUESDAY)

    async with waiting(desk.cancel(shown(booking)), venue.rooms[0], owner) as (_, cancelling):
        await owner.execute("UPDATE bookings SET version = 2 WHERE id = $1", booking.id)

    assert (await cancelling).refusals == ["STALE_VERSION"]
    assert (await desk.booking(api_id(booking)))["status"] == "CONFIRMED"
    assert await desk.history(shown(booking)) == []


async def test_what_has_no_version_stays_as_somebody_else_has_changed_it(
    desk: BookingClient, runtime: Runtime, venue: Venue, owner: asyncpg.Connection
) -> None:
    booking = await make_booking(runtime, venue, TUESDAY)
    await owner.execute("UPDATE bookings SET held_from = 'a network' WHERE id = $1", booking.id)
    revoked = "UPDATE bookings SET link_version = 7, held_from = NULL WHERE id = $1"

    async with waiting(desk.cancel(shown(booking)), venue.rooms[0], owner) as (_, cancelling):
        await owner.execute(revoked, booking.id)

    made(await cancelling)
    kept = "SELECT status, link_version, held_from FROM bookings WHERE id = $1"
    (row,) = await owner.fetch(kept, booking.id)
    assert tuple(row) == ("cancelled", 7, None)


async def test_a_transaction_id_is_taken_after_the_locks(
    desk: BookingClient, runtime: Runtime, venue: Venue, owner: asyncpg.Connection
) -> None:
    booking = await make_booking(runtime, venue, TUESDAY)

    async with waiting(desk.cancel(shown(booking)), venue.rooms[0], owner) as (pid, cancelling):
        taken = "SELECT backend_xid FROM pg_stat_activity WHERE pid = $1"
        assert await owner.fetchval(taken, pid) is None

    made(await cancelling)


async def test_a_connection_that_breaks_in_the_middle_leaves_nothing(
    desk: BookingClient, runtime: Runtime, venue: Venue, owner: asyncpg.Connection
) -> None:
    booking = await make_booking(runtime, venue, TUESDAY)

    async with waiting(desk.cancel(shown(booking)), venue.rooms[0], owner) as (pid, cancelling):
        await owner.execute("SELECT pg_terminate_backend($1, 5000)", pid)
        answer = await cancelling

    assert answer.codes == ["UNAVAILABLE"]
    assert await desk.history(shown(booking)) == []
    made(await desk.cancel(shown(booking)))


async def test_a_connection_that_breaks_after_the_commit_is_found_out_by_the_key(
    desk: BookingClient, runtime: Runtime, venue: Venue
) -> None:
    booking = await make_booking(runtime, venue, TUESDAY)
    write = runtime.database.write

    async def cut(*args: Any, **given: Any) -> Any:
        await write(*args, **given)
        raise asyncpg.ConnectionDoesNotExistError("connection was closed")

    vars(runtime.database)["write"] = cut
    first = await desk.cancel(shown(booking), idempotencyKey="a key")
    del vars(runtime.database)["write"]
    second = await desk.cancel(shown(booking), idempotencyKey="a key")

    assert first.codes == ["UNAVAILABLE"]
    assert second.payload["replayed"] is True
    assert [each["type"] for each in await desk.history(shown(booking))] == ["BOOKING_CANCELLED"]
