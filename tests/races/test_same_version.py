"""Changes of one booking that were all made on the same version, and calls with the same key."""

import pytest

from domain.core.log_events import EventType as E
from kit.runtime import Runtime
from tests.races.actions import homes_in, slot_at
from tests.races.outcome import books
from tests.races.racers import at_once, racers, ref, refusals, winners
from tests.support.factories import make_venue


@pytest.mark.parametrize("processes", [1, 2])
async def test_one_update_of_a_version_wins_and_the_others_see_it(
    servers: tuple[str, str], runtime: Runtime, processes: int
) -> None:
    venue = await make_venue(runtime)
    (booking,) = await homes_in(runtime, venue, room=0, count=1)
    async with racers(runtime, servers[:processes], [venue.staff], count=32) as crowd:
        answers = await at_once(
            racer.note(booking, f"note {number}") for number, racer in enumerate(crowd)
        )

    (won,) = winners(answers)
    assert refusals(answers) == {"STALE_VERSION"}
    current = [a.payload["userErrors"][0]["current"] for a in answers if a.refusals]
    assert current == [{"version": 2, "note": won.payload["booking"]["note"]}] * 31
    assert (await books(runtime, venue)).logged(E.BOOKING_UPDATED) == [booking.id]


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_booking_confirmed_by_many_is_confirmed_once(
    servers: tuple[str, str], runtime: Runtime, processes: int
) -> None:
    venue = await make_venue(runtime, requires_confirmation=True)
    async with racers(runtime, servers[:processes], [venue.staff], count=32) as crowd:
        pending = ref(await crowd[0].book(slot_at(venue, 0)))

        answers = await at_once(racer.confirm(pending) for racer in crowd)

    assert len(winners(answers)) == 1
    assert refusals(answers) == {"STALE_VERSION"}
    assert (await books(runtime, venue)).logged(E.BOOKING_CONFIRMED) == [pending.id]


@pytest.mark.parametrize("processes", [1, 2])
async def test_ten_calls_with_one_key_have_one_effect_and_ten_equal_answers(
    servers: tuple[str, str], runtime: Runtime, processes: int
) -> None:
    venue = await make_venue(runtime)
    async with racers(runtime, servers[:processes], [venue.staff], count=10) as crowd:
        answers = await at_once(racer.book(slot_at(venue, 0), key="one") for racer in crowd)

    bookings = [answer.payload["booking"] for answer in answers]
    assert refusals(answers) == set()
    assert bookings == [bookings[0]] * 10
    assert sorted(answer.payload["replayed"] for answer in answers) == [False] + [True] * 9
    kept = await books(runtime, venue)
    assert kept.logged(E.BOOKING_CREATED) == [bookings[0]["id"]]
    assert kept.used == 1
