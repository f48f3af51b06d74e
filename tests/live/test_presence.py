"""How many others look at a day, live, over two processes."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from app import build_app
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from kit.security.passwords import Passwords
from kit.settings import Settings
from subscriptions.presence import Presence
from tests.support.client import Stream, live
from tests.support.clock import StoppedClock
from tests.support.database import SECRET
from tests.support.factories import Venue, api_id, make_venue
from tests.support.statements import background

TTL_SECONDS: Final = 3.0
OTHER_TTL_SECONDS: Final = 0.6
"""The other process says it so often that a busy machine isn't taken for a dead one."""
PRESENCE: Final = """
    subscription ($date: Date!, $rooms: [ID!]) {
      presenceChanged(date: $date, roomIds: $rooms) { others rooms { roomId others } }
    }
"""
DAY: Final = {"date": "2027-03-02"}


@pytest_asyncio.fixture
async def app(settings: Settings, clock: StoppedClock) -> AsyncIterator[Starlette]:
    """The app, where what a dead process has said is forgotten after 3 seconds."""
    built = build_app(
        settings,
        clock=clock,
        services={Passwords: Passwords.cheap(), Presence: Presence(ttl_seconds=TTL_SECONDS)},
        with_graphiql=False,
    )
    async with AsyncExitStack() as running:
        with background():
            await running.enter_async_context(built.router.lifespan_context(built))
        yield built


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


@pytest.fixture
def other_process(database: DatabaseUrls, tmp_path: Path) -> Iterator[tuple[str, Any]]:
    """The address of another process on the same database, and the process."""
    environment = {
        **os.environ,
        "BOOM_ENV": "test",
        "BOOM_DATA": str(tmp_path),
        "BOOM_APP_DATABASE_URL": database.app,
        "BOOM_RELAY_DATABASE_URL": database.relay,
        "BOOM_SECRET": SECRET.decode(),
    }
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.live.presence_process",
                str(listener.fileno()),
                str(OTHER_TTL_SECONDS),
            ],
            env=environment,
            pass_fds=[listener.fileno()],
        )
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", process
        process.kill()
        process.wait()


async def until(stream: Stream, expected: dict[str, Any]) -> None:
    """Waits for an event; others that come before it are of what came before."""
    while (await stream.next())["presenceChanged"] != expected:
        pass


async def test_each_sees_how_many_others_look_at_the_rooms(server: str, venue: Venue) -> None:
    first, second = map(api_id, venue.rooms)
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(live(server, token=venue.staff.token))
        phone = await stack.enter_async_context(live(server, token=venue.staff.token))
        guest = await stack.enter_async_context(live(server, token=venue.guest.token))
        alone = await desk.subscribe(PRESENCE, DAY)
        assert (await alone.next())["presenceChanged"] == {"others": 0, "rooms": []}

        theirs = await guest.subscribe(PRESENCE, {**DAY, "rooms": [first]})
        # The same user on another device, and another day: neither counts.
        await phone.subscribe(PRESENCE, {**DAY, "rooms": [second]})
        await guest.subscribe(PRESENCE, {"date": "2027-03-03"})

        looked_at = {"others": 1, "rooms": [{"roomId": first, "others": 1}]}
        await until(alone, looked_at)
        assert (await theirs.next())["presenceChanged"] == looked_at

        await guest.stop(theirs)
        await until(alone, {"others": 0, "rooms": []})


async def test_another_venue_sees_nobody(server: str, runtime: Runtime, venue: Venue) -> None:
    other = await make_venue(runtime)
    async with (
        live(server, token=venue.staff.token) as ours,
        live(server, token=other.staff.token) as theirs,
    ):
        await (await ours.subscribe(PRESENCE, DAY)).next()
        seen = await theirs.subscribe(PRESENCE, DAY)
        unknown = await theirs.subscribe(PRESENCE, {**DAY, "rooms": [api_id(venue.rooms[0])]})

        assert (await seen.next())["presenceChanged"] == {"others": 0, "rooms": []}
        (error,) = await unknown.errors()
        assert error["message"] == "There is no such room."


async def test_the_viewers_of_a_killed_process_are_gone_after_a_while(
    server: str, venue: Venue, other_process: tuple[str, Any]
) -> None:
    address, process = other_process
    await _is_up(address)
    async with live(server, token=venue.staff.token) as desk:
        stream = await desk.subscribe(PRESENCE, DAY)
        assert (await stream.next())["presenceChanged"]["others"] == 0

        async with live(address, token=venue.guest.token) as guest:
            theirs = await guest.subscribe(PRESENCE, DAY)
            await until(stream, {"others": 1, "rooms": []})
            await until(theirs, {"others": 1, "rooms": []})
            # It says so again and again, so that its viewer stays.
            with pytest.raises(TimeoutError):
                await stream.next(within=TTL_SECONDS + 1)
            process.kill()

        await until(stream, {"others": 0, "rooms": []})


async def _is_up(address: str) -> None:
    async with httpx2.AsyncClient(base_url=address) as http, asyncio.timeout(60):
        while True:
            try:
                (await http.get("/livez", timeout=60)).raise_for_status()
                return
            except httpx2.HTTPError:
                await asyncio.sleep(0.1)
