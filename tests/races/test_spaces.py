"""Concurrent bookings of halls, their parts, and several rooms at once."""

from collections.abc import Awaitable, Callable
from itertools import product

import pytest
from sqlalchemy import update
from sqlmodel import col

from kit.actor import Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.venue.rooms import Room
from resolvers.core.transactions import perform
from tests.races.actions import slot_at
from tests.races.conftest import Say
from tests.races.outcome import books
from tests.races.racers import Racer, at_once, racers, refusals, summary, waits, winners
from tests.support.client import Answer
from tests.support.factories import Venue, api_id, make_venue

HALL = 2
_BOOK_ALL = """mutation ($room: ID!, $also: [ID!]!, $at: DateTime!, $minutes: Int!) {
  createBooking(input: {
    roomId: $room, alsoRoomIds: $also, start: {at: $at}, durationMinutes: $minutes
  }) { booking { id version status } userErrors { code } }
}"""


async def with_a_hall(runtime: Runtime) -> Venue:
    """Returns a venue of two halves, the hall of both, and another room."""
    venue = await make_venue(runtime, rooms=4, min_notice_minutes=0)

    async def combine(scope: Scope) -> None:
        await scope.lock()
        halves = sorted(room.id for room in venue.rooms[:HALL])
        hall = (col(Room.tenant_id) == venue.tenant.id, col(Room.id) == venue.rooms[HALL].id)
        await scope.run(update(Room).where(*hall).values(part_ids=halves, space_ids=halves))

    await perform(runtime, venue.owner.actor, Request(new_id()), combine)
    return venue


def pair(racer: Racer, venue: Venue, hours: float, one: int, other: int) -> Awaitable[Answer]:
    slot = slot_at(venue, hours, room=one)
    also = [api_id(venue.rooms[other])]
    return racer.client.ask(_BOOK_ALL, {**slot.variables, "also": also})


Way = Callable[[Racer, Venue, float], Awaitable[Answer]]
WAYS: tuple[Way, ...] = (
    lambda racer, venue, hours: racer.book(slot_at(venue, hours, room=HALL)),
    lambda racer, venue, hours: racer.hold(slot_at(venue, hours, room=0)),
    lambda racer, venue, hours: racer.book(slot_at(venue, hours, room=1)),
    lambda racer, venue, hours: pair(racer, venue, hours, 1, 3),
    lambda racer, venue, hours: pair(racer, venue, hours, 3, HALL),
    lambda racer, venue, hours: pair(racer, venue, hours, 0, 1),
)


@pytest.mark.parametrize(
    ("clients", "processes", "rounds"),
    [(60, 2, 5), pytest.param(60, 2, 60, marks=pytest.mark.soak)],
)
async def test_halls_halves_and_pairs_never_overlap(
    servers: tuple[str, str],
    runtime: Runtime,
    say: Say,
    clients: int,
    processes: int,
    rounds: int,
) -> None:
    venue = await with_a_hall(runtime)
    async with racers(runtime, servers[:processes], [venue.staff], count=clients) as crowd:
        for number in range(rounds):
            # All overlap each other, half an hour apart.
            hours = [2 * number + half / 2 for half in range(2)]
            asked = [
                WAYS[place % len(WAYS)](racer, venue, hours[place // len(WAYS) % 2])
                for place, racer in enumerate(crowd)
            ]
            answers = await at_once(asked)

            assert 1 <= len(winners(answers)) <= 3
            assert refusals(answers) == {"SLOT_TAKEN"}
        say(f"halls and pairs, {clients} clients: {summary(waits(crowd))}")

    assert (await books(runtime, venue)).overlaps == 0


async def test_bookings_cross_between_halls_and_halves(
    servers: tuple[str, str], runtime: Runtime
) -> None:
    """Each wants the rooms of the other in another order; none waits for ever."""
    venue = await with_a_hall(runtime)
    async with racers(runtime, servers, [venue.staff], count=48) as crowd:
        rooms = [(0, 1), (1, 0), (HALL, 3), (3, HALL)]
        asked = [
            pair(racer, venue, 3 * number, one, other)
            for racer, (number, (one, other)) in zip(crowd, product(range(12), rooms), strict=True)
        ]
        answers = await at_once(asked)

    assert len(winners(answers)) == 12
    assert refusals(answers) == {"SLOT_TAKEN"}
    assert (await books(runtime, venue)).overlaps == 0
