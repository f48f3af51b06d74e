"""Extensions of a booking, and bookings of the time after it, at once over HTTP."""

from itertools import chain

import pytest

from domain.core.log_events import EventType as E
from kit.runtime import Runtime
from tests.races.actions import slot_at
from tests.races.outcome import books
from tests.races.racers import at_once, racers, ref, refusals, winners
from tests.support.factories import make_venue


@pytest.mark.parametrize("rounds", [8, pytest.param(100, marks=pytest.mark.soak)])
async def test_a_time_is_added_to_one_booking_or_becomes_another(
    servers: tuple[str, str], runtime: Runtime, rounds: int
) -> None:
    venue = await make_venue(runtime, min_notice_minutes=0)
    people = [venue.manager, venue.staff]
    async with racers(runtime, servers, people, count=16) as crowd:
        for number in range(rounds):
            booking = ref(await crowd[0].book(slot_at(venue, 3 * number)))
            after = slot_at(venue, 3 * number + 1, minutes=30)

            # Of both kinds, some are sent first.
            answers = await at_once(
                racer.extend(booking, minutes=30) if (each + number) % 2 else racer.book(after)
                for each, racer in enumerate(crowd)
            )

            assert len(winners(answers)) == 1
            assert refusals(answers) <= {"SLOT_TAKEN", "STALE_VERSION"}

    kept = await books(runtime, venue)
    changes = list(chain.from_iterable(racer.changes for racer in crowd))
    assert kept.overlaps == 0
    assert sorted(kept.of_clients) == sorted(changes)
    assert len(kept.logged(E.BOOKING_EXTENDED)) + len(kept.logged(E.BOOKING_CREATED)) == 2 * rounds
