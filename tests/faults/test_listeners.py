"""Subscribers miss nothing when a process or connection ends, and resume soon."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from time import monotonic
from typing import Any, Final

import pytest

from domain.core.log_events import EventType
from kit.events.event_cursors import EventCursor
from tests.faults.changes import Changes, Wanted, cursor_now, lasting_key, logged
from tests.faults.conftest import Say
from tests.faults.followers import EVENTS, Follower
from tests.faults.postgres_faults import App, FaultyPostgres
from tests.faults.test_replay import TYPES, some_of
from tests.faults.writers import Writers
from tests.support.client import Live, Stream, live
from tests.support.factories import Venue

SILENT_SECONDS: Final = 30
LATEST_SECONDS: Final = 10
"""What a busy machine is allowed; those of a quiet one are told."""
CLIENTS: Final = 200
_AT_ONCE: Final = 20


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(
            FaultyPostgres.terminate_the_bus, id="the connection that listens is terminated"
        ),
        pytest.param(FaultyPostgres.terminate_the_relay, id="the relay is terminated"),
        pytest.param(FaultyPostgres.kill_a_connection, id="a backend is killed"),
        pytest.param(FaultyPostgres.kill_everything, id="the postmaster is killed"),
    ],
)
async def test_nobody_is_silent_for_long(
    house: FaultyPostgres,
    app: App,
    venue: Venue,
    say: Say,
    fault: Callable[[FaultyPostgres], Awaitable[None]],
) -> None:
    wanted = Wanted(venue.rooms, (EventType.BOOKING_CREATED,))
    after = await cursor_now(app.address, venue)
    followers = [
        Follower(app.address, person.token, wanted, after, random.Random(1))
        for person in 5 * (venue.owner, venue.admin, venue.manager, venue.staff)
    ]
    writers = Writers(app.address, venue, [venue.owner, venue.admin])
    pids = [each.pid for each in app.workers]

    async with asyncio.TaskGroup() as tasks:
        following = [tasks.create_task(each.follow()) for each in followers]
        async with writers.at_work(number=4, pause_seconds=0.02) as report:
            await writers.gain(8)
            await asyncio.gather(*(each.has(1) for each in followers))

            await fault(house)

            back = monotonic()
            await writers.gain(8)
        expected = await logged(house, venue, wanted, after=after)
        await asyncio.gather(*(each.has(len(expected)) for each in followers))
        for task in following:
            task.cancel()

    silent = max(each.silent_after(back) for each in followers)
    say(
        f"{len(expected)} events; after the database was back, the first change was answered after "
        f"{report.first_success_after(back):.2f} s, and all {len(followers)} heard of one after "
        f"{silent:.2f} s"
    )
    assert [each.cursors for each in followers] == len(followers) * [expected]
    assert len(expected) == len(report.bookings)
    assert {each.connections for each in followers} == {1}
    assert [each.pid for each in app.workers] == pids
    assert silent < SILENT_SECONDS


@pytest.mark.parametrize(
    ("kills", "number"), [(4, 120), pytest.param(20, 5_000, marks=pytest.mark.soak)]
)
async def test_a_relay_that_ends_again_and_again_loses_nothing(
    house: FaultyPostgres, app: App, venue: Venue, say: Say, kills: int, number: int
) -> None:
    draw = random.Random(number)
    after = await cursor_now(app.address, venue)
    key = await lasting_key(app.address, venue)
    followers = [
        Follower(app.address, key, wanted, after, draw)
        for wanted in (Wanted(venue.rooms, TYPES), some_of(venue, draw), some_of(venue, draw))
    ]
    changes = Changes(app.address, venue, key, at_most=number)
    began = monotonic()

    async with asyncio.TaskGroup() as tasks:
        following = [tasks.create_task(each.follow()) for each in followers]
        changing = tasks.create_task(changes.make())
        for kill in range(kills):
            await changes.until((kill + 1) * number // (kills + 1))
            await house.terminate_the_relay()
        await changing
        written = monotonic()
        expected = [await logged(house, venue, each.wanted, after=after) for each in followers]
        for each, log in zip(followers, expected, strict=True):
            await each.has(len(log))
        for task in following:
            task.cancel()

    late = max(each.moments[-1] for each in followers) - written
    say(f"{number} changes in {written - began:.1f} s, {kills} kills; {late:.1f} s later all knew")
    assert changes.done == number == len(expected[0])
    assert [each.cursors for each in followers] == expected
    assert {each.connections for each in followers} == {1}


async def test_those_who_come_all_at_once_miss_nothing(
    house: FaultyPostgres, app: App, venue: Venue, say: Say
) -> None:
    """Some have missed much and some nothing, and changes are made all the while."""
    changes = Changes(app.address, venue, venue.owner.token, at_most=120)
    changes.allowed = 40
    start = await cursor_now(app.address, venue)
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        changing = tasks.create_task(changes.make())
        await changes.until(40)
        later = await cursor_now(app.address, venue)
        clients = await _connected(stack, app, venue)
        wanted = [Wanted(venue.rooms, TYPES), Wanted(venue.rooms[:3], TYPES[:2])]
        asked = [
            {**wanted[number % 2].variables, "after": (start, later)[number // 2 % 2]}
            for number in range(CLIENTS)
        ]
        changes.allowed = 120
        began = monotonic()
        streams = await asyncio.gather(
            *(client.subscribe(EVENTS, each) for client, each in zip(clients, asked, strict=True))
        )
        took = monotonic() - began
        await changing
        written = monotonic()
        logs = [
            await logged(house, venue, wanted[number % 2], after=(start, later)[number // 2])
            for number in range(4)
        ]
        expected = [logs[number % 4] for number in range(CLIENTS)]
        heard = await asyncio.gather(
            *(_hear(stream, len(log)) for stream, log in zip(streams, expected, strict=True))
        )
        late = monotonic() - written

    say(
        f"{CLIENTS} subscriptions in {1000 * took:.0f} ms; all knew all {late:.1f} s after "
        f"the last change"
    )
    assert took < LATEST_SECONDS
    assert len(logs[0]) == 120 and len(logs[2]) == 80
    assert heard == expected


async def _connected(stack: AsyncExitStack, app: App, venue: Venue) -> list[Live]:
    limit = asyncio.Semaphore(_AT_ONCE)

    async def enter() -> Live:
        async with limit:
            return await stack.enter_async_context(live(app.address, token=venue.owner.token))

    return await asyncio.gather(*(enter() for _ in range(CLIENTS)))


async def _hear(stream: Stream, number: int) -> list[EventCursor]:
    """Returns the cursors of so many events, and of those that came too many."""
    cursors = [await _cursor_of(stream) for _ in range(number)]
    while not stream.messages.empty():
        cursors.append(await _cursor_of(stream))
    return cursors


async def _cursor_of(stream: Stream) -> EventCursor:
    event: Any = (await stream.next(within=60))["bookingChanged"]
    assert "cursor" in event, event
    return EventCursor(event["cursor"])
