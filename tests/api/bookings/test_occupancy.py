"""The times that bookings take now: kept by the database, whoever changes a booking."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
import pytest_asyncio
from alembic import command

from commands.migrate import migrations
from domain.bookings.lifecycle import Status
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient, made, moved
from tests.support.factories import Venue, make_booking, make_venue
from tests.support.occupancy import OVERLAPS

TEN = datetime(2027, 3, 2, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
TAKEN = """
    SELECT lower(occupied) AS since, upper(occupied) AS until, expires_at IS NOT NULL AS is_held
    FROM occupancy WHERE tenant_id = $1 ORDER BY occupied, booking_id
"""
# A copy of a booking, with another status, later or earlier.
COPY = """
    INSERT INTO bookings (tenant_id, id, reference, room_id, status, starts_at, ends_at, occupied,
        party_size, currency_code, moves_id, hold_expires_at, version, link_version, created_at,
        updated_at)
    SELECT tenant_id, $2::uuid, $2::uuid::text, room_id, $3, starts_at + $4::interval, ends_at + $4,
        tstzrange(lower(occupied) + $4, upper(occupied) + $4), 1, 'EUR', $5, $6, 1, 1, now(), now()
    FROM bookings WHERE id = $1
"""


@pytest_asyncio.fixture
async def owner(database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.owner)
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, requires_confirmation=True)


@pytest.fixture
def desk(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.manager)


async def test_a_booking_takes_its_time_until_it_is_over(
    desk: BookingClient, venue: Venue, clock: StoppedClock, owner: asyncpg.Connection
) -> None:
    async def taken() -> list[tuple[int, int, bool]]:
        """Returns what is taken: the hour after ten, for how many, whether it ends by itself."""
        rows = await owner.fetch(TAKEN, venue.tenant.id)
        return [((a - TEN) // HOUR, (b - a) // HOUR, is_held) for a, b, is_held in rows]

    room = venue.rooms[0]
    hold = made(await desk.hold(room, TEN))
    assert await taken() == [(0, 1, True)]

    booking = made(await desk.convert(hold))
    assert await taken() == [(0, 1, False)]

    booking = made(await desk.confirm(booking))
    booking = moved(await desk.move(booking, TEN + 3 * HOUR))
    other = made(await desk.create(room, TEN, minutes=120))
    assert await taken() == [(0, 2, False), (3, 1, False)]

    made(await desk.reject(other))
    clock.now = TEN + 3 * HOUR
    booking = made(await desk.check_in(booking))
    assert await taken() == [(3, 1, False)]

    made(await desk.complete(booking))
    assert await taken() == []
    assert await owner.fetchval(OVERLAPS) == 0


async def test_the_database_takes_no_time_twice(
    runtime: Runtime, venue: Venue, owner: asyncpg.Connection
) -> None:
    """Whatever locks somebody forgets, and in a statement of the version before, too."""
    booking = await make_booking(runtime, venue, TEN)
    later = await make_booking(runtime, venue, TEN + HOUR)
    is_over = await make_booking(runtime, venue, TEN, status=Status.CANCELLED)
    half = HOUR / 2

    for copied in (COPY, f"{COPY} ON CONFLICT ON CONSTRAINT booking_no_overlap DO NOTHING"):
        with pytest.raises(asyncpg.ExclusionViolationError, match="occupancy_no_overlap"):
            await owner.execute(copied, booking.id, new_id(), "pending", half, None, None)
    for change in (
        "UPDATE bookings SET status = 'confirmed' WHERE id = $1",
        "UPDATE bookings SET room_id = room_id, status = 'held', hold_expires_at = now() "
        "WHERE id = $1",
    ):
        with pytest.raises(asyncpg.ExclusionViolationError):
            await owner.execute(change, is_over.id)
    with pytest.raises(asyncpg.ExclusionViolationError):
        await owner.execute(
            "UPDATE bookings SET occupied = tstzrange(lower(occupied), upper(occupied) + $2) "
            "WHERE id = $1",
            *(booking.id, half),
        )

    await owner.execute("UPDATE bookings SET status = 'no_show' WHERE id = $1", later.id)
    await owner.execute(COPY, booking.id, new_id(), "pending", HOUR, None, None)
    assert await owner.fetchval(OVERLAPS) == 0


async def test_only_the_hold_of_its_move_may_overlap_a_booking(
    runtime: Runtime, venue: Venue, owner: asyncpg.Connection
) -> None:
    booking = await make_booking(runtime, venue, TEN)
    other = await make_booking(runtime, venue, TEN + HOUR)
    half, hold = HOUR / 2, new_id()

    with pytest.raises(asyncpg.ExclusionViolationError):
        await owner.execute(COPY, booking.id, hold, "held", half, booking.id, TEN)
    await owner.execute(COPY, booking.id, hold, "held", -half, booking.id, TEN)
    with pytest.raises(asyncpg.ExclusionViolationError):
        await owner.execute("UPDATE bookings SET moves_id = $2 WHERE id = $1", hold, other.id)

    await owner.execute("DELETE FROM bookings WHERE id = $1", hold)
    assert len(await owner.fetch(TAKEN, venue.tenant.id)) == 2
    assert await owner.fetchval(OVERLAPS) == 0


@pytest.mark.parametrize(
    ("minutes", "since", "until"), [(240, HOUR / 2, HOUR), (60, -HOUR, 4 * HOUR)]
)
async def test_a_time_is_taken_also_where_another_begins_later(
    desk: BookingClient,
    venue: Venue,
    owner: asyncpg.Connection,
    minutes: int,
    since: timedelta,
    until: timedelta,
) -> None:
    """Of a booking and the hold of its move, the one that begins later may end earlier."""
    booking = await make_booking(desk.runtime, venue, TEN, minutes=minutes)
    hold = new_id()
    await owner.execute(COPY, booking.id, hold, "held", HOUR / 2, booking.id, TEN)
    await owner.execute(
        "UPDATE bookings SET starts_at = $2, ends_at = $3, occupied = tstzrange($2, $3) "
        "WHERE id = $1",
        *(hold, TEN + since, TEN + until),
    )
    new = {"new": {"name": "Ada"}}

    late = await desk.create(venue.rooms[0], TEN + 3 * HOUR, customer=new)
    made(await desk.create(venue.rooms[0], TEN + 4 * HOUR, customer=new))

    assert late.refusals == ["SLOT_TAKEN"]
    ada = "SELECT count(*) FROM customers WHERE tenant_id = $1 AND name = 'Ada'"
    assert await owner.fetchval(ada, venue.tenant.id) == 1
    assert await owner.fetchval(OVERLAPS) == 0


async def test_only_holds_end_by_themselves(
    desk: BookingClient, venue: Venue, owner: asyncpg.Connection
) -> None:
    """Also where a statement changes the status and nothing else."""
    hold = made(await desk.hold(venue.rooms[0], TEN))
    change = "UPDATE bookings SET status = $2 WHERE tenant_id = $1"

    for status, is_held in (("confirmed", False), ("held", True), ("pending", False)):
        await owner.execute(change, venue.tenant.id, status)
        assert [row["is_held"] for row in await owner.fetch(TAKEN, venue.tenant.id)] == [is_held]

    assert (await desk.create(venue.rooms[0], TEN)).refusals == ["SLOT_TAKEN"]
    assert (await desk.booking(hold["id"]))["status"] == "PENDING"
    assert await owner.fetchval(OVERLAPS) == 0


async def test_holds_that_became_bookings_before_end_no_more(
    runtime: Runtime, venue: Venue, owner: asyncpg.Connection, database: DatabaseUrls
) -> None:
    for hours, status in enumerate((Status.HELD, Status.CONFIRMED)):
        at = TEN + hours * HOUR
        await make_booking(runtime, venue, at, status=status, hold_expires_at=at)
    await asyncio.to_thread(command.downgrade, migrations(database.owner), "0030")
    await owner.execute(
        "UPDATE bookings SET status = CASE status WHEN 'held' THEN 'pending' ELSE 'held' END "
        "WHERE tenant_id = $1",
        venue.tenant.id,
    )

    await asyncio.to_thread(command.upgrade, migrations(database.owner), "head")

    taken = await owner.fetch(TAKEN, venue.tenant.id)
    assert [row["is_held"] for row in taken] == [False, True]
    assert await owner.fetchval(OVERLAPS) == 0


async def test_the_bookings_of_a_database_in_use_take_their_time(
    runtime: Runtime, venue: Venue, owner: asyncpg.Connection, database: DatabaseUrls
) -> None:
    booking = await make_booking(runtime, venue, TEN)
    await owner.execute(COPY, booking.id, new_id(), "held", -HOUR / 2, booking.id, TEN)
    for number, status in enumerate(Status):
        at = TEN + number * timedelta(days=1)
        await make_booking(
            runtime, venue, at, room=venue.rooms[1], status=status, hold_expires_at=at
        )
    taken = await owner.fetch(TAKEN, venue.tenant.id)

    await asyncio.to_thread(command.downgrade, migrations(database.owner), "0025")
    with pytest.raises(asyncpg.ExclusionViolationError, match="booking_no_overlap"):
        await owner.execute(COPY, booking.id, new_id(), "pending", HOUR / 2, None, None)
    await asyncio.to_thread(command.upgrade, migrations(database.owner), "head")

    assert await owner.fetch(TAKEN, venue.tenant.id) == taken
    assert len(taken) == 6
    assert await owner.fetchval(OVERLAPS) == 0
