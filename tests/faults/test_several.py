"""Several processes on one database: each delivers the others' events at once."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import quantiles
from time import monotonic
from typing import Any, Final

import pytest

from kit.clock import system_clock
from tests.faults.conftest import Say, new_venue
from tests.faults.postgres_faults import App, FaultyPostgres, serving
from tests.races.clients import Client
from tests.support.client import Stream, live
from tests.support.factories import Venue, api_id

LATEST_SECONDS: Final = 30
"""What a busy machine is allowed; those of a quiet one are told."""
LISTENERS: Final = 8
PAUSE_SECONDS: Final = 0.02

_BOOK: Final = """mutation ($room: ID!, $at: DateTime!) {
  createBooking(input: {roomId: $room, start: {at: $at}, durationMinutes: 60}) {
    booking { id } userErrors { code }
  }
}"""
_NOW: Final = "{ bookings { eventCursor } }"
_NEW: Final = """subscription ($after: EventCursor) {
  bookingChanged(types: [BOOKING_CREATED], after: $after) {
    ... on BookingChanged { booking { id } }
    ... on ResyncRequired { reason }
  }
}"""

pytestmark = pytest.mark.parametrize("number", [30, pytest.param(1_000, marks=pytest.mark.soak)])


@dataclass(frozen=True, slots=True)
class Booked:
    """A booking, with the times of its request and response."""

    id: str
    asked: float
    answered: float


async def test_two_workers_hear_of_each_other(
    house: FaultyPostgres, tmp_path: Path, say: Say, number: int
) -> None:
    async with serving(house, tmp_path, workers=2) as app:
        # Connections go to either: eight of them are with both, but for once in 128 times.
        await check(house, [app], say, number=number)


async def test_two_servers_hear_of_each_other(
    house: FaultyPostgres, app: App, tmp_path: Path, say: Say, number: int
) -> None:
    async with serving(house, tmp_path) as other:
        await check(house, [app, other], say, number=number)


async def check(house: FaultyPostgres, apps: Sequence[App], say: Say, *, number: int) -> None:
    """Books at each process in turn, and measures when the subscribers of each receive it."""
    venue = await new_venue(house)
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        streams = [
            await _listen(stack, apps[index % len(apps)], venue) for index in range(LISTENERS)
        ]
        hearing = [tasks.create_task(_hear(each, number)) for each in streams]
        booked = await _book(apps, venue, number=number)
        heard = await asyncio.gather(*hearing)

    assert all(moments.keys() == {each.id for each in booked} for moments in heard)
    after_answer = [moments[each.id] - each.answered for each in booked for moments in heard]
    since_asked = [moments[each.id] - each.asked for each in booked for moments in heard]
    say(
        f"{number} events to {LISTENERS} listeners: p95 {_p95(after_answer):.0f} ms after the "
        f"answer (p50 {_median(after_answer):.0f}), p95 {_p95(since_asked):.0f} ms since asked"
    )
    assert _p95(after_answer) < 1000 * LATEST_SECONDS


async def _listen(stack: AsyncExitStack, app: App, venue: Venue) -> Stream:
    client = await stack.enter_async_context(live(app.address, token=venue.owner.token))
    now = await (await client.subscribe(_NOW)).next()
    return await client.subscribe(_NEW, {"after": now["bookings"]["eventCursor"]})


async def _book(apps: Sequence[App], venue: Venue, *, number: int) -> list[Booked]:
    first = (system_clock() + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    booked = []
    for index in range(number):
        hours, room = divmod(index, len(venue.rooms))
        given = {"room": api_id(venue.rooms[room]), "at": first + timedelta(hours=hours)}
        booked.append(await _book_one(apps[index % len(apps)], venue, given))
        await asyncio.sleep(PAUSE_SECONDS)
    return booked


async def _book_one(app: App, venue: Venue, given: Mapping[str, Any]) -> Booked:
    # By a connection of its own: of several processes any may take it.
    client = await Client.connect(app.address, token=venue.owner.token)
    asked = monotonic()
    answer = await client.ask(_BOOK, given)
    answered = monotonic()
    await client.close()
    assert answer.refusals == [], answer
    return Booked(answer.payload["booking"]["id"], asked, answered)


async def _hear(stream: Stream, number: int) -> dict[str, float]:
    """Returns when each booking's event was received."""
    moments: dict[str, float] = {}
    for _ in range(number):
        event: Any = (await stream.next(within=120))["bookingChanged"]
        moments[event["booking"]["id"]] = monotonic()
    return moments


def _p95(seconds: Sequence[float]) -> float:
    """Returns the 95th percentile in milliseconds."""
    return 1000 * quantiles(seconds, n=20)[-1]


def _median(seconds: Sequence[float]) -> float:
    """Returns the median in milliseconds."""
    return 1000 * quantiles(seconds, n=2)[0]
