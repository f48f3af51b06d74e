"""The subscription to availability: events for slots that become free or taken."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from domain.venue.hours import Weekday
from kit.actor import Request
from kit.events.event_cursors import decode_cursor
from kit.events.log_relay import Relay
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from kit.scope import Scope
from resolvers.core.transactions import perform
from tests.live.calendars import CHANGES, Calendar, read_anew
from tests.support.client import Api, Stream, live
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient, made, moved, rfc
from tests.support.factories import Person, Venue, api_id, make_venue
from tests.support.horizon import until_behind_the_horizon
from tests.support.statements import statements

# 10:00 to 13:00 in Berlin, a Tuesday; the tests' clock shows 09:00 UTC on Monday.
NINE = datetime(2027, 3, 2, 9, tzinfo=UTC)
TEN = NINE + timedelta(hours=1)
NOON = NINE + timedelta(hours=3)
MORNINGS = {day: [(10 * 60, 13 * 60)] for day in Weekday}
MORNING = {"from": rfc(NINE), "to": rfc(NOON), "durationMinutes": 60}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polls often, because tests move the clock."""
    monkeypatch.setattr("subscriptions.availability_changes.MAX_WAIT", timedelta(seconds=0.02))


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, hours=MORNINGS)


@pytest.fixture
def desk(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.staff)


class Deltas:
    """The events of a subscription, without duplicates, which are allowed at its start."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._last: Any = None

    async def next(self) -> Any:
        """Returns the next delta, slots by room and start: what is set, and what is dropped."""
        last, event = self._last, self._last
        while event == last:
            event = (await self.stream.next())["availabilityChanged"]
            assert event["__typename"] == "AvailabilityDelta", event
            del event["cursor"]
        self._last = event
        upserted = [(each["room"]["name"], each["startsAt"][11:16]) for each in event["upserted"]]
        return upserted, [each["startsAt"][11:16] for each in event["removed"]]


@asynccontextmanager
async def following(
    server: str, desk: BookingClient, person: Person, **query: Any
) -> AsyncIterator[Deltas]:
    """Subscribes to the availability of a morning, or of another period."""
    calendar = Calendar({**MORNING, **query})
    await until_behind_the_horizon(desk.runtime, person)
    ((_, cursor),) = await read_anew(BookingClient(desk.api, desk.runtime, person), [calendar])
    async with live(server, token=person.token) as client:
        yield Deltas(await client.subscribe(CHANGES, {"query": calendar.query, "after": cursor}))


async def test_a_booking_takes_its_slots_and_gives_them_back(
    desk: BookingClient, server: str, venue: Venue
) -> None:
    async with following(server, desk, venue.staff) as stream:
        booking = made(await desk.create(venue.rooms[0], TEN))
        taken = await stream.next()
        made(await desk.cancel(booking))
        given_back = await stream.next()

    assert taken == ([], ["09:30", "10:00", "10:30"])
    assert given_back == ([("Room 1", "09:30"), ("Room 1", "10:00"), ("Room 1", "10:30")], [])


async def test_buffers_take_slots_too(desk: BookingClient, server: str, venue: Venue) -> None:
    owner = BookingClient(desk.api, desk.runtime, venue.owner)
    await owner(
        """mutation ($id: ID!) { updateRoom(id: $id, version: 1, input: {bufferAfterMinutes: 30}) {
             userErrors { code } } }""",
        id=api_id(venue.rooms[0]),
    )
    async with following(server, desk, venue.staff) as stream:
        made(await desk.create(venue.rooms[0], TEN))
        taken = await stream.next()

    assert taken == ([], ["09:00", "09:30", "10:00", "10:30", "11:00"])


async def test_a_booking_that_moves_is_told_of_in_both_rooms(
    desk: BookingClient, server: str, venue: Venue
) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN))
    async with following(server, desk, venue.staff) as stream:
        moved(await desk.move(booking, NINE, venue.rooms[1]))
        upserted, removed = await stream.next()

    assert {("Room 1", "09:30"), ("Room 1", "10:00"), ("Room 1", "10:30")} <= set(upserted)
    assert removed == ["09:00", "09:30"]


async def test_what_changes_no_slot_is_not_told(
    desk: BookingClient, server: str, venue: Venue
) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN))
    async with following(server, desk, venue.staff, roomIds=[api_id(venue.rooms[0])]) as stream:
        made(await desk.update(booking, partySize=2))
        made(await desk.create(venue.rooms[1], TEN))
        made(await desk.create(venue.rooms[0], TEN + timedelta(days=1)))
        hold = made(await desk.hold(venue.rooms[0], NINE))
        first = await stream.next()
        made(await desk.convert(hold, customer={"id": api_id(venue.customer)}))
        made(await desk.create(venue.rooms[0], TEN + timedelta(hours=1)))
        second = await stream.next()

    assert first == ([], ["09:00", "09:30"])
    assert second == ([], ["10:30", "11:00"])


async def test_reasons_are_told_anew_as_far_as_they_reach(
    desk: BookingClient, server: str, venue: Venue
) -> None:
    made(await desk.create(venue.rooms[0], NINE))
    rooms = [api_id(venue.rooms[0])]
    async with following(
        server, desk, venue.staff, roomIds=rooms, includeUnavailable=True
    ) as stream:
        made(await desk.create(venue.rooms[0], TEN))
        upserted, removed = await stream.next()

    # That of 09:00 lets go an hour later than it did.
    assert [start for _, start in upserted] == ["09:00", "09:30", "10:00", "10:30"]
    assert removed == []


async def test_a_booking_to_be_moved_is_left_out(
    desk: BookingClient, server: str, venue: Venue
) -> None:
    booking = made(await desk.create(venue.rooms[0], TEN))
    async with following(server, desk, venue.staff, excludeBookingId=booking["id"]) as stream:
        made(await desk.create(venue.rooms[0], NINE))
        first = await stream.next()
        made(await desk.cancel(booking))
        upserted, _ = await stream.next()

    assert first == ([], ["09:00", "09:30"])
    assert upserted == [("Room 1", "10:00"), ("Room 1", "10:30")]


# ------------------------------------------------------------------------------ time alone


async def test_a_start_that_is_too_near_is_told(
    desk: BookingClient, server: str, runtime: Runtime, clock: StoppedClock
) -> None:
    venue = await make_venue(runtime, rooms=1, min_notice_minutes=120, slot_minutes=10)
    today = {"from": rfc(clock.now), "to": rfc(clock.now + timedelta(hours=4))}
    async with following(server, desk, venue.guest, **today) as stream:
        clock.advance(minutes=1)
        first = await stream.next()
        # Less than a token lives: its end would be the socket's.
        clock.advance(minutes=10)
        second = await stream.next()

    assert (first, second) == (([], ["11:00"]), ([], ["11:10"]))


async def test_a_start_that_comes_into_reach_is_told(
    desk: BookingClient, server: str, runtime: Runtime, clock: StoppedClock
) -> None:
    clock.advance(minutes=25)
    venue = await make_venue(runtime, rooms=1, max_advance_days=1)
    async with following(server, desk, venue.staff) as stream:
        clock.advance(minutes=10)
        first = await stream.next()

    assert first == ([("Room 1", "09:30")], [])


async def test_a_hold_that_runs_out_is_told_before_anybody_stores_it(
    desk: BookingClient, server: str, runtime: Runtime, venue: Venue, clock: StoppedClock
) -> None:
    async with following(server, desk, venue.staff) as stream:
        hold = made(await desk.hold(venue.rooms[0], TEN))
        assert await stream.next() == ([], ["09:30", "10:00", "10:30"])

        async with locked(runtime, venue):
            clock.advance(minutes=5)
            given_back = await stream.next()
        stored = await desk.booking(hold["id"])
        made(await desk.create(venue.rooms[1], NINE))
        following_event = await stream.next()

    assert [start for _, start in given_back[0]] == ["09:30", "10:00", "10:30"]
    assert stored["status"] == "EXPIRED"
    # That it is stored as well is nothing new.
    assert following_event == ([], ["09:00", "09:30"])


# ------------------------------------------------------------------------------ going on


async def test_what_was_missed_comes_first(desk: BookingClient, server: str, venue: Venue) -> None:
    calendar = Calendar(MORNING)
    ((slots, cursor),) = await read_anew(desk, [calendar])
    calendar.slots, calendar.cursor = slots, cursor
    booking = made(await desk.create(venue.rooms[0], TEN))
    moved(await desk.move(booking, NINE, venue.rooms[1]))
    made(await desk.create(venue.rooms[0], NINE))
    ((anew, _),) = await read_anew(desk, [calendar])
    async with live(server, token=venue.staff.token) as client:
        await calendar.follow(client)

        await calendar.take()

    assert calendar.slots == anew


async def test_nobody_who_missed_nothing_is_told_anything(
    desk: BookingClient, server: str, venue: Venue
) -> None:
    made(await desk.create(venue.rooms[0], TEN))
    async with following(server, desk, venue.staff, includeUnavailable=True) as stream:
        with pytest.raises(TimeoutError):
            await stream.stream.next(within=0.5)


async def test_a_cursor_of_bookings_brings_all_slots(
    desk: BookingClient, server: str, venue: Venue
) -> None:
    after = (await desk("{ bookings { eventCursor } }")).payload["eventCursor"]
    async with live(server, token=venue.staff.token) as client:
        stream = Deltas(await client.subscribe(CHANGES, {"query": MORNING, "after": after}))

        upserted, removed = await stream.next()

    assert len(upserted) == 10
    assert removed == 2 * ["11:30"] or removed == []


async def test_what_is_free_to_staff_is_told_anew_to_a_guest_with_their_cursor(
    desk: BookingClient, server: str, runtime: Runtime, clock: StoppedClock
) -> None:
    venue = await make_venue(runtime, rooms=1, min_notice_minutes=60)
    query = {**MORNING, "from": rfc(clock.now), "to": rfc(clock.now + timedelta(hours=2))}
    staff = BookingClient(desk.api, runtime, venue.staff)
    ((slots, cursor),) = await read_anew(staff, [Calendar(query)])
    calendar = Calendar(query, dict(slots), cursor)
    guest = BookingClient(desk.api, runtime, venue.guest)
    ((anew, _),) = await read_anew(guest, [calendar])
    async with live(server, token=venue.guest.token) as client:
        await calendar.follow(client)

        await calendar.take()

    assert len(slots) > len(anew)
    assert calendar.slots == anew


@pytest.mark.parametrize(
    ("days", "own", "reason"),
    [
        (0, False, "The cursor is unknown."),
        (7, True, "The cursor is older than 7 days."),
    ],
)
async def test_who_can_not_go_on_refetches_and_goes_on(
    desk: BookingClient,
    server: str,
    runtime: Runtime,
    venue: Venue,
    clock: StoppedClock,
    days: int,
    own: bool,
    reason: str,
) -> None:
    other = venue if own else await make_venue(runtime)
    ((_, cursor),) = await read_anew(
        BookingClient(desk.api, runtime, other.staff), [Calendar(MORNING)]
    )
    made(await desk.create(venue.rooms[0], TEN))
    clock.advance(days=days, seconds=days)
    later = {day: rfc(at + timedelta(days=14)) for day, at in (("from", NINE), ("to", NOON))}
    query = {**MORNING, **later}
    async with live(server, token=renewed(desk)) as client:
        stream = await client.subscribe(CHANGES, {"query": query, "after": cursor})
        event = (await stream.next())["availabilityChanged"]
        made(await desk.create(venue.rooms[0], TEN + timedelta(days=14)))
        following_event = await Deltas(stream).next()

    assert (event["__typename"], event["reason"]) == ("ResyncRequired", reason)
    assert decode_cursor(event["cursor"]) is not None
    assert following_event == ([], ["09:30", "10:00", "10:30"])


async def test_nothing_falls_between_reading_and_following(
    desk: BookingClient, server: str, runtime: Runtime, venue: Venue
) -> None:
    draw = random.Random(4)
    writers = [write(desk, venue, random.Random(seed), times=25) for seed in range(3)]
    async with live(server, token=venue.staff.token) as client:
        writing = asyncio.gather(*writers)
        calendars = []
        for _ in range(10):
            calendar = Calendar({**MORNING, "includeUnavailable": draw.random() < 0.5})
            ((slots, cursor),) = await read_anew(desk, [calendar])
            calendar.slots, calendar.cursor = slots, cursor
            await calendar.follow(client)
            calendars.append(calendar)
        await writing
        anew = await read_anew(desk, calendars)
        for calendar, (slots, _) in zip(calendars, anew, strict=True):
            await calendar.until_as(slots)


async def test_what_is_seen_before_its_place_in_the_log_is_told_for_certain(
    desk: BookingClient, server: str, venue: Venue, database: DatabaseUrls
) -> None:
    calendar, late = Calendar(MORNING), Calendar(MORNING)
    async with live(server, token=venue.staff.token) as client:
        connection = await asyncpg.connect(database.owner)
        transaction = connection.transaction()
        await transaction.start()
        try:
            # As long as it is open, nothing that is done later is handed out.
            await connection.execute("SELECT pg_current_xact_id()")
            ((calendar.slots, calendar.cursor),) = await read_anew(desk, [calendar])
            booking = made(await desk.create(venue.rooms[0], TEN))
            ((late.slots, late.cursor),) = await read_anew(desk, [late])
            await calendar.follow(client)
            await calendar.take()
            await late.follow(client)
            made(await desk.cancel(booking))
        finally:
            await transaction.rollback()
            await connection.close()
        anew = await read_anew(desk, [calendar, late])
        for each, (slots, _) in zip([calendar, late], anew, strict=True):
            await each.until_as(slots)


# ------------------------------------------------------------------------------ for whom


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"durationMinutes": 0}, "BAD_USER_INPUT"),
        ({"partySize": 0}, "BAD_USER_INPUT"),
        ({"to": "2027-03-01T00:00:00Z"}, "BAD_USER_INPUT"),
        ({"to": "2027-05-01T00:00:00Z"}, "BAD_USER_INPUT"),
        ({"roomIds": 101 * ["x"]}, "TOO_COMPLEX"),
    ],
)
async def test_what_can_not_be_asked_can_not_be_followed(
    server: str, venue: Venue, query: dict[str, Any], code: str
) -> None:
    async with live(server, token=venue.staff.token) as client:
        stream = await client.subscribe(CHANGES, {"query": {**MORNING, **query}})

        (error,) = await stream.errors()

    assert error["extensions"]["code"] == code


async def test_what_grows_beyond_all_bounds_is_told_no_more(
    desk: BookingClient, server: str, venue: Venue
) -> None:
    owner = BookingClient(desk.api, desk.runtime, venue.owner)
    async with following(server, desk, venue.staff, to="2027-04-02T00:00:00Z") as stream:
        made(await desk.create(venue.rooms[0], TEN))
        await stream.next()
        await owner(
            """mutation { updateTenantSettings(version: 1, input: {slotMinutes: 5}) {
                 userErrors { code } } }"""
        )

        message = await stream.stream.message()
        while message["type"] == "next":
            message = await stream.stream.message()

    assert message["type"] == "error"
    assert message["payload"][0]["extensions"]["code"] == "TOO_COMPLEX"


async def test_strangers_are_told_nothing(server: str, venue: Venue) -> None:
    async with live(server) as client:
        stream = await client.subscribe(CHANGES, {"query": MORNING})

        errors = await stream.errors()

    assert errors[0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_another_venue_changes_nothing(
    desk: BookingClient, server: str, runtime: Runtime, venue: Venue
) -> None:
    other = await make_venue(runtime, hours=MORNINGS)
    async with following(server, desk, venue.staff) as stream:
        made(await BookingClient(desk.api, runtime, other.staff).create(other.rooms[0], TEN))
        made(await desk.create(venue.rooms[0], NINE))
        first = await stream.next()

    assert first == ([], ["09:00", "09:30"])


async def test_a_change_is_worked_out_once_for_all_who_ask_the_same(
    desk: BookingClient, server: str, runtime: Runtime, venue: Venue
) -> None:
    async with live(server, token=venue.staff.token) as client:
        streams = [await client.subscribe(CHANGES, {"query": MORNING}) for _ in range(20)]
        await until_followed(runtime, venue)
        deltas = [Deltas(each) for each in streams]
        made(await desk.create(venue.rooms[0], TEN))
        _ = [await stream.next() for stream in deltas]
        with statements(runtime) as sent:
            booking = made(await desk.create(venue.rooms[0], NINE))
            alone = len(sent)
            _ = [await stream.next() for stream in deltas]
        made(await desk.cancel(booking))

    assert alone <= len(sent) <= alone + 3


# ------------------------------------------------------------------------------ steps


async def until_followed(runtime: Runtime, venue: Venue) -> None:
    relay = runtime.services[Relay]
    assert isinstance(relay, Relay)
    async with asyncio.timeout(60):
        while True:
            followed = relay._followed.get(venue.tenant.id)
            if followed and followed.head and followed.listeners:
                return
            await asyncio.sleep(0.01)


@asynccontextmanager
async def locked(runtime: Runtime, venue: Venue) -> AsyncIterator[None]:
    """Locks the venue's rooms against writes during the block."""
    held, done = asyncio.Event(), asyncio.Event()

    async def hold(scope: Scope) -> None:
        await scope.lock(*(("room", room.id) for room in venue.rooms))
        held.set()
        await done.wait()

    task = asyncio.create_task(perform(runtime, venue.owner.actor, Request(new_id()), hold))
    await held.wait()
    try:
        yield
    finally:
        done.set()
        await task


async def write(desk: BookingClient, venue: Venue, draw: random.Random, *, times: int) -> None:
    """Books, moves and cancels within the morning, so many times."""
    kept: list[Any] = []
    for _ in range(times):
        start = NINE + timedelta(minutes=30 * draw.randint(0, 4))
        room = draw.choice(venue.rooms)
        if kept and draw.random() < 0.5:
            await desk.cancel(kept.pop(draw.randrange(len(kept))))
            continue
        answer = await desk.create(room, start)
        if not answer.refusals:
            kept.append(answer.payload["booking"])


def renewed(desk: BookingClient) -> str:
    """Returns a currently valid token."""
    user, session = desk.person.user, desk.person.session
    token, _ = desk.tokens.sign(
        tenant_id=user.tenant_id, user_id=user.id, session_id=session.id, now=desk.runtime.clock()
    )
    return token
