"""Stripe's webhooks are stored and handled once, in any order."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import httpx2
import pytest
import pytest_asyncio

from domain.core.money import Money
from integrations.payments.protocol import Gateway, GatewayEvent, Order, PaymentStatus, Subject
from jobs.gateway_events import HANDLERS
from jobs.purge import purge_expired
from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.settings import Settings
from tests.integrations.payments.fake_stripe import (
    SECRET,
    FakeStripe,
    event,
    known_to,
    running_fake_stripe,
    signature,
)
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.work import run_due_jobs

AT = "/webhooks/stripe"
OTHER_SECRET = "whsec_of_connect"
DISPUTE = {"id": "dp_1", "object": "dispute", "payment_intent": "pi_1", "metadata": {}}
MAX_BYTES = 256 * 1024


@pytest_asyncio.fixture
async def stripe() -> AsyncIterator[FakeStripe]:
    async with running_fake_stripe() as fake:
        yield fake


@pytest.fixture
def settings(settings: Settings, stripe: FakeStripe) -> Settings:
    return known_to(settings, stripe, webhook_secrets=f"{SECRET},{OTHER_SECRET}")


@pytest_asyncio.fixture(autouse=True)
async def owner(database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """The owner of a database in which nothing has been delivered yet."""
    connection = await asyncpg.connect(database.owner)
    await connection.execute("ALTER TABLE webhook_events NO FORCE ROW LEVEL SECURITY")
    await connection.execute("DELETE FROM webhook_events")
    yield connection
    await connection.close()


@contextmanager
def handled_by(monkeypatch: pytest.MonkeyPatch, handle: Any) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setitem(HANDLERS, Subject.DISPUTE, (handle,))
        yield


@pytest.fixture
def handled(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[GatewayEvent]]:
    """The handled events of disputes."""
    events: list[GatewayEvent] = []

    async def keep(_runtime: Runtime, event: GatewayEvent) -> None:
        events.append(event)

    with handled_by(monkeypatch, keep):
        yield events


def dispute(id: str = "evt_1", **more: Any) -> bytes:
    return event("charge.dispute.created", DISPUTE, id=id, **more)


async def deliver(api: Api, body: bytes, header: str | None) -> httpx2.Response:
    headers = {"Content-Type": "application/json"}
    if header is not None:
        headers["Stripe-Signature"] = header
    return await api.http.post(AT, content=body, headers=headers)


async def states(owner: asyncpg.Connection) -> dict[str, str]:
    return dict(await owner.fetch("SELECT id, state FROM webhook_events"))  # type: ignore[arg-type]


async def test_a_delivery_is_stored_and_acted_upon(
    api: Api,
    runtime: Runtime,
    clock: StoppedClock,
    owner: asyncpg.Connection,
    handled: list[GatewayEvent],
) -> None:
    body = dispute()

    answer = await deliver(api, body, signature(body, clock.now))

    assert (answer.status_code, answer.json()) == (200, {"message": "Stored"})
    await run_due_jobs(runtime)
    assert [(each.id, each.payment_id) for each in handled] == [("evt_1", "pi_1")]
    assert await states(owner) == {"evt_1": "done"}


async def test_what_is_delivered_again_is_acted_upon_once(
    api: Api, runtime: Runtime, clock: StoppedClock, handled: list[GatewayEvent]
) -> None:
    body = dispute()
    await deliver(api, body, signature(body, clock.now))
    await run_due_jobs(runtime)
    clock.advance(days=3)

    answer = await deliver(api, body, signature(body, clock.now))

    assert (answer.status_code, answer.json()) == (200, {"message": "Known"})
    await run_due_jobs(runtime)
    assert len(handled) == 1


async def test_events_of_every_age_are_taken(
    api: Api, runtime: Runtime, clock: StoppedClock, handled: list[GatewayEvent]
) -> None:
    created = int((clock.now - timedelta(days=20)).timestamp())
    body = dispute(created=created)

    answer = await deliver(api, body, signature(body, clock.now))

    assert answer.status_code == 200
    await run_due_jobs(runtime)
    assert [each.created_at for each in handled] == [clock.now - timedelta(days=20)]


async def test_whatever_order_events_come_in_what_counts_is_what_stripe_says_now(
    api: Api,
    runtime: Runtime,
    clock: StoppedClock,
    stripe: FakeStripe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gateway: Any = runtime.services[Gateway]
    order = Order(Money(2900, "USD"), reference="ours-1")
    payment = await gateway.create(order, key="a key")
    stripe.pay(payment.id)
    seen: list[PaymentStatus] = []

    async def look(_runtime: Runtime, delivered: GatewayEvent) -> None:
        seen.append((await gateway.fetch(delivered.ids["payment"])).status)

    later, sooner = dispute("evt_2"), dispute("evt_1")
    later, sooner = (each.replace(b"pi_1", payment.id.encode()) for each in (later, sooner))
    with handled_by(monkeypatch, look):
        await deliver(api, later, signature(later, clock.now))
        await run_due_jobs(runtime)
        await deliver(api, sooner, signature(sooner, clock.now))
        await run_due_jobs(runtime)

    assert seen == [PaymentStatus.PAID, PaymentStatus.PAID]


async def test_an_event_that_concerns_nobody_is_stored_and_left_alone(
    api: Api, runtime: Runtime, clock: StoppedClock, owner: asyncpg.Connection
) -> None:
    body = event("something.they.invent", {"id": "x_1", "object": "thing"})

    answer = await deliver(api, body, signature(body, clock.now))

    assert answer.status_code == 200
    await run_due_jobs(runtime)
    assert await states(owner) == {"evt_1": "ignored"}


async def test_what_could_not_be_done_is_tried_again(
    api: Api,
    runtime: Runtime,
    clock: StoppedClock,
    owner: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries: list[str] = []

    async def fail_twice(_runtime: Runtime, delivered: GatewayEvent) -> None:
        tries.append(delivered.id)
        if len(tries) < 3:
            raise OSError("The gateway is away")

    body = dispute()
    with handled_by(monkeypatch, fail_twice):
        await deliver(api, body, signature(body, clock.now))
        await run_due_jobs(runtime)

    assert tries == ["evt_1"] * 3
    assert await states(owner) == {"evt_1": "done"}


async def test_the_answer_does_not_wait_for_what_follows(
    api: Api,
    runtime: Runtime,
    clock: StoppedClock,
    owner: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, goes_on = asyncio.Event(), asyncio.Event()

    async def wait(_runtime: Runtime, _event: GatewayEvent) -> None:
        begun.set()
        await goes_on.wait()

    body = dispute()
    with handled_by(monkeypatch, wait):
        answer = await deliver(api, body, signature(body, clock.now))
        async with asyncio.timeout(30):
            await begun.wait()

        assert answer.status_code == 200
        assert await states(owner) == {"evt_1": "received"}
        goes_on.set()
        await run_due_jobs(runtime)
    assert await states(owner) == {"evt_1": "done"}


async def test_nothing_is_asked_of_stripe_to_take_a_delivery(
    api: Api, clock: StoppedClock, stripe: FakeStripe, handled: list[GatewayEvent]
) -> None:
    body = dispute()

    await deliver(api, body, signature(body, clock.now))

    assert stripe.requests == []


async def test_50_events_delivered_200_times_at_once_are_acted_upon_once_each(
    server: str, runtime: Runtime, clock: StoppedClock, handled: list[GatewayEvent]
) -> None:
    bodies = [dispute(f"evt_{number}") for number in range(50)]
    limits = httpx2.Limits(max_connections=50)
    async with httpx2.AsyncClient(base_url=server, timeout=60, limits=limits) as http:
        api = Api(http)

        answers = await asyncio.gather(
            *(deliver(api, body, signature(body, clock.now)) for body in bodies * 4)
        )

    await run_due_jobs(runtime, seconds=60)
    assert Counter(answer.status_code for answer in answers) == {200: 200}
    assert Counter(answer.json()["message"] for answer in answers) == {"Stored": 50, "Known": 150}
    assert Counter(each.id for each in handled) == {f"evt_{number}": 1 for number in range(50)}


async def test_a_delivery_that_finds_no_connection_free_is_to_come_again(
    api: Api, runtime: Runtime, clock: StoppedClock, handled: list[GatewayEvent]
) -> None:
    body = dispute()

    async with AsyncExitStack() as held:
        for _ in range(runtime.database.pool_status["size"]):
            session = await held.enter_async_context(runtime.database.session(writes=False))
            await session.connection()
        early = await deliver(api, body, signature(body, clock.now))
    again = await deliver(api, body, signature(body, clock.now))

    assert (early.status_code, early.headers["Retry-After"]) == (503, "5")
    assert (again.status_code, again.json()["message"]) == (200, "Stored")


# ------------------------------------------------------------------------------ what is refused


async def refused(owner: asyncpg.Connection, answer: httpx2.Response, status: int) -> bool:
    """Returns whether the status is expected, and nothing was stored."""
    return answer.status_code == status and await states(owner) == {}


async def test_a_delivery_may_be_five_minutes_from_now(api: Api, clock: StoppedClock) -> None:
    body, far = dispute(), timedelta(minutes=5)

    answers = [
        await deliver(api, body, signature(body, at)) for at in (clock.now - far, clock.now + far)
    ]

    assert [answer.json()["message"] for answer in answers] == ["Stored", "Known"]


async def test_an_old_copy_or_one_from_the_future_is_refused(
    api: Api, clock: StoppedClock, owner: asyncpg.Connection
) -> None:
    body, off = dispute(), (301, -301, 10**8, -(10**8))
    times = [clock.now + timedelta(seconds=seconds) for seconds in off]

    answers = [await deliver(api, body, signature(body, at)) for at in times]

    assert [answer.status_code for answer in answers] == [400] * 4
    assert await states(owner) == {}


async def test_a_body_that_was_tampered_with_is_refused(
    api: Api, clock: StoppedClock, owner: asyncpg.Connection
) -> None:
    body = dispute()

    answer = await deliver(api, body.replace(b"dp_1", b"dp_2"), signature(body, clock.now))

    assert await refused(owner, answer, 400)


async def test_a_signature_by_another_secret_is_refused(
    api: Api, clock: StoppedClock, owner: asyncpg.Connection
) -> None:
    body = dispute()
    by_another = signature(body, clock.now, secret="whsec_of_somebody")

    answer = await deliver(api, body, by_another)

    assert await refused(owner, answer, 400)


async def test_a_delivery_without_a_signature_is_refused(
    api: Api, owner: asyncpg.Connection
) -> None:
    headers = (None, "", "t=1", "v1=abc", "t=x,v1=y")

    answers = [await deliver(api, dispute(), header) for header in headers]

    assert [answer.status_code for answer in answers] == [400] * 5
    assert await states(owner) == {}


async def test_either_secret_is_known(api: Api, clock: StoppedClock) -> None:
    body = dispute()

    answer = await deliver(api, body, signature(body, clock.now, secret=OTHER_SECRET))

    assert answer.status_code == 200


async def test_signed_nonsense_is_refused(
    api: Api, clock: StoppedClock, owner: asyncpg.Connection
) -> None:
    body = b'{"object": "nothing"}'

    answer = await deliver(api, body, signature(body, clock.now))

    assert await refused(owner, answer, 400)


async def test_a_delivery_of_256_kib_is_taken(api: Api, clock: StoppedClock) -> None:
    body = dispute().ljust(MAX_BYTES)

    assert (await deliver(api, body, signature(body, clock.now))).status_code == 200


async def test_a_larger_one_is_not_read(
    api: Api, clock: StoppedClock, owner: asyncpg.Connection
) -> None:
    body = dispute().ljust(MAX_BYTES + 1)

    answer = await deliver(api, body, signature(body, clock.now))

    assert await refused(owner, answer, 413)


async def test_nor_one_that_does_not_say_how_large_it_is(
    api: Api, owner: asyncpg.Connection
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(300):
            yield b" " * 1024

    answer = await api.http.post(AT, content=pieces())

    assert await refused(owner, answer, 413)


async def test_only_deliveries_are_taken_there(api: Api) -> None:
    assert (await api.http.get(AT)).status_code == 405


async def test_beside_stripe_there_is_no_demo(api: Api) -> None:
    assert (await api.http.post("/webhooks/local")).status_code == 404
    assert (await api.http.get("/dev/pay/pay_1")).status_code == 404


async def test_people_are_not_among_what_is_kept(
    api: Api, clock: StoppedClock, owner: asyncpg.Connection
) -> None:
    seen = {**DISPUTE, "evidence": {"customer_email_address": "ann@example.test"}}
    body = event("charge.dispute.created", seen)

    await deliver(api, body, signature(body, clock.now))

    assert "ann@" not in await owner.fetchval("SELECT about::text FROM webhook_events")


async def test_events_are_forgotten_after_90_days(
    api: Api,
    runtime: Runtime,
    clock: StoppedClock,
    settings: Settings,
    owner: asyncpg.Connection,
    handled: list[GatewayEvent],
) -> None:
    old, young = dispute("evt_1"), dispute("evt_2")
    await deliver(api, old, signature(old, clock.now))
    clock.advance(seconds=1)
    await deliver(api, young, signature(young, clock.now))
    await run_due_jobs(runtime)
    clock.advance(days=90)

    assert settings.relay_database_url is not None
    relay = Database(settings.relay_database_url.sqlalchemy)
    await purge_expired(runtime, relay)
    await relay.close()

    assert await states(owner) == {"evt_2": "done"}
