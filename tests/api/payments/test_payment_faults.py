"""Faults of the gateway: no money is lost, and none is moved twice."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
import pytest_asyncio

from kit.settings import Settings
from resolvers.payments import settlement
from schema.core.global_ids import read_id
from tests.api.payments.test_refunds import STEPS, cancel, refund
from tests.integrations.payments.fake_stripe import Fault
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.desk import made
from tests.support.factories import Venue, make_venue
from tests.support.occupancy import OVERLAPS
from tests.support.till import PaymentsApp, opened

FRIDAY = MONDAY_MORNING + timedelta(days=4)
# Of a call that is kept waiting, only as long as the client is willing to.
QUICK = (Fault.CUT, Fault.BUSY, Fault.BROKEN, Fault.KEPT, Fault.PAGE, Fault.SHAPELESS, Fault.IN_USE)
# What is kept under a key fails for a day, however often it is tried.
PASSING = tuple(fault for fault in QUICK if fault is not Fault.KEPT)
TWICE_AND_MORE = 12


@pytest_asyncio.fixture
async def till(settings: Settings, clock: StoppedClock) -> AsyncIterator[PaymentsApp]:
    async with opened(settings, clock, timeout_seconds=1.5) as made:
        yield made


@pytest_asyncio.fixture
async def venue(till: PaymentsApp) -> Venue:
    made = await make_venue(till.runtime)
    await till.set_up(made, policy="FULL", cancellationSteps=STEPS)
    return made


def by(faults: Sequence[Fault], found: Sequence[Any]) -> dict[Fault, Any]:
    """Returns the results by fault."""
    return dict(zip(faults, found, strict=True))


async def books_while(till: PaymentsApp, venue: Venue, fault: Fault | None, *, hour: int) -> Any:
    """Makes a booking that awaits payment, while the gateway fails."""
    if fault is not None:
        till.stripe.fail(fault)
    at = FRIDAY + timedelta(hours=hour)
    booking = made(await till.desk(venue.guest).create(venue.rooms[0], at))
    till.stripe.faults.clear()
    return booking


async def paid(till: PaymentsApp, venue: Venue, *, hour: int) -> Any:
    booking = await books_while(till, venue, None, hour=hour)
    await till.work()
    await till.pays_and_is_heard(booking)
    return await till.seen(venue.guest, booking)


async def healed(till: PaymentsApp, clock: StoppedClock) -> None:
    """Ends the faults, and runs all retries of a day."""
    till.stripe.faults.clear()
    await till.work()
    clock.advance(days=1, minutes=1)
    await till.work()


async def test_a_payment_is_asked_for_once_whatever_fails(
    till: PaymentsApp, venue: Venue, clock: StoppedClock
) -> None:
    faults = (*PASSING, Fault.LOST, Fault.SILENT)
    bookings = [
        await books_while(till, venue, fault, hour=hour) for hour, fault in enumerate(faults)
    ]
    clock.advance(seconds=20)
    await till.work()

    waiting = [await till.seen(venue.guest, each) for each in bookings]
    asked = [len(till.intents(each)) for each in bookings]
    for each in bookings:
        await till.receives(await till.pays(each))
    await till.work()

    statuses = [(each["status"], each["payment"]["status"]) for each in waiting]
    assert by(faults, statuses) == dict.fromkeys(faults, ("HELD", "PENDING"))
    assert by(faults, asked) == dict.fromkeys(faults, 1)
    paid = [(await till.seen(venue.guest, each))["status"] for each in bookings]
    assert by(faults, paid) == dict.fromkeys(faults, "CONFIRMED")
    await till.agrees(venue)


async def test_a_payment_that_can_not_be_asked_for_in_time_is_owed_by_nobody(
    till: PaymentsApp, venue: Venue, clock: StoppedClock
) -> None:
    # What is kept under the key outlasts the hold.
    booking = await books_while(till, venue, Fault.KEPT, hour=0)
    clock.advance(minutes=6, seconds=20)

    _, id = read_id(booking["id"])
    await settlement.settle_now(till.runtime, venue.tenant.id, id)

    assert (await till.seen(venue.guest, booking))["payment"]["status"] == "CANCELLED"


async def test_a_refund_is_sent_once_whatever_fails(
    till: PaymentsApp, venue: Venue, clock: StoppedClock
) -> None:
    faults = (*QUICK, Fault.LOST)
    bookings = [await paid(till, venue, hour=hour) for hour, _ in enumerate(faults)]

    for fault, booking in zip(faults, bookings, strict=True):
        # The first two requests look whether it was sent before; those that send it go wrong.
        till.stripe.fail_later(fault, passed=2, times=TWICE_AND_MORE)
        assert (await refund(till, venue.manager, booking, "10.00")).refusals == []
        till.stripe.faults.clear()
    clock.advance(days=1, minutes=1)
    for each in bookings:
        await settle_all(till, venue, each)

    seen = [await till.seen(venue.guest, each) for each in bookings]
    statuses = [tuple(refund["status"] for refund in each["refunds"]) for each in seen]
    assert by(faults, statuses) == dict.fromkeys(faults, ("SUCCEEDED",))
    assert [each["amount"] for each in till.stripe.all_refunds()] == [1000] * len(faults)
    await till.agrees(venue)


async def test_word_of_a_payment_is_followed_though_the_truth_is_hard_to_get(
    till: PaymentsApp, venue: Venue
) -> None:
    faults = (Fault.CUT, Fault.BROKEN, Fault.PAGE)
    bookings = [await books_while(till, venue, None, hour=hour) for hour, _ in enumerate(faults)]

    for fault, booking in zip(faults, bookings, strict=True):
        till.stripe.fail(fault, times=6)
        await till.pays_and_is_heard(booking)
        till.stripe.faults.clear()

    statuses = [(await till.seen(venue.guest, each))["status"] for each in bookings]
    assert by(faults, statuses) == dict.fromkeys(faults, "CONFIRMED")
    await till.agrees(venue)


async def test_a_no_show_is_charged_once_whatever_fails(
    till: PaymentsApp, clock: StoppedClock
) -> None:
    faults = (Fault.CUT, Fault.BROKEN, Fault.KEPT)
    venue = await make_venue(till.runtime)
    await till.set_up(venue, policy="CARD_HOLD", percent=50)
    bookings = [await paid(till, venue, hour=hour) for hour, _ in enumerate(faults)]
    clock.now = FRIDAY + timedelta(hours=len(faults), minutes=5)

    for fault, booking in zip(faults, bookings, strict=True):
        till.stripe.fail_later(fault, passed=1, times=TWICE_AND_MORE)
        made(await till.desk(venue.staff).no_show(booking))
        till.stripe.faults.clear()
    clock.advance(days=5)
    for each in bookings:
        await settle_all(till, venue, each)

    seen = [await till.seen(venue.guest, each) for each in bookings]
    taken = [(each["payment"]["status"], each["amountPaid"]["amount"]) for each in seen]
    assert by(faults, taken) == dict.fromkeys(faults, ("SUCCEEDED", "20.00"))
    await till.agrees(venue)


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 22))]
)
async def test_after_anything_the_books_agree(
    till: PaymentsApp, venue: Venue, clock: StoppedClock, seed: int
) -> None:
    await anything(till, venue, clock, Random(seed))


# ------------------------------------------------------------------------------ steps


async def anything(till: PaymentsApp, venue: Venue, clock: StoppedClock, chance: Random) -> None:
    """Does random things: payments, cancellations, refunds, lost webhooks, faults."""
    bookings: list[Any] = []
    steps = [
        partial(_books, till, venue, chance, bookings),
        partial(_pays, till, venue, chance, bookings),
        partial(_cancels, till, venue, chance, bookings),
        partial(_refunds, till, venue, chance, bookings),
    ]
    for _ in range(20):
        if chance.random() < 0.4:
            till.stripe.fail(chance.choice(PASSING), times=chance.randint(1, 4))
        await chance.choice(steps)()
        clock.advance(seconds=chance.choice((1, 30, 90, 200)))
        if chance.random() < 0.3:
            till.stripe.faults.clear()
            await till.work()

    await healed(till, clock)
    for booking in bookings:
        await settle_all(till, venue, booking)

    await till.agrees(venue)
    await till.counts(venue)
    for booking in bookings:
        sums = await till.sums(venue, booking)
        assert sum(sums.values()) == 0
        assert 0 <= -sums.get("refunded", 0) <= sums.get("received", 0)
    assert [row[0] for row in await till.rows(venue, OVERLAPS)] == [0]


async def _books(till: PaymentsApp, venue: Venue, chance: Random, bookings: list[Any]) -> None:
    at = FRIDAY + timedelta(hours=chance.randint(0, 3))
    answer = await till.desk(venue.guest).create(chance.choice(venue.rooms), at)
    if answer.refusals == []:
        bookings.append(made(answer))


async def _pays(till: PaymentsApp, venue: Venue, chance: Random, bookings: list[Any]) -> None:
    # Of a payment whose answer was lost nobody has the secret.
    known = [row[0] for row in await till.rows(venue, "SELECT gateway_id FROM payments")]
    waiting = [
        intent
        for booking in bookings
        for intent in till.intents(booking)
        if intent["status"] == "requires_payment_method" and intent["id"] in known
    ]
    if not waiting:
        return
    intent = chance.choice(waiting)
    if chance.random() < 0.2:
        till.stripe.decline(intent["id"])
    else:
        till.stripe.pay(intent["id"])
    if chance.random() < 0.7:
        till.stripe.faults.clear()
        await till.hears(intent, chance.choice(("payment_intent.succeeded", "charge.updated")))


async def _cancels(till: PaymentsApp, venue: Venue, chance: Random, bookings: list[Any]) -> None:
    if bookings:
        seen = await till.seen(venue.guest, chance.choice(bookings))
        await cancel(till, venue.guest, seen)


async def _refunds(till: PaymentsApp, venue: Venue, chance: Random, bookings: list[Any]) -> None:
    if bookings:
        seen = await till.seen(venue.manager, chance.choice(bookings))
        await refund(till, venue.manager, seen, f"{chance.randint(1, 45)}.00")


async def settle_all(till: PaymentsApp, venue: Venue, booking: Any) -> None:
    """Settles a booking's payments, as the job does."""
    _, id = read_id(booking["id"])
    await settlement.settle_booking(till.runtime, venue.tenant.id, id)
