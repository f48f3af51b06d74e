"""A snapshot of availability updated by deltas equals a new read, after random changes."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kit.runtime import Runtime
from tests.live.calendars import Calendar, Turmoil, read_anew
from tests.support.client import Api, live
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient, rfc
from tests.support.factories import Venue, api_id, make_venue

# The clock of Berlin is put forward on 28 March 2027, at 01:00 UTC.
NOON = datetime(2027, 3, 28, 0, tzinfo=UTC)
KEY = """
    mutation ($input: CreateApiKeyInput!) {
      createApiKey(input: $input) { secret userErrors { message } }
    }
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polls often, because tests move the clock."""
    monkeypatch.setattr("subscriptions.availability_changes.MAX_WAIT", timedelta(seconds=0.02))


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.soak)])
async def test_deltas_lead_to_what_is_read_anew(
    runtime: Runtime, api: Api, server: str, clock: StoppedClock, seed: int
) -> None:
    await check(runtime, api, server, clock, seed=seed, changes=60)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 106))
async def test_deltas_lead_to_what_is_read_anew_for_long(
    runtime: Runtime, api: Api, server: str, clock: StoppedClock, seed: int
) -> None:
    await check(runtime, api, server, clock, seed=seed, changes=1_000)


async def check(
    runtime: Runtime, api: Api, server: str, clock: StoppedClock, *, seed: int, changes: int
) -> None:
    """Compares four clients' state with new reads, during a number of changes."""
    draw = random.Random(seed)
    clock.now = NOON - timedelta(hours=8)
    venue = await make_venue(runtime, rooms=3, min_notice_minutes=60)
    turmoil = Turmoil(api, runtime, venue, clock, draw, NOON)
    owner = BookingClient(api, runtime, venue.owner)
    calendars = await calendars_of(owner, venue)
    key = await key_of(api, venue)
    async with live(server, token=key) as client:
        for number in range(4 * changes):
            if turmoil.done == changes:
                break
            for calendar in calendars:
                if calendar.stream is None:
                    await calendar.follow(client)
                elif draw.random() < 0.1:
                    await calendar.leave(client)
            what = await turmoil.change()
            followed = [each for each in calendars if each.stream is not None]
            anew = await read_anew(owner, followed) if followed else []
            for calendar, (slots, _) in zip(followed, anew, strict=True):
                try:
                    await calendar.until_as(slots)
                except AssertionError as error:
                    raise AssertionError(f"seed {seed}, change {number}: {what}") from error
    assert turmoil.done == changes
    assert [calendar.resyncs for calendar in calendars] == [0, 0, 0, 0]
    assert all(calendar.deltas > changes // 10 for calendar in calendars)


async def calendars_of(owner: BookingClient, venue: Venue) -> list[Calendar]:
    times = {"from": rfc(NOON - timedelta(hours=10)), "to": rfc(NOON + timedelta(hours=22))}
    rooms = [api_id(room) for room in venue.rooms[:2]]
    queries: list[dict[str, Any]] = [
        {**times, "durationMinutes": 60},
        {**times, "durationMinutes": 60, "includeUnavailable": True},
        {**times, "durationMinutes": 90, "includeUnavailable": True, "roomIds": rooms},
        {**times, "durationMinutes": 30, "partySize": 2, "roomIds": rooms},
    ]
    calendars = [Calendar(query) for query in queries]
    for calendar, (slots, cursor) in zip(calendars, await read_anew(owner, calendars), strict=True):
        calendar.slots, calendar.cursor = slots, cursor
    return calendars


async def key_of(api: Api, venue: Venue) -> str:
    """Returns a credential that doesn't expire, with the owner's permissions."""
    permissions = ["availability:read", "bookings:override", "rooms:read", "prices:read"]
    given = {"name": "Screen", "permissions": permissions}
    secret: str = (await api(KEY, {"input": given}, token=venue.owner.token)).payload["secret"]
    return secret
