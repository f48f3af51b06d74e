"""Stripe's own behaviour: network faults, connected accounts, currency units, events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from stripe import HTTPClient

from domain.core.money import Money
from integrations.payments.factory import gateway_of
from integrations.payments.local import LocalGateway
from integrations.payments.protocol import (
    BadEvent,
    Declined,
    GatewayAway,
    GatewayEvent,
    GatewayRefused,
    Order,
    Payment,
    PaymentStatus,
    Subject,
)
from integrations.payments.stripe import StripeGateway
from integrations.stripe_client import StripeApi
from kit.clock import system_clock
from kit.ids import new_id
from kit.settings import Environment, Settings
from tests.integrations.payments.fake_stripe import (
    KEY,
    SECRET,
    FakeStripe,
    Fault,
    Refused,
    event,
    running_fake_stripe,
)

TENANT_ID = UUID("0190a5b2-6c3f-7000-8000-0000000000aa")
PASSING = [fault for fault in Fault if fault is not Fault.KEPT]


@pytest_asyncio.fixture
async def stripe() -> AsyncIterator[FakeStripe]:
    async with running_fake_stripe() as fake:
        yield fake


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stripe's client waits half a second before it repeats a call."""
    monkeypatch.setattr(HTTPClient, "INITIAL_DELAY", 0.01)


@asynccontextmanager
async def speaking_to(stripe: FakeStripe, seconds: float) -> AsyncIterator[StripeGateway]:
    api = StripeApi(
        KEY, address=stripe.address, timeout_seconds=seconds, call_timeout_seconds=4 * seconds
    )
    gateway = StripeGateway(api, webhook_secrets=(SECRET,))
    yield gateway
    await gateway.close()


@pytest_asyncio.fixture
async def gateway(stripe: FakeStripe) -> AsyncIterator[StripeGateway]:
    async with speaking_to(stripe, 30) as gateway:
        yield gateway


@pytest_asyncio.fixture
async def impatient(stripe: FakeStripe) -> AsyncIterator[StripeGateway]:
    """A gateway with a short timeout."""
    async with speaking_to(stripe, 0.3) as gateway:
        yield gateway


def dollars(cents: int) -> Money:
    return Money(cents, "USD")


def order(amount: Money | None = None, account: str | None = None) -> Order:
    return Order(amount or dollars(2900), reference="ours-1", account=account)


def a_key() -> str:
    return str(new_id())


async def paid(gateway: StripeGateway, stripe: FakeStripe) -> Payment:
    payment = await gateway.create(order(), key=a_key())
    stripe.pay(payment.id)
    return payment


# ------------------------------------------------------------------------------ faults


@pytest.mark.parametrize("fault", PASSING)
async def test_the_same_key_opens_one_payment_whatever_went_wrong(
    gateway: StripeGateway, impatient: StripeGateway, stripe: FakeStripe, fault: Fault
) -> None:
    key = a_key()
    stripe.fail(fault)
    with pytest.raises(GatewayAway):
        await impatient.create(order(), key=key)
    stripe.faults.clear()

    payment = await gateway.create(order(), key=key)

    assert list(stripe.intents[None]) == [payment.id]
    assert payment.amount == dollars(2900)


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.CUT, Fault.BUSY, Fault.PAGE])
async def test_the_same_key_gives_back_once_whatever_went_wrong(
    gateway: StripeGateway, impatient: StripeGateway, stripe: FakeStripe, fault: Fault
) -> None:
    payment, key = await paid(gateway, stripe), a_key()
    stripe.fail(fault)
    with pytest.raises(GatewayAway):
        await impatient.refund(payment.id, amount=dollars(900), reference="back", key=key)
    stripe.faults.clear()

    refund = await gateway.refund(payment.id, amount=dollars(900), reference="back", key=key)

    assert [each["id"] for each in stripe.all_refunds()] == [refund.id]
    assert (await gateway.fetch(payment.id)).refunds == (refund,)


async def test_a_call_whose_answer_is_lost_is_repeated_with_its_key(
    gateway: StripeGateway, stripe: FakeStripe
) -> None:
    payment = await paid(gateway, stripe)
    stripe.fail(Fault.LOST, times=1)

    async with speaking_to(stripe, 1) as rather_patient:
        await rather_patient.refund(payment.id, amount=dollars(900), reference="back", key=a_key())

    refunds = [request for request in stripe.requests if request.path == "/v1/refunds"]
    assert len(refunds) == 2 and refunds[0].key == refunds[1].key
    assert len(stripe.all_refunds()) == 1


async def test_a_failure_that_is_kept_under_a_key_is_left_behind_by_another(
    gateway: StripeGateway, stripe: FakeStripe
) -> None:
    payment, key = await paid(gateway, stripe), a_key()
    stripe.fail(Fault.KEPT, times=1)
    with pytest.raises(GatewayAway):
        await gateway.refund(payment.id, amount=dollars(900), reference="back", key=key)
    with pytest.raises(GatewayAway):
        await gateway.refund(payment.id, amount=dollars(900), reference="back", key=key)

    assert (await gateway.fetch(payment.id)).refunds == ()
    await gateway.refund(payment.id, amount=dollars(900), reference="back", key=a_key())

    assert (await gateway.fetch(payment.id)).refunded == dollars(900)


async def test_what_was_done_before_the_answer_was_lost_is_found_by_its_reference(
    gateway: StripeGateway, stripe: FakeStripe
) -> None:
    payment = await paid(gateway, stripe)
    stripe.fail(Fault.CUT)
    with pytest.raises(GatewayAway):
        await gateway.refund(payment.id, amount=dollars(900), reference="back-7", key=a_key())
    stripe.faults.clear()

    (refund,) = (await gateway.fetch(payment.id)).refunds

    assert (refund.reference, refund.amount) == ("back-7", dollars(900))


async def test_a_server_that_is_not_there_is_away(gateway: StripeGateway) -> None:
    api = StripeApi(KEY, address="http://127.0.0.1:9", timeout_seconds=0.5)
    nowhere = StripeGateway(api, webhook_secrets=(SECRET,))

    with pytest.raises(GatewayAway):
        await nowhere.fetch("pi_1")

    await nowhere.close()


async def test_an_error_says_nothing_of_people_or_keys(
    gateway: StripeGateway, stripe: FakeStripe
) -> None:
    stripe.fail(Fault.PAGE)

    with pytest.raises(GatewayAway) as raised:
        await gateway.fetch("pi_1")

    assert "html" not in str(raised.value) and KEY not in str(raised.value)
    assert raised.value.__cause__ is None and raised.value.__suppress_context__


async def test_a_card_that_is_declined_at_once_says_why(
    gateway: StripeGateway, stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decline(*_: object) -> None:
        raise Refused(402, "card_error", code="card_declined", decline_code="lost_card")

    monkeypatch.setattr(stripe, "_opened", decline)

    with pytest.raises(Declined) as raised:
        await gateway.create(order(), key=a_key())

    assert raised.value.code == "lost_card"


async def test_many_refunds_are_all_told_the_oldest_first(
    gateway: StripeGateway, stripe: FakeStripe
) -> None:
    payment = await paid(gateway, stripe)
    stripe.refunds[None] = {
        f"re_{number}": {
            "id": f"re_{number}",
            "amount": 1,
            "currency": "usd",
            "payment_intent": payment.id,
            "status": "succeeded",
            "metadata": {},
        }
        for number in range(250)
    }

    refunds = (await gateway.fetch(payment.id)).refunds

    assert [each.id for each in refunds] == [f"re_{number}" for number in range(250)]


# ------------------------------------------------------------------------------ what is sent


async def test_each_call_carries_its_key_and_the_version_that_it_speaks(
    gateway: StripeGateway, stripe: FakeStripe
) -> None:
    await gateway.create(order(), key="booking-7-1")

    (request,) = stripe.requests
    assert (request.key, request.version) == ("booking-7-1", "2026-10-28.endive")


async def test_a_venue_with_an_account_of_its_own_is_paid_there(
    gateway: StripeGateway, stripe: FakeStripe
) -> None:
    payment = await gateway.create(order(account="acct_1"), key=a_key())
    stripe.pay(payment.id, "acct_1")
    await gateway.refund(
        payment.id, amount=dollars(100), reference="back", key=a_key(), account="acct_1"
    )

    there = await gateway.fetch(payment.id, account="acct_1")
    assert (there.status, there.refunded) == (PaymentStatus.PAID, dollars(100))
    assert {request.account for request in stripe.requests} == {"acct_1"}
    with pytest.raises(GatewayRefused):
        await gateway.fetch(payment.id)


@pytest.mark.parametrize(
    ("amount", "sent"),
    [
        (Money(2900, "USD"), "2900"),
        (Money(2900, "JPY"), "2900"),
        (Money(29000, "KWD"), "29000"),
        # Stripe keeps two digits that these have lost, and none of those that this one has.
        (Money(2900, "ISK"), "290000"),
        (Money(2900, "UGX"), "290000"),
        (Money(2900, "MGA"), "29"),
    ],
)
async def test_amounts_are_sent_in_stripes_units_and_read_in_ours(
    gateway: StripeGateway, stripe: FakeStripe, amount: Money, sent: str
) -> None:
    payment = await gateway.create(order(amount), key=a_key())

    assert stripe.requests[0].given["amount"] == sent
    assert payment.amount == amount


async def test_an_amount_that_stripe_can_not_say_is_refused(gateway: StripeGateway) -> None:
    with pytest.raises(GatewayRefused, match="fraction"):
        await gateway.create(order(Money(2950, "MGA")), key=a_key())
    with pytest.raises(GatewayRefused):
        await gateway.create(order(Money(2905, "KWD")), key=a_key())


async def test_many_first_calls_at_once_make_one_client(stripe: FakeStripe) -> None:
    gateway = StripeGateway(StripeApi(KEY, address=stripe.address), webhook_secrets=(SECRET,))

    payments = await asyncio.gather(*(gateway.create(order(), key=a_key()) for _ in range(10)))

    assert len({payment.id for payment in payments}) == 10
    await gateway.close()


# ------------------------------------------------------------------------------ events


def read(type: str, seen: dict[str, Any], **more: Any) -> GatewayEvent:
    api = StripeApi(KEY)
    return StripeGateway(api, webhook_secrets=(SECRET,)).parse_event(event(type, seen, **more))


def test_an_event_of_a_payment() -> None:
    seen = {
        "id": "pi_1",
        "object": "payment_intent",
        "customer": {"id": "cus_1", "email": "ann@example.test"},
        "metadata": {"tenant_id": str(TENANT_ID)},
    }

    assert read("payment_intent.succeeded", seen, account="acct_1") == GatewayEvent(
        gateway="stripe",
        id="evt_1",
        type="payment_intent.succeeded",
        subject=Subject.PAYMENT,
        created_at=datetime.fromtimestamp(1_800_000_000, UTC),
        object_id="pi_1",
        ids={"payment": "pi_1", "customer": "cus_1"},
        metadata={"tenant_id": str(TENANT_ID)},
        account="acct_1",
    )


@pytest.mark.parametrize(
    ("type", "kind", "subject"),
    [
        ("payment_intent.payment_failed", "payment_intent", Subject.PAYMENT),
        ("charge.refunded", "charge", Subject.PAYMENT),
        ("charge.refund.updated", "refund", Subject.REFUND),
        ("refund.failed", "refund", Subject.REFUND),
        ("charge.dispute.created", "dispute", Subject.DISPUTE),
        ("checkout.session.completed", "checkout.session", Subject.CHECKOUT),
        ("customer.subscription.updated", "subscription", Subject.SUBSCRIPTION),
        ("invoice.payment_failed", "invoice", Subject.INVOICE),
        ("charge.succeeded", "charge", None),
        ("customer.updated", "customer", None),
        ("something.they.invent", "thing", None),
    ],
)
def test_what_an_event_is_about(type: str, kind: str, subject: Subject | None) -> None:
    assert read(type, {"id": "x_1", "object": kind, "payment_intent": "pi_1"}).subject is subject


def test_an_event_of_a_refund_names_its_payment() -> None:
    seen = {"id": "re_1", "object": "refund", "payment_intent": "pi_1", "charge": "ch_1"}

    parsed = read("refund.updated", seen)

    assert parsed.payment_id == "pi_1"
    assert dict(parsed.ids) == {"refund": "re_1", "payment": "pi_1", "charge": "ch_1"}
    assert parsed.tenant_id is None


def test_an_invoice_names_the_subscription_and_the_tenant_that_it_is_for() -> None:
    seen = {
        "id": "in_1",
        "object": "invoice",
        "customer": "cus_1",
        "metadata": {},
        "parent": {
            "type": "subscription_details",
            "subscription_details": {
                "subscription": "sub_1",
                "metadata": {"tenant_id": str(TENANT_ID)},
            },
        },
    }

    parsed = read("invoice.payment_failed", seen)

    assert dict(parsed.ids) == {"invoice": "in_1", "customer": "cus_1", "subscription": "sub_1"}
    assert parsed.tenant_id == TENANT_ID


def test_an_event_without_an_id_of_its_object_is_read() -> None:
    assert read("invoice.upcoming", {"object": "invoice", "customer": "cus_1"}).object_id == ""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"5",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        event("invoice.paid", {}, object="v2.core.event"),
        event("invoice.paid", {}, id=""),
        event("invoice.paid", {}, id="x" * 256),
        event("invoice.paid", {}, id=None),
        event("", {}),
        event("invoice\x00", {}),
        event("invoice.paid", {}, created="yesterday"),
        event("invoice.paid", {}, created=10**30),
        event("invoice.paid", {}, data=None),
        event("invoice.paid", {}, data={"object": None}),
        event("invoice.paid", {}, data={"object": "in_1"}),
        event("invoice.paid", {}, account=["acct_1"]),
        event("invoice.paid", {}, id="evt\x00"),
    ],
)
def test_what_is_no_event_is_refused(body: bytes) -> None:
    gateway = StripeGateway(StripeApi(KEY), webhook_secrets=(SECRET,))

    with pytest.raises(BadEvent):
        gateway.parse_event(body)


# ------------------------------------------------------------------------------ which gateway


def settings(folder: Path, **given: Any) -> Settings:
    secret = "a secret that is longer than 32 bytes"
    return Settings(_env_file=None, data=folder, given_secret=secret, **given)


def test_without_a_key_the_demo_has_a_gateway_of_its_own(tmp_path: Path) -> None:
    assert isinstance(gateway_of(settings(tmp_path), clock=system_clock), LocalGateway)


def test_with_a_key_it_is_stripe(tmp_path: Path) -> None:
    given = settings(tmp_path, stripe_secret_key=KEY, stripe_webhook_secret=SECRET)

    assert isinstance(gateway_of(given, clock=system_clock), StripeGateway)
    assert KEY not in repr(given) and SECRET not in repr(given)


async def test_production_takes_no_payments_without_a_key(tmp_path: Path) -> None:
    given = settings(tmp_path, environment=Environment.PRODUCTION)
    gateway = gateway_of(given, clock=system_clock)

    with pytest.raises(GatewayRefused, match="BOOM_STRIPE_SECRET_KEY"):
        await gateway.create(order(), key=a_key())
