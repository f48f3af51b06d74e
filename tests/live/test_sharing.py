"""Equal subscriptions share one execution, except between callers with other permissions."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from kit.runtime import Runtime
from tests.api.bookings.test_live import (
    EVENTS,
    book,
    change_often,
    cursor_now,
    following,
    make_a_guest,
    next_event,
    until_seen_as,
)
from tests.support.client import Api, Live, Stream, live, socket
from tests.support.clock import StoppedClock
from tests.support.factories import make_venue
from tests.support.horizon import until_behind_the_horizon
from tests.support.sse import events
from tests.support.statements import statements

SUBSCRIBERS = 100
NOTE = """
    mutation ($id: ID!, $input: UpdateBookingInput!) {
      updateBooking(id: $id, version: 1, input: $input) { userErrors { code } }
    }
"""
# Twenty thousand characters each.
LONG_EVENTS = EVENTS.replace("id status", "id status " + " ".join(f"n{n}: note" for n in range(10)))


async def ready(client: Live, stream: Stream) -> None:
    """Waits for the replay, which a query on the same socket may overtake."""
    assert (await next_event(stream))["__typename"] == "BookingChanged"
    await (await client.subscribe("{ __typename }")).next()


async def until_quiet(runtime: Runtime) -> None:
    """Waits until all subscribers are past their replay."""
    async with asyncio.timeout(60):
        while runtime.database.pool_status["checked_out"]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)


async def test_an_event_is_read_once_for_all_who_ask_the_same(
    runtime: Runtime, api: Api, server: str
) -> None:
    venue = await make_venue(runtime)
    after = await cursor_now(api, venue.staff)
    first = await book(api, venue, "2027-03-02T10:00:00Z")
    await until_behind_the_horizon(runtime, venue.owner)
    async with live(server, token=venue.staff.token) as client:
        alone = await client.subscribe(EVENTS, {"after": after})
        await ready(client, alone)
        await until_quiet(runtime)
        with statements(runtime) as for_one:
            await change_often(runtime, venue, first["id"], times=1)
            await next_event(alone)

        await until_behind_the_horizon(runtime, venue.owner)
        others = [await client.subscribe(EVENTS, {"after": after}) for _ in range(SUBSCRIBERS - 1)]
        for stream in others:
            await next_event(stream)
            await next_event(stream)
        await until_quiet(runtime)
        with statements(runtime) as for_all:
            await change_often(runtime, venue, first["id"], times=1)
            events = [await next_event(stream) for stream in (alone, *others)]

    assert len(for_one) > 0
    assert for_all == for_one
    assert [event["booking"]["id"] for event in events] == [first["id"]] * SUBSCRIBERS


async def test_sockets_and_streams_of_events_share(runtime: Runtime, api: Api, server: str) -> None:
    venue = await make_venue(runtime)
    variables = {"after": await cursor_now(api, venue.staff)}
    first = await book(api, venue, "2027-03-02T10:00:00Z")
    await until_behind_the_horizon(runtime, venue.owner)
    async with live(server, token=venue.staff.token) as client:
        alone = await client.subscribe(EVENTS, variables)
        await ready(client, alone)
        await until_quiet(runtime)
        with statements(runtime) as for_one:
            await change_often(runtime, venue, first["id"], times=1)
            await next_event(alone)

        await until_behind_the_horizon(runtime, venue.owner)
        async with events(server, EVENTS, variables, token=venue.staff.token) as stream:
            assert len([await stream.event() for _ in range(2)]) == 2
            await until_quiet(runtime)
            with statements(runtime) as for_both:
                await change_often(runtime, venue, first["id"], times=1)
                on_the_socket = await next_event(alone)
                as_event = await stream.event()

    assert for_both == for_one
    assert as_event["data"]["bookingChanged"] == on_the_socket


async def test_each_is_told_by_the_id_that_it_chose(
    runtime: Runtime, api: Api, server: str
) -> None:
    venue = await make_venue(runtime)
    ids = ["1", '"}', "\u2028 \\ é", "%s{}", "x" * 500]
    async with socket(server) as connection:
        token = {"authorization": venue.staff.token}
        await connection.send(orjson.dumps({"type": "connection_init", "payload": token}).decode())
        await connection.recv()
        after = {"after": await cursor_now(api, venue.staff)}
        for id in ids:
            asked = {"query": EVENTS, "variables": after}
            message = {"id": id, "type": "subscribe", "payload": asked}
            await connection.send(orjson.dumps(message).decode())
        await book(api, venue, "2027-03-02T10:00:00Z")
        async with asyncio.timeout(60):
            frames = [await connection.recv() for _ in ids]

    assert {type(frame) for frame in frames} == {str}
    messages = [orjson.loads(frame) for frame in frames]
    assert sorted(message["id"] for message in messages) == sorted(ids)
    assert [message["type"] for message in messages] == ["next"] * len(ids)
    assert [message["payload"] for message in messages] == [messages[0]["payload"]] * len(ids)


async def test_what_was_missed_is_read_together(runtime: Runtime, api: Api, server: str) -> None:
    venue = await make_venue(runtime)
    after = await cursor_now(api, venue.staff)
    booking = await book(api, venue, "2027-03-02T10:00:00Z")
    async with live(server, token=venue.staff.token) as client:
        with statements(runtime) as for_one:
            await next_event(await client.subscribe(EVENTS, {"after": after}))

        with statements(runtime) as for_all:
            streams = [await client.subscribe(EVENTS, {"after": after}) for _ in range(90)]
            events = [await next_event(stream) for stream in streams]

    assert [event["booking"]["id"] for event in events] == [booking["id"]] * 90
    assert len(for_all) < 45 * len(for_one)


async def test_two_guests_never_share(runtime: Runtime, api: Api, server: str) -> None:
    venue, other = await make_venue(runtime), await make_venue(runtime)
    await make_a_guest(runtime, venue, venue.staff)
    async with (
        live(server, token=venue.guest.token) as first,
        live(server, token=venue.staff.token) as second,
        live(server, token=other.guest.token) as third,
    ):
        after = await cursor_now(api, venue.guest)
        streams = [await client.subscribe(EVENTS, {"after": after}) for client in (first, second)]
        await third.subscribe(EVENTS)

        theirs = await book(
            api,
            venue,
            "2027-03-02T18:00:00Z",
            customer=venue.other_customer,
            by=venue.owner,
        )
        own = await book(api, venue, "2027-03-02T20:00:00Z", by=venue.owner)

        assert (await next_event(streams[0]))["booking"]["id"] == own["id"]
        assert (await next_event(streams[1]))["booking"]["id"] == theirs["id"]
        await asyncio.sleep(0.2)
        assert [stream.messages.qsize() for stream in streams] == [0, 0]


async def test_who_loses_a_role_leaves_the_others(
    runtime: Runtime, api: Api, server: str, clock: StoppedClock
) -> None:
    venue = await make_venue(runtime)
    async with (
        live(server, token=venue.staff.token) as client,
        live(server, token=venue.manager.token) as other,
    ):
        stream = await following(client, api, venue.staff)
        kept = await following(other, api, venue.manager)
        await book(api, venue, "2027-03-02T18:00:00Z", by=venue.owner)
        await next_event(stream)
        await next_event(kept)

        await make_a_guest(runtime, venue, venue.staff)
        clock.advance(seconds=5)
        await until_seen_as(client, totals=0)
        hidden = await book(api, venue, "2027-03-02T20:00:00Z", by=venue.owner)
        own = await book(
            api, venue, "2027-03-02T22:00:00Z", by=venue.owner, customer=venue.other_customer
        )

        assert (await next_event(stream))["booking"]["id"] == own["id"]
        seen = [(await next_event(kept))["booking"]["id"] for _ in range(2)]
    assert seen == [hidden["id"], own["id"]]


async def test_who_joins_while_others_write_gets_all_of_it_once(
    runtime: Runtime, api: Api, server: str
) -> None:
    venue = await make_venue(runtime)
    after = await cursor_now(api, venue.staff)
    bookings = [
        await book(api, venue, f"2027-03-0{day}T10:00:00Z", room=room)
        for day in (2, 3)
        for room in venue.rooms
    ]

    async def write(booking: dict[str, Any]) -> None:
        for _ in range(8):
            await change_often(runtime, venue, booking["id"], times=1)

    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(live(server, token=venue.staff.token))
            for _ in range(10)
        ]
        writing = asyncio.gather(*(write(booking) for booking in bookings))
        streams = []
        for client in clients:
            streams.append(await client.subscribe(EVENTS, {"after": after}))
            await asyncio.sleep(0.05)
        await writing
        total = len(bookings) * 9
        seen = [[(await next_event(stream))["cursor"] for _ in range(total)] for stream in streams]
        await asyncio.sleep(0.3)
        left = [stream.messages.qsize() for stream in streams]

    assert seen == [seen[0]] * len(streams)
    assert len(set(seen[0])) == total
    assert left == [0] * len(streams)


async def test_a_client_that_reads_nothing_holds_up_nobody(
    runtime: Runtime, api: Api, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("execution.subscriber.QUEUE_LENGTH", 20)
    venue = await make_venue(runtime)
    booking = await book(api, venue, "2027-03-02T10:00:00Z")
    noted = {"id": booking["id"], "input": {"note": "x" * 2_000}}
    assert (await api(NOTE, noted, token=venue.staff.token)).refusals == []
    await until_behind_the_horizon(runtime, venue.staff)
    after = {"after": await cursor_now(api, venue.staff)}
    async with (
        live(server, token=venue.staff.token) as stalled,
        live(server, token=venue.staff.token) as reading,
    ):
        behind = await stalled.subscribe(LONG_EVENTS, after)
        stream = await reading.subscribe(LONG_EVENTS, after)
        await change_often(runtime, venue, booking["id"], times=1)
        await next_event(behind)
        await next_event(stream)
        stalled.socket.transport.pause_reading()
        for _ in range(5):
            await change_often(runtime, venue, booking["id"], times=40)
            for _ in range(40):
                await next_event(stream)

        stalled.socket.transport.resume_reading()
        taken = 0
        while (event := await next_event(behind))["__typename"] != "ResyncRequired":
            taken += 1
        later = await book(api, venue, "2027-03-02T20:00:00Z")
        while (delivered := await next_event(behind))["booking"]["id"] == booking["id"]:
            taken += 1

    assert taken < 200
    assert event["reason"] == "The client was too slow, so events were dropped."
    assert delivered["booking"]["id"] == later["id"]


async def test_a_client_that_reads_nothing_for_long_is_left(
    runtime: Runtime, api: Api, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("execution.subscriber.SEND_TIMEOUT_SECONDS", 1)
    monkeypatch.setattr("web.graphql.sse.SEND_TIMEOUT_SECONDS", 1)
    venue = await make_venue(runtime)
    booking = await book(api, venue, "2027-03-02T10:00:00Z")
    noted = {"id": booking["id"], "input": {"note": "x" * 2_000}}
    assert (await api(NOTE, noted, token=venue.staff.token)).refusals == []
    await until_behind_the_horizon(runtime, venue.staff)
    after = {"after": await cursor_now(api, venue.staff)}
    token = venue.staff.token
    async with (
        live(server, token=token) as stalled,
        events(server, LONG_EVENTS, after, token=token) as stalled_events,
        live(server, token=token) as reading,
    ):
        await stalled.subscribe(LONG_EVENTS, after)
        stream = await reading.subscribe(LONG_EVENTS, after)
        stalled.socket.transport.pause_reading()
        with capture_logs() as logs:
            # More than all buffers between them and the server hold.
            for _ in range(10):
                await change_often(runtime, venue, booking["id"], times=40)
                for _ in range(40):
                    await next_event(stream)
            async with asyncio.timeout(60):
                while [log.get("type") for log in logs].count("subscription") < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        later = await book(api, venue, "2027-03-02T20:00:00Z")
        assert (await next_event(stream))["booking"]["id"] == later["id"]
        stalled.socket.transport.resume_reading()
        assert await stalled.closed() is not None
        assert await stalled_events.is_cut_off()
