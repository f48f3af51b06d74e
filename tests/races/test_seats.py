"""Of many who want seats at the same time, as many get in as there are seats."""

import random

import pytest
from sqlalchemy import text

from kit.actor import Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from tests.races.actions import slot_at
from tests.races.conftest import Say
from tests.races.outcome import books
from tests.races.racers import (
    Racer,
    Ref,
    Slot,
    at_once,
    racers,
    ref,
    refusals,
    summary,
    waits,
    winners,
)
from tests.support.client import Answer
from tests.support.factories import Venue, api_id, make_venue

SEATS = 16
SET_SEATS = """mutation ($id: ID!, $seats: Int!) {
  updateRoom(id: $id, version: 1, input: { capacity: 100, seats: $seats }) {
    room { id } userErrors { code } } }"""
BOOK = """mutation ($room: ID!, $at: DateTime!, $minutes: Int!, $party: Int!) {
  createBooking(input: {
    roomId: $room, start: { at: $at }, durationMinutes: $minutes, partySize: $party
  }) { booking { id version } userErrors { code ... on SlotConflictError { remainingSeats } } } }"""
RESIZE = """mutation ($id: ID!, $version: Int!, $party: Int!) {
  updateBooking(id: $id, version: $version, input: { partySize: $party }) {
    booking { id version } userErrors { code } } }"""
CANCEL = """mutation ($id: ID!, $version: Int!) {
  cancelBooking(id: $id, version: $version) { booking { id version } userErrors { code } } }"""
TAKEN = text("""
    SELECT count(*), count(DISTINCT space_id) FROM occupancy
    WHERE starts_at = :at AND space_id <> :room
""")


async def book(racer: Racer, slot: Slot, party: int) -> Answer:
    return await racer.client.ask(BOOK, {**slot.variables, "party": party})


async def give_seats(racer: Racer, venue: Venue) -> None:
    variables = {"id": api_id(venue.rooms[0]), "seats": SEATS}
    assert (await racer.client.ask(SET_SEATS, variables)).refusals == []


async def taken(runtime: Runtime, venue: Venue, slot: Slot) -> tuple[int, int]:
    """Returns how many seats bookings take at a start, and how many different ones."""
    scope = Scope(runtime, venue.owner.actor, Request(new_id()))
    try:
        values = {"at": slot.time.start, "room": slot.room.id}
        ((seats, different),) = await scope.rows(TAKEN.bindparams(**values))
    finally:
        await scope.close()
    return seats, different


@pytest.mark.parametrize(
    ("processes", "rounds"),
    [(1, 2), (2, 2), pytest.param(2, 30, marks=pytest.mark.soak)],
)
async def test_as_many_get_in_as_there_are_seats(
    servers: tuple[str, str], runtime: Runtime, say: Say, processes: int, rounds: int
) -> None:
    venue = await make_venue(runtime, min_notice_minutes=0)
    async with racers(runtime, servers[:processes], [venue.manager], count=2 * SEATS) as crowd:
        await give_seats(crowd[0], venue)
        for number in range(rounds):
            slot = slot_at(venue, 3 * number)

            answers = await at_once(book(racer, slot, 1) for racer in crowd)

            say(f"{SEATS} seats, {len(crowd)} clients: {summary(waits(crowd))}")
            assert len(winners(answers)) == SEATS
            assert refusals(answers) == {"SLOT_TAKEN"}
            assert await taken(runtime, venue, slot) == (SEATS, SEATS)

    assert (await books(runtime, venue)).overlaps == 0


@pytest.mark.parametrize("rounds", [3, pytest.param(60, marks=pytest.mark.soak)])
async def test_parties_of_several_get_in_whole_until_none_fits(
    servers: tuple[str, str], runtime: Runtime, rounds: int
) -> None:
    venue = await make_venue(runtime, min_notice_minutes=0)
    draw = random.Random(rounds)
    async with racers(runtime, servers, [venue.manager], count=SEATS) as crowd:
        await give_seats(crowd[0], venue)
        for number in range(rounds):
            slot = slot_at(venue, 3 * number)
            parties = [draw.randint(1, 4) for _ in crowd]

            answers = await at_once(
                book(racer, slot, party) for racer, party in zip(crowd, parties, strict=True)
            )

            refused = [party for party, each in zip(parties, answers, strict=True) if each.refusals]
            inside = sum(parties) - sum(refused)
            assert refusals(answers) <= {"SLOT_TAKEN"}
            assert inside <= SEATS
            assert all(party > SEATS - inside for party in refused)
            assert await taken(runtime, venue, slot) == (inside, inside)

    assert (await books(runtime, venue)).overlaps == 0


@pytest.mark.parametrize("rounds", [3, pytest.param(40, marks=pytest.mark.soak)])
async def test_seats_are_taken_once_while_parties_come_go_move_and_grow(
    servers: tuple[str, str], runtime: Runtime, rounds: int
) -> None:
    venue = await make_venue(runtime, min_notice_minutes=0)
    draw = random.Random(rounds)
    async with racers(runtime, servers, [venue.manager], count=24) as crowd:
        await give_seats(crowd[0], venue)
        standing: dict[str, Ref] = {}

        async def act(racer: Racer) -> Answer:
            slot = slot_at(venue, draw.choice([0, 0.5, 1, 1.5]), minutes=draw.choice([30, 60, 90]))
            party, kind = draw.randint(1, 4), draw.choice(["book", "book", "end", "move", "grow"])
            if kind == "book" or not standing:
                return await book(racer, slot, party)
            booking = standing.pop(draw.choice(sorted(standing)))
            known = {"id": booking.id, "version": booking.version}
            match kind:
                case "end":
                    return await racer.client.ask(CANCEL, known)
                case "grow":
                    return await racer.client.ask(RESIZE, {**known, "party": party})
                case _:
                    return await racer.move(booking, slot)

        refused: set[str] = set()
        for _ in range(rounds):
            answers = await at_once(act(racer) for racer in crowd)
            refused |= refusals(answers)
            made = [ref(each) for each in winners(answers)]
            standing |= {each.id: each for each in made}

    assert refused <= {"SLOT_TAKEN", "INVALID_TRANSITION"}
    assert (await books(runtime, venue)).overlaps == 0
