"""Offers of the waitlist that customers pay in advance."""

from collections.abc import AsyncIterator

import pytest_asyncio

from jobs.expire_holds import expire_holds
from kit.postgres.database import Database
from kit.settings import Settings
from tests.api.bookings.test_waitlist import TUESDAY, Queue, entry_of
from tests.support.clock import StoppedClock
from tests.support.factories import Venue, make_venue
from tests.support.till import PaymentsApp, opened


@pytest_asyncio.fixture
async def till(settings: Settings, clock: StoppedClock) -> AsyncIterator[PaymentsApp]:
    async with opened(settings, clock) as made:
        yield made


@pytest_asyncio.fixture
async def venue(till: PaymentsApp) -> Venue:
    made = await make_venue(till.runtime)
    await till.set_up(made, policy="FULL", cancellationSteps=[])
    return made


async def test_an_offer_is_accepted_by_paying_for_it(till: PaymentsApp, venue: Venue) -> None:
    guest = Queue(till.desk(venue.guest))
    entry = entry_of(await guest.join(TUESDAY))
    await till.work()

    accepted = entry_of(await guest.answer("acceptWaitlistOffer", entry))

    assert (accepted["status"], accepted["booking"]["status"]) == ("OFFERED", "HELD")
    assert accepted["offerExpiresAt"] == accepted["booking"]["holdExpiresAt"]
    await till.pays_and_is_heard(accepted["booking"])
    (paid,) = await guest.entries()
    assert (paid["status"], paid["booking"]["status"]) == ("ACCEPTED", "CONFIRMED")
    await till.agrees(venue)


async def test_an_offer_that_nobody_pays_expires(
    till: PaymentsApp, venue: Venue, clock: StoppedClock, relay: Database
) -> None:
    guest = Queue(till.desk(venue.guest))
    entry = entry_of(await guest.join(TUESDAY))
    await till.work()
    entry_of(await guest.answer("acceptWaitlistOffer", entry))

    clock.advance(hours=1)
    await expire_holds(till.runtime, relay)
    await till.work()

    assert [each["status"] for each in await guest.entries()] == ["EXPIRED"]
