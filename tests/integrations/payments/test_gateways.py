"""What every gateway holds to: ours for the demo, and Stripe's client before two other servers.

localstripe knows no idempotency keys and lets refunds exceed what was paid, so what is said about
these is asked of the others.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio

from domain.core.money import Money
from integrations.payments.protocol import (
    BadSignature,
    Capture,
    Declined,
    GatewayRefused,
    Order,
    Payment,
    PaymentStatus,
    RefundStatus,
    Subject,
)
from kit.clock import system_clock
from kit.ids import new_id
from tests.integrations.payments.benches import BENCHES, FIVE_MINUTES, Bench

TENANT_ID = UUID("0190a5b2-6c3f-7000-8000-0000000000aa")
METADATA = {"tenant_id": str(TENANT_ID), "booking_id": "a booking"}
COMPLETE = ("local", "fake stripe")


def dollars(cents: int) -> Money:
    return Money(cents, "USD")


def order(amount: Money | None = None, capture: Capture = Capture.NOW) -> Order:
    return Order(amount or dollars(2900), reference="ours-1", capture=capture, metadata=METADATA)


def a_key() -> str:
    return str(new_id())


@pytest_asyncio.fixture(params=BENCHES, scope="module")
async def bench(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bench]:
    folder: Path = tmp_path_factory.mktemp("bench")
    async with BENCHES[request.param](folder) as made:
        yield made


@pytest_asyncio.fixture(params=COMPLETE)
async def complete(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    async with BENCHES[request.param](tmp_path) as made:
        yield made


async def paid(bench: Bench, amount: Money | None = None) -> Payment:
    payment = await bench.gateway.create(order(amount), key=a_key())
    await bench.pay(payment.id)
    return await bench.gateway.fetch(payment.id)


async def held(bench: Bench) -> Payment:
    payment = await bench.gateway.create(order(capture=Capture.LATER), key=a_key())
    await bench.pay(payment.id)
    return await bench.gateway.fetch(payment.id)


async def test_a_new_payment_waits_for_its_customer(bench: Bench) -> None:
    payment = await bench.gateway.create(order(), key=a_key())

    assert payment.status is PaymentStatus.OPEN
    assert (payment.amount, payment.received) == (dollars(2900), dollars(0))
    assert payment.reference == "ours-1" and dict(payment.metadata) == METADATA
    assert payment.client_secret and payment.client_secret not in repr(payment)
    assert await bench.gateway.fetch(payment.id) == payment


async def test_a_payment_that_is_made_has_been_received(bench: Bench) -> None:
    payment = await paid(bench)

    assert payment.status is PaymentStatus.PAID
    assert payment.received == dollars(2900)
    assert payment.refunds == () and payment.refunded == dollars(0)


async def test_amounts_are_in_the_smallest_unit_of_their_currency(bench: Bench) -> None:
    payment = await paid(bench, Money(2900, "JPY"))

    assert payment.received == Money(2900, "JPY")


async def test_a_declined_card_leaves_the_payment_open(bench: Bench) -> None:
    payment = await bench.gateway.create(order(), key=a_key())

    await bench.decline(payment.id)

    declined = await bench.gateway.fetch(payment.id)
    assert declined.status is PaymentStatus.OPEN
    assert declined.failure in ("card_declined", "insufficient_funds")
    assert declined.received == dollars(0)


async def test_another_card_may_be_tried_after_that(complete: Bench) -> None:
    payment = await complete.gateway.create(order(), key=a_key())
    await complete.decline(payment.id)

    await complete.pay(payment.id)

    made = await complete.gateway.fetch(payment.id)
    assert (made.status, made.failure) == (PaymentStatus.PAID, None)


async def test_money_that_is_held_has_not_been_received(bench: Bench) -> None:
    payment = await held(bench)

    assert payment.status is PaymentStatus.HELD
    assert payment.received == dollars(0)


async def test_what_is_held_can_be_taken(bench: Bench) -> None:
    payment = await held(bench)

    taken = await bench.gateway.capture(payment.id, amount=dollars(2900), key=a_key())

    assert (taken.status, taken.received) == (PaymentStatus.PAID, dollars(2900))
    assert await bench.gateway.fetch(payment.id) == taken


async def test_when_a_part_is_taken_the_rest_is_let_go_and_is_no_refund(bench: Bench) -> None:
    payment = await held(bench)

    await bench.gateway.capture(payment.id, amount=dollars(1000), key=a_key())

    taken = await bench.gateway.fetch(payment.id)
    assert (taken.status, taken.received) == (PaymentStatus.PAID, dollars(1000))
    assert taken.refunds == ()


async def test_money_that_is_held_is_taken_once(bench: Bench) -> None:
    payment = await held(bench)
    await bench.gateway.capture(payment.id, amount=dollars(1000), key=a_key())

    with pytest.raises(GatewayRefused):
        await bench.gateway.capture(payment.id, amount=dollars(1000), key=a_key())


async def test_no_more_is_taken_than_is_held(bench: Bench) -> None:
    payment = await held(bench)

    with pytest.raises(GatewayRefused):
        await bench.gateway.capture(payment.id, amount=dollars(2901), key=a_key())


async def test_what_is_held_can_be_let_go(bench: Bench) -> None:
    payment = await held(bench)

    cancelled = await bench.gateway.cancel(payment.id, key=a_key())

    assert (cancelled.status, cancelled.received) == (PaymentStatus.CANCELLED, dollars(0))


async def test_a_cancelled_payment_stays_cancelled(bench: Bench) -> None:
    payment = await bench.gateway.create(order(), key=a_key())
    await bench.gateway.cancel(payment.id, key=a_key())

    again = await bench.gateway.cancel(payment.id, key=a_key())

    assert again.status is PaymentStatus.CANCELLED
    assert (await bench.gateway.fetch(payment.id)).status is PaymentStatus.CANCELLED


async def test_a_payment_that_is_made_can_not_be_cancelled(bench: Bench) -> None:
    payment = await paid(bench)

    with pytest.raises(GatewayRefused):
        await bench.gateway.cancel(payment.id, key=a_key())


async def test_some_of_the_money_can_be_given_back_and_then_the_rest(bench: Bench) -> None:
    payment = await paid(bench)

    first = await bench.gateway.refund(
        payment.id, amount=dollars(1000), reference="back-1", key=a_key()
    )
    second = await bench.gateway.refund(
        payment.id, amount=dollars(1900), reference="back-2", key=a_key()
    )

    after = await bench.gateway.fetch(payment.id)
    assert (first.status, first.amount) == (RefundStatus.DONE, dollars(1000))
    assert (first.payment_id, first.reference) == (payment.id, "back-1")
    assert {each.id: each for each in after.refunds} == {first.id: first, second.id: second}
    assert (after.received, after.refunded) == (dollars(2900), dollars(2900))


async def test_no_more_is_given_back_than_is_left(complete: Bench) -> None:
    payment = await paid(complete)
    await complete.gateway.refund(payment.id, amount=dollars(2000), reference="a", key=a_key())

    with pytest.raises(GatewayRefused):
        await complete.gateway.refund(payment.id, amount=dollars(901), reference="b", key=a_key())

    assert (await complete.gateway.fetch(payment.id)).refunded == dollars(2000)


async def test_what_nobody_paid_is_not_given_back(complete: Bench) -> None:
    payment = await complete.gateway.create(order(), key=a_key())

    with pytest.raises(GatewayRefused):
        await complete.gateway.refund(payment.id, amount=dollars(1), reference="a", key=a_key())


async def test_a_key_opens_one_payment(complete: Bench) -> None:
    key = a_key()

    payments = await asyncio.gather(*(complete.gateway.create(order(), key=key) for _ in range(5)))

    assert len({payment.id for payment in payments}) == 1


async def test_a_key_gives_back_once(complete: Bench) -> None:
    payment = await paid(complete)
    key = a_key()

    refunds = await asyncio.gather(
        *(
            complete.gateway.refund(payment.id, amount=dollars(500), reference="a", key=key)
            for _ in range(5)
        )
    )

    after = await complete.gateway.fetch(payment.id)
    assert len({refund.id for refund in refunds}) == 1
    assert after.refunded == dollars(500)


async def test_a_key_takes_what_is_held_once(complete: Bench) -> None:
    payment = await held(complete)
    key = a_key()

    taken = await asyncio.gather(
        *(complete.gateway.capture(payment.id, amount=dollars(900), key=key) for _ in range(3))
    )

    assert {each.received for each in taken} == {dollars(900)}


async def test_a_key_is_for_one_thing(complete: Bench) -> None:
    key = a_key()
    await complete.gateway.create(order(), key=key)

    with pytest.raises(GatewayRefused):
        await complete.gateway.create(order(dollars(3000)), key=key)


async def test_keys_give_back_no_more_than_there_is_however_they_race(complete: Bench) -> None:
    payment = await paid(complete)

    await asyncio.gather(
        *(
            complete.gateway.refund(payment.id, amount=dollars(1000), reference="a", key=a_key())
            for _ in range(6)
        ),
        return_exceptions=True,
    )

    assert (await complete.gateway.fetch(payment.id)).refunded == dollars(2000)


async def test_a_payment_that_there_is_not_is_refused(bench: Bench) -> None:
    with pytest.raises(GatewayRefused):
        await bench.gateway.fetch("pi_that_nobody_opened")


async def test_it_tells_of_a_payment_by_a_signed_delivery(bench: Bench) -> None:
    payment = await paid(bench)

    body, headers = await bench.payment_event(payment.id)

    bench.gateway.verify_webhook(body, headers, now=system_clock())
    event = bench.gateway.parse_event(body)
    assert event.subject is Subject.PAYMENT
    assert event.payment_id == event.object_id == payment.id
    assert event.tenant_id == TENANT_ID
    assert event.gateway == bench.gateway.name


async def test_a_delivery_that_was_changed_is_not_its_own(bench: Bench) -> None:
    payment = await paid(bench)
    body, headers = await bench.payment_event(payment.id)

    with pytest.raises(BadSignature):
        bench.gateway.verify_webhook(body + b" ", headers, now=system_clock())


async def test_a_delivery_is_good_for_five_minutes(bench: Bench) -> None:
    payment = await paid(bench)
    body, headers = await bench.payment_event(payment.id)

    with pytest.raises(BadSignature, match="not of now"):
        bench.gateway.verify_webhook(body, headers, now=system_clock() + 2 * FIVE_MINUTES)


def test_a_declined_card_says_why() -> None:
    assert str(Declined("card_declined")) == "The payment was declined: card_declined"
