"""Changes of bookings as they happen, over a WebSocket."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import asyncpg
import httpx2
import pytest
from sqlmodel import select

from app import build_app
from domain.accounts.users import Role
from domain.core.log_events import Event, EventType
from kit.actor import Request
from kit.events.event_cursors import decode_cursor
from kit.events.log_relay import Relay
from kit.ids import new_id
from kit.operation_context import Operation
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from kit.scope import Scope
from kit.security.tokens import Tokens
from kit.settings import Settings
from models.accounts.users import User
from models.customers.customers import Customer
from models.venue.rooms import Room
from resolvers.core.transactions import perform
from schema.core.global_ids import read_id
from subscriptions.booking_changes import BookingChanged, booking_changed
from subscriptions.log_replay import ResyncRequired
from tests.support.client import Api, Live, Stream, live
from tests.support.clock import StoppedClock
from tests.support.factories import Person, Venue, api_id, make_venue
from tests.support.horizon import until_behind_the_horizon

EVENTS = """
    subscription ($rooms: [ID!], $types: [EventType!], $after: EventCursor) {
      bookingChanged(roomIds: $rooms, types: $types, after: $after) {
        __typename
        ... on BookingChanged { cursor type at booking { id status version room { name } } }
        ... on ResyncRequired { cursor reason }
      }
    }
"""
CREATE = """
    mutation ($input: CreateBookingInput!) {
      createBooking(input: $input) { booking { id version } userErrors { code message } }
    }
"""
CANCEL = """
    mutation ($id: ID!, $version: Int!) {
      cancelBooking(id: $id, version: $version, input: {}) { userErrors { code } }
    }
"""
RESCHEDULE = """
    mutation ($id: ID!, $version: Int!, $input: RescheduleBookingInput!) {
      rescheduleBooking(id: $id, version: $version, input: $input) { userErrors { code } }
    }
"""
CURSOR = "{ bookings { eventCursor } }"


async def book(
    api: Api,
    venue: Venue,
    start: str,
    *,
    room: Room | None = None,
    also: Sequence[Room] = (),
    customer: Customer | None = None,
    by: Person | None = None,
) -> dict[str, Any]:
    given = {
        "roomId": api_id(room or venue.rooms[0]),
        "alsoRoomIds": [api_id(each) for each in also],
        "start": {"at": start},
        "durationMinutes": 60,
        "customer": {"id": api_id(customer or venue.customer)},
    }
    answer = await api(CREATE, {"input": given}, token=(by or venue.staff).token)
    assert answer.refusals == [], answer.payload
    booking: dict[str, Any] = answer.payload["booking"]
    return booking


async def cursor_now(api: Api, person: Person) -> str:
    text: str = (await api(CURSOR, token=person.token)).payload["eventCursor"]
    return text


async def following(client: Live, api: Api, person: Person, **filters: Any) -> Stream:
    """Opens a subscription that receives every event from now on."""
    after = await cursor_now(api, person)
    return await client.subscribe(EVENTS, {"after": after, **filters})


async def next_event(stream: Stream) -> Any:
    return (await stream.next())["bookingChanged"]


async def test_a_change_arrives_with_the_booking_as_it_is(
    runtime: Runtime, api: Api, server: str
) -> None:
    venue = await make_venue(runtime)
    async with live(server, token=venue.staff.token) as client:
        stream = await following(client, api, venue.staff)

        booking = await book(api, venue, "2027-03-02T18:00:00Z")

        event = await next_event(stream)
        cursor = event.pop("cursor")
        assert decode_cursor(cursor) is not None
        assert event == {
            "__typename": "BookingChanged",
            "type": "BOOKING_CREATED",
            "at": "2027-03-01T09:00:00Z",
            "booking": {
                "id": booking["id"],
                "status": "CONFIRMED",
                "version": 1,
                "room": {"name": "Room 1"},
            },
        }


async def test_a_subscription_without_a_cursor_begins_now(
    runtime: Runtime, api: Api, server: str
) -> None:
    venue = await make_venue(runtime)
    await book(api, venue, "2027-03-02T10:00:00Z")
    await until_behind_the_horizon(runtime, venue.owner)
    async with live(server, token=venue.staff.token) as client:
        stream = await client.subscribe(EVENTS)
        await until_followed(runtime, venue)

        # What is booked before its first look at the database has happened before "now".
        later = [(await book(api, venue, "2027-03-02T12:00:00Z"))["id"]]
        while stream.messages.empty() and len(later) < 10:
            later.append((await book(api, venue, f"2027-03-02T{12 + len(later)}:00:00Z"))["id"])
            await asyncio.sleep(0.5)

        event = await next_event(stream)
        assert event["booking"]["id"] in later


async def test_a_cursor_brings_all_that_was_missed_and_then_what_follows(
    runtime: Runtime, api: Api, server: str
) -> None:
    venue = await make_venue(runtime)
    after = await cursor_now(api, venue.staff)
    first = await book(api, venue, "2027-03-02T10:00:00Z")
    second = await book(api, venue, "2027-03-02T12:00:00Z")
    async with live(server, token=venue.staff.token) as client:
        stream = await client.subscribe(EVENTS, {"after": after})
        missed = [await next_event(stream), await next_event(stream)]

        third = await book(api, venue, "2027-03-02T14:00:00Z")
        following = await next_event(stream)

    ids = [event["booking"]["id"] for event in (*missed, following)]
    assert ids == [first["id"], second["id"], third["id"]]


async def test_the_cursor_of_an_event_is_where_to_go_on(
    runtime: Runtime, api: Api, server: str
) -> None:
    venue = await make_venue(runtime)
    after = await cursor_now(api, venue.staff)
    await book(api, venue, "2027-03-02T10:00:00Z")
    second = await book(api, venue, "2027-03-02T12:00:00Z")
    async with live(server, token=venue.staff.token) as client:
        seen = await next_event(await client.subscribe(EVENTS, {"after": after}))

    async with live(server, token=venue.staff.token) as client:
        stream = await client.subscribe(EVENTS, {"after": seen["cursor"]})

        event = await next_event(stream)

    assert event["booking"]["id"] == second["id"]


async def test_more_than_a_batch_is_replayed_in_order(
    runtime: Runtime, api: Api, server: str
) -> None:
    venue = await make_venue(runtime)
    after = await cursor_now(api, venue.staff)
    booking = await book(api, venue, "2027-03-02T10:00:00Z")
    await change_often(runtime, venue, booking["id"], times=700)
    async with live(server, token=venue.staff.token) as client:
        stream = await client.subscribe(EVENTS, {"after": after})

        events = [await next_event(stream) for _ in range(701)]

    places = [bookmark.place for event in events if (bookmark := decode_cursor(event["cursor"]))]
    assert len(set(places)) == 701
    assert places == sorted(places)


async def test_who_waits_for_an_event_holds_no_connection(
    runtime: Runtime, api: Api, server: str
) -> None:
    venue = await make_venue(runtime)
    async with live(server, token=venue.staff.token) as client:
        await client.subscribe(EVENTS)
        stream = await following(client, api, venue.staff)
        await book(api, venue, "2027-03-02T18:00:00Z")
        await next_event(stream)
        await until_followed(runtime, venue)

        await until_no_connection_is_held(runtime)


async def test_events_are_chosen_by_room_and_type(runtime: Runtime, api: Api, server: str) -> None:
    venue = await make_venue(runtime)
    first, second = venue.rooms
    async with live(server, token=venue.staff.token) as client:
        stream = await following(
            client, api, venue.staff, rooms=[api_id(second)], types=["BOOKING_CANCELLED"]
        )

        for room in (first, second):
            booking = await book(api, venue, "2027-03-02T18:00:00Z", room=room)
            await api(CANCEL, {"id": booking["id"], "version": 1}, token=venue.staff.token)

        event = await next_event(stream)
        assert (event["type"], event["booking"]["id"]) == ("BOOKING_CANCELLED", booking["id"])


async def test_a_room_hears_of_the_booking_that_leaves_it(
    runtime: Runtime, api: Api, server: str
) -> None:
    venue = await make_venue(runtime)
    first, second = venue.rooms
    booking = await book(api, venue, "2027-03-02T18:00:00Z", room=first)
    await until_behind_the_horizon(runtime, venue.owner)
    async with live(server, token=venue.staff.token) as client:
        stream = await following(client, api, venue.staff, rooms=[api_id(first)])

        given = {"roomId": api_id(second), "start": {"at": "2027-03-02T20:00:00Z"}}
        variables = {"id": booking["id"], "version": 1, "input": given}
        await api(RESCHEDULE, variables, token=venue.staff.token)

        event = await next_event(stream)
        assert event["type"] == "BOOKING_RESCHEDULED"
        assert event["booking"]["room"] == {"name": "Room 2"}


async def test_each_room_of_a_booking_hears_of_it(runtime: Runtime, api: Api, server: str) -> None:
    venue = await make_venue(runtime)
    second = venue.rooms[1]
    async with live(server, token=venue.staff.token) as client:
        stream = await following(client, api, venue.staff, rooms=[api_id(second)])

        both = await book(api, venue, "2027-03-02T18:00:00Z", also=[second])

        event = await next_event(stream)
        assert (event["booking"]["id"], event["booking"]["room"]) == (
            both["id"],
            {"name": "Room 1"},
        )


async def test_what_another_process_did_is_heard_of(
    runtime: Runtime, api: Api, server: str, settings: Settings, clock: StoppedClock
) -> None:
    venue = await make_venue(runtime)
    other = build_app(settings, clock=clock, with_graphiql=False)
    transport = httpx2.ASGITransport(other)
    async with (
        live(server, token=venue.staff.token) as client,
        other.router.lifespan_context(other),
        httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http,
    ):
        stream = await following(client, api, venue.staff)

        booking = await book(Api(http), venue, "2027-03-02T18:00:00Z")

        assert (await next_event(stream))["booking"]["id"] == booking["id"]


async def test_a_refused_change_is_never_heard_of(runtime: Runtime, api: Api, server: str) -> None:
    venue = await make_venue(runtime)
    await book(api, venue, "2027-03-02T18:00:00Z")
    await until_behind_the_horizon(runtime, venue.owner)
    async with live(server, token=venue.staff.token) as client:
        stream = await following(client, api, venue.staff)

        given = {
            "roomId": api_id(venue.rooms[0]),
            "start": {"at": "2027-03-02T18:00:00Z"},
            "durationMinutes": 60,
            "customer": {"id": api_id(venue.customer)},
        }
        refused = await api(CREATE, {"input": given}, token=venue.staff.token)
        done = await book(api, venue, "2027-03-02T20:00:00Z")

        assert refused.refusals == ["SLOT_TAKEN"]
        assert (await next_event(stream))["booking"]["id"] == done["id"]


async def test_another_tenant_hears_nothing(runtime: Runtime, api: Api, server: str) -> None:
    ours, theirs = await make_venue(runtime), await make_venue(runtime)
    async with live(server, token=theirs.owner.token) as client:
        stream = await following(client, api, theirs.owner)

        await book(api, ours, "2027-03-02T18:00:00Z")
        own = await book(api, theirs, "2027-03-02T20:00:00Z")

        assert (await next_event(stream))["booking"]["id"] == own["id"]


async def test_a_guest_hears_only_of_their_own_bookings(
    runtime: Runtime, api: Api, server: str
) -> None:
    venue = await make_venue(runtime)
    async with live(server, token=venue.guest.token) as client:
        stream = await following(client, api, venue.guest)

        await book(api, venue, "2027-03-02T18:00:00Z", customer=venue.other_customer)
        own = await book(api, venue, "2027-03-02T20:00:00Z", customer=venue.customer)

        assert (await next_event(stream))["booking"]["id"] == own["id"]


async def test_a_change_of_role_holds_for_the_next_event(
    runtime: Runtime, api: Api, server: str, clock: StoppedClock
) -> None:
    venue = await make_venue(runtime)
    async with live(server, token=venue.staff.token) as client:
        stream = await following(client, api, venue.staff)
        await book(api, venue, "2027-03-02T18:00:00Z", by=venue.owner)
        await next_event(stream)

        await make_a_guest(runtime, venue, venue.staff)
        clock.advance(seconds=5)
        await until_seen_as(client, totals=0)
        await book(api, venue, "2027-03-02T20:00:00Z", by=venue.owner)
        own = await book(
            api, venue, "2027-03-02T22:00:00Z", by=venue.owner, customer=venue.other_customer
        )

        assert (await next_event(stream))["booking"]["id"] == own["id"]


async def test_nobody_hears_anything_without_logging_in(
    runtime: Runtime, api: Api, server: str
) -> None:
    async with live(server) as client:
        stream = await client.subscribe(EVENTS)

        (error,) = await stream.errors()

    assert error["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("text", ["", "nonsense", "AAAA", "é", "A" * 50_000])
async def test_a_cursor_that_never_was_asks_for_a_refetch(
    runtime: Runtime, api: Api, server: str, text: str
) -> None:
    venue = await make_venue(runtime)
    async with live(server, token=venue.staff.token) as client:
        stream = await client.subscribe(EVENTS, {"after": text})

        event = await next_event(stream)
        booking = await book(api, venue, "2027-03-02T18:00:00Z")

        assert event["__typename"] == "ResyncRequired"
        assert event["reason"] == "The cursor is unknown."
        assert (await next_event(stream))["booking"]["id"] == booking["id"]


async def test_another_tenants_cursor_asks_for_a_refetch(
    runtime: Runtime, api: Api, server: str
) -> None:
    ours, theirs = await make_venue(runtime), await make_venue(runtime)
    after = await cursor_now(api, theirs.staff)
    async with live(server, token=ours.staff.token) as client:
        stream = await client.subscribe(EVENTS, {"after": after})

        event = await next_event(stream)

    assert event["__typename"] == "ResyncRequired"
    renewed_cursor = decode_cursor(event["cursor"])
    assert renewed_cursor is not None and renewed_cursor.tenant_id == ours.tenant.id


async def test_a_cursor_of_a_log_before_a_restore_asks_for_a_refetch(
    runtime: Runtime, api: Api, server: str, database: DatabaseUrls
) -> None:
    venue = await make_venue(runtime)
    after = await cursor_now(api, venue.staff)
    await run(
        database.owner, "SELECT setval('log_generations', last_value + 1) FROM log_generations"
    )
    async with live(server, token=venue.staff.token) as client:
        stream = await client.subscribe(EVENTS, {"after": after})

        event = await next_event(stream)
        booking = await book(api, venue, "2027-03-02T18:00:00Z")

        assert event["__typename"] == "ResyncRequired"
        assert (await next_event(stream))["booking"]["id"] == booking["id"]


async def test_replay_ends_after_seven_days(
    runtime: Runtime, api: Api, server: str, clock: StoppedClock
) -> None:
    venue = await make_venue(runtime)
    after = await cursor_now(api, venue.staff)
    await book(api, venue, "2027-03-20T18:00:00Z")
    await until_behind_the_horizon(runtime, venue.owner)

    clock.advance(days=7, seconds=1)
    async with live(server, token=renewed(runtime, venue.staff)) as client:
        event = await next_event(await client.subscribe(EVENTS, {"after": after}))

    assert event["__typename"] == "ResyncRequired"
    assert event["reason"] == "The cursor is older than 7 days."


async def test_events_arrive_in_time_after_the_bus_lost_its_connection(
    runtime: Runtime, api: Api, server: str, database: DatabaseUrls
) -> None:
    venue = await make_venue(runtime)
    async with live(server, token=venue.staff.token) as client:
        stream = await following(client, api, venue.staff)

        await run(
            database.relay,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'boom bus' AND datname = current_database()",
        )
        booking = await book(api, venue, "2027-03-02T18:00:00Z")

        event = await next_event(stream)
        assert event["booking"]["id"] == booking["id"]


async def test_a_subscription_outlives_the_loss_of_every_connection(
    runtime: Runtime, api: Api, server: str, database: DatabaseUrls
) -> None:
    venue = await make_venue(runtime)
    async with live(server, token=venue.staff.token) as client:
        stream = await following(client, api, venue.staff)
        first = await book(api, venue, "2027-03-02T18:00:00Z")
        await next_event(stream)

        for role in (database.app, database.relay):
            await run(
                role,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE usename = current_user AND datname = current_database() "
                "AND pid <> pg_backend_pid()",
            )
        await until_answered(api, venue.staff)
        await api(CANCEL, {"id": first["id"], "version": 1}, token=venue.staff.token)

        event = await next_event(stream)
        assert event["type"] == "BOOKING_CANCELLED"


async def test_who_falls_behind_is_told_to_refetch(runtime: Runtime, api: Api) -> None:
    venue = await make_venue(runtime)
    operation = Operation(runtime, venue.staff.actor, Request(new_id()))
    source = booking_changed(operation).__aiter__()
    async with (
        aclosing(source),
        relay_of(runtime).listening(
            venue.tenant.id, wants=lambda entry: entry.type == "ROOM_UPDATED"
        ) as marks,
    ):
        first = asyncio.ensure_future(anext(source))
        await until_followed(runtime, venue, listeners=2)
        booking = await book(api, venue, "2027-03-02T18:00:00Z")
        assert isinstance(await first, BookingChanged)
        await operation.release()

        await change_often(runtime, venue, booking["id"], times=1_001)
        await mark(runtime, venue)
        await marks.next()
        later = await book(api, venue, "2027-03-02T20:00:00Z")

        event = await anext(source)
        following = await anext(source)
        await operation.release()

    assert isinstance(event, ResyncRequired)
    assert event.reason == "The client was too slow, so events were dropped."
    assert isinstance(following, BookingChanged)
    assert api_id(following.booking) == later["id"]


# ------------------------------------------------------------------------------ steps


def relay_of(runtime: Runtime) -> Relay:
    relay = runtime.services[Relay]
    assert isinstance(relay, Relay)
    return relay


async def until_followed(runtime: Runtime, venue: Venue, *, listeners: int = 1) -> None:
    async with asyncio.timeout(60):
        while True:
            followed = relay_of(runtime)._followed.get(venue.tenant.id)
            if followed and followed.head and len(followed.listeners) == listeners:
                return
            await asyncio.sleep(0.01)


async def until_no_connection_is_held(runtime: Runtime) -> None:
    async with asyncio.timeout(60):
        while True:
            if runtime.database.pool_status["checked_out"] == 0:
                return
            await asyncio.sleep(0.01)


async def until_answered(api: Api, person: Person) -> None:
    async with asyncio.timeout(60):
        while True:
            if not (await api(CURSOR, token=person.token)).errors:
                return
            await asyncio.sleep(0.05)


async def until_seen_as(client: Live, totals: int) -> None:
    """Waits until the socket's caller sees a number of bookings."""
    async with asyncio.timeout(60):
        while True:
            stream = await client.subscribe("{ bookings { totalCount } }")
            if (await stream.next())["bookings"]["totalCount"] == totals:
                return
            await asyncio.sleep(0.1)


async def change_often(runtime: Runtime, venue: Venue, booking_id: str, *, times: int) -> None:
    """Logs a number of changes of a booking at once."""
    _, id = read_id(booking_id)

    async def change(scope: Scope) -> None:
        await scope.lock()
        for number in range(times):
            before, after = {"party_size": number}, {"party_size": number + 1}
            scope.emit(Event(EventType.BOOKING_UPDATED, "Booking", id, before=before, after=after))

    await perform(runtime, venue.staff.actor, Request(new_id()), change)


async def mark(runtime: Runtime, venue: Venue) -> None:
    """Logs another event."""

    async def change(scope: Scope) -> None:
        await scope.lock()
        scope.emit(Event(EventType.ROOM_UPDATED, "Room", venue.rooms[0].id))

    await perform(runtime, venue.staff.actor, Request(new_id()), change)


async def make_a_guest(runtime: Runtime, venue: Venue, person: Person) -> None:
    async def change(scope: Scope) -> None:
        await scope.lock()
        user = await scope.one(select(User).where(User.id == person.user.id))
        assert user is not None
        user.role = Role.CUSTOMER.value
        user.customer_id = venue.other_customer.id

    await perform(runtime, venue.owner.actor, Request(new_id()), change)


def renewed(runtime: Runtime, person: Person) -> str:
    """Returns a currently valid token."""
    tokens = runtime.services[Tokens]
    assert isinstance(tokens, Tokens)
    token, _ = tokens.sign(
        tenant_id=person.user.tenant_id,
        user_id=person.user.id,
        session_id=person.session.id,
        now=runtime.clock(),
    )
    return token


async def run(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
