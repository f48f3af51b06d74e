"""A subscriber that is cut off repeatedly gets the whole log: no gap, no duplicate."""

import asyncio
import random
from time import monotonic
from typing import Final

import pytest

from domain.core.log_events import EventType
from tests.faults.changes import Changes, Wanted, cursor_now, lasting_key, logged
from tests.faults.conftest import Say
from tests.faults.followers import Follower
from tests.faults.postgres_faults import App, FaultyPostgres
from tests.support.factories import Venue

TYPES: Final = (
    EventType.BOOKING_CREATED,
    EventType.BOOKING_UPDATED,
    EventType.BOOKING_RESCHEDULED,
    EventType.BOOKING_CANCELLED,
)
FOLLOWERS: Final = 4
AHEAD: Final = 20
"""So many changes may be made before the next cut."""


@pytest.mark.parametrize(
    ("cuts", "number"), [(20, 300), pytest.param(200, 5_000, marks=pytest.mark.soak)]
)
async def test_cut_off_at_random_everybody_has_the_servers_log(
    house: FaultyPostgres, app: App, venue: Venue, say: Say, cuts: int, number: int
) -> None:
    draw = random.Random(number)
    after = await cursor_now(app.address, venue)
    key = await lasting_key(app.address, venue)
    followers = [
        Follower(app.address, key, wanted, after, draw)
        for wanted in (
            # Two who want all, and so share what is worked out; the others have what they like.
            *[Wanted(venue.rooms, TYPES)] * 2,
            *(some_of(venue, draw) for _ in range(FOLLOWERS - 2)),
        )
    ]
    changes = Changes(app.address, venue, key, at_most=number)
    began = monotonic()
    behind = 0

    async with asyncio.TaskGroup() as tasks:
        following = [tasks.create_task(each.follow()) for each in followers]
        changing = tasks.create_task(changes.make())
        for cut in range(cuts):
            changes.allowed = cut * number // cuts + AHEAD
            await changes.until(cut * number // cuts)
            victim = draw.choice(followers)
            await victim.follows.wait()
            done = changes.done
            # At once it is still being told what it missed, later what happens.
            await victim.cut(after_seconds=draw.choice((0, 0.005, 0.02, 0.1)))
            behind += victim.wanted.types == TYPES and len(victim.cursors) < done
        changes.allowed = number
        await changing
        written = monotonic()
        expected = [await logged(house, venue, each.wanted, after=after) for each in followers]
        for each, log in zip(followers, expected, strict=True):
            await each.has(len(log))
        await asyncio.sleep(0.5)
        for task in following:
            task.cancel()

    late = max(each.moments[-1] for each in followers) - written
    say(
        f"{number} changes in {written - began:.1f} s, {cuts} cuts, at least {behind} of them "
        f"before all was told again; {late:.1f} s later everybody knew all"
    )
    assert changes.done == number == len(expected[0])
    assert sum(each.cuts for each in followers) == cuts
    assert [each.cursors for each in followers] == expected


def some_of(venue: Venue, draw: random.Random) -> Wanted:
    """Returns some rooms and some types, at random."""
    rooms = draw.sample(venue.rooms, draw.randint(2, len(venue.rooms)))
    return Wanted(tuple(rooms), draw.sample(TYPES, draw.randint(1, len(TYPES))))
