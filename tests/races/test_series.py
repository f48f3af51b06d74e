"""Series that want each other's times, booked, cancelled and added to at once."""

from itertools import chain
from typing import Any

import pytest

from kit.runtime import Runtime
from tests.races.conftest import Say
from tests.races.outcome import books
from tests.races.racers import Racer, at_once, racers, refusals, summary, waits, winners
from tests.support.client import Answer
from tests.support.factories import api_id, make_venue

BOOK = """mutation ($room: ID!, $at: DateTime!, $rrule: RRule!) {
  createBooking(input: { roomId: $room, start: { at: $at }, durationMinutes: 60, recurrence: {
    rrule: $rrule, conflictPolicy: SKIP_CONFLICTS } }) {
    booking { id version } series { id version occurrences { totalCount } }
    skipped { startsAt } userErrors { code }
  } }"""
CANCEL = """mutation ($id: ID!, $version: Int!) {
  cancelBooking(id: $id, version: $version, input: { scope: ALL }) {
    bookings { id } userErrors { code } } }"""
ADD = """mutation ($id: ID!, $version: Int!, $at: DateTime!) {
  addOccurrence(seriesId: $id, version: $version, start: { at: $at }) {
    booking { id } userErrors { code } } }"""


def clashing(crowd: list[Racer], rooms: Any, *, count: int) -> list[Any]:
    """Series of the same rooms, each of which overlaps others on half of its dates or all."""
    return [
        racer.client.ask(
            BOOK,
            {
                "room": api_id(rooms[number % 2]),
                "at": f"2027-03-{2 + number % 3:02}T{10 + number % 4 // 2}:{number % 2 * 3}0:00Z",
                "rrule": f"FREQ=DAILY;INTERVAL={1 + number % 2};COUNT={count}",
            },
        )
        for number, racer in enumerate(crowd)
    ]


@pytest.mark.parametrize(
    ("clients", "count"), [(20, 26), pytest.param(60, 26, marks=pytest.mark.soak)]
)
async def test_of_racing_series_no_two_have_the_same_time(
    servers: tuple[str, str], runtime: Runtime, say: Say, clients: int, count: int
) -> None:
    venue = await make_venue(runtime, max_advance_days=400)
    async with racers(runtime, servers, [venue.staff], count=clients) as crowd:
        answers = await at_once(clashing(crowd, venue.rooms, count=count))
        say(f"{clients} series of {count}: {summary(waits(crowd))}")

    assert refusals(answers) <= {"SERIES_CONFLICT"}
    kept = await books(runtime, venue)
    made = [each.payload for each in winners(answers)]
    assert kept.overlaps == 0
    assert all(
        each["series"]["occurrences"]["totalCount"] + len(each["skipped"]) == count for each in made
    )
    booked = sum(each["series"]["occurrences"]["totalCount"] for each in made)
    assert len(kept.standing) == kept.used == booked > count


async def test_series_are_cancelled_and_added_to_while_others_are_booked(
    servers: tuple[str, str], runtime: Runtime
) -> None:
    venue = await make_venue(runtime, max_advance_days=400)
    async with racers(runtime, servers, [venue.staff], count=16) as crowd:
        first = winners(await at_once(clashing(crowd[:8], venue.rooms, count=8)))
        changes = [
            (
                one.client.ask(CANCEL, dict(made.payload["booking"])),
                another.client.ask(
                    ADD,
                    {
                        "id": made.payload["series"]["id"],
                        "version": made.payload["series"]["version"],
                        "at": "2027-03-02T10:00:00Z",
                    },
                ),
            )
            for one, another, made in zip(crowd[:4], crowd[4:8], first, strict=False)
        ]
        again = clashing(crowd[8:], venue.rooms, count=8)
        answers: list[Answer] = await at_once([*chain.from_iterable(changes), *again])

    assert refusals(answers) <= {"SERIES_CONFLICT", "SLOT_TAKEN", "STALE_VERSION"}
    assert (await books(runtime, venue)).overlaps == 0
