"""Gateways for tests, each with a customer who pays or whose card is declined."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from integrations.payments.local import LocalGateway
from integrations.payments.protocol import Gateway
from integrations.payments.stripe import StripeGateway
from integrations.stripe_client import StripeApi
from kit.clock import system_clock
from tests.integrations.payments.fake_stripe import (
    KEY,
    SECRET,
    FakeStripe,
    event,
    running_fake_stripe,
    signature,
)
from tests.support.serving import serving

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 60.0

Delivery = tuple[bytes, Mapping[str, str]]


class Bench(Protocol):
    """A gateway, and what others do with it."""

    gateway: Gateway

    async def pay(self, id: str) -> None: ...

    async def decline(self, id: str) -> None: ...

    async def payment_event(self, id: str) -> Delivery:
        """Returns the webhook of the paid payment. Raises TimeoutError."""


@dataclass
class LocalBench:
    gateway: LocalGateway

    async def pay(self, id: str) -> None:
        await self.gateway.pay(id)

    async def decline(self, id: str) -> None:
        await self.gateway.fail(id)

    async def payment_event(self, id: str) -> Delivery:
        deliveries = await self.gateway.undelivered()
        found = next(each for each in deliveries if id in each.body.decode())
        return found.body, self.gateway.signed(found)


@dataclass
class FakeStripeBench:
    gateway: StripeGateway
    fake: FakeStripe

    async def pay(self, id: str) -> None:
        self.fake.pay(id)

    async def decline(self, id: str) -> None:
        self.fake.decline(id)

    async def payment_event(self, id: str) -> Delivery:
        body = event("payment_intent.succeeded", self.fake.intents[None][id])
        return body, {"stripe-signature": signature(body, system_clock())}


@dataclass
class LocalstripeBench:
    """``http`` speaks to it as a customer's browser does."""

    gateway: StripeGateway
    http: httpx2.AsyncClient
    deliveries: list[Delivery] = field(default_factory=list)

    async def pay(self, id: str) -> None:
        assert await self._confirm(id, "pm_card_visa") == 200

    async def decline(self, id: str) -> None:
        assert await self._confirm(id, "pm_card_chargeCustomerFail") == 402

    async def payment_event(self, id: str) -> Delivery:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                for delivery in self.deliveries:
                    if id in delivery[0].decode():
                        return delivery
                await asyncio.sleep(0.05)

    async def _confirm(self, id: str, card: str) -> int:
        at = f"/v1/payment_intents/{id}"
        chosen = await self.http.post(at, data={"payment_method": card})
        assert chosen.status_code == 200, chosen.text
        return (await self.http.post(f"{at}/confirm")).status_code


@asynccontextmanager
async def local(folder: Path) -> AsyncIterator[LocalBench]:
    file = folder / "books.sqlite3"
    yield LocalBench(LocalGateway(file, secret="a secret of the tests", clock=system_clock))


@asynccontextmanager
async def fake_stripe(_folder: Path) -> AsyncIterator[FakeStripeBench]:
    async with running_fake_stripe() as fake:
        gateway = _stripe_at(fake.address)
        yield FakeStripeBench(gateway, fake)
        await gateway.close()


@asynccontextmanager
async def localstripe(_folder: Path) -> AsyncIterator[LocalstripeBench]:
    """Runs localstripe, which delivers to an address of the bench's own."""
    deliveries: list[Delivery] = []

    async def take(request: Request) -> Response:
        deliveries.append((await request.body(), dict(request.headers)))
        return Response()

    inbox = Starlette(routes=[Route("/", take, methods=["POST"])])
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        _process("localstripe_server") as address,
        serving(inbox) as deliver_to,
        httpx2.AsyncClient(base_url=address, headers=headers, timeout=30) as http,
    ):
        hook = {"url": deliver_to, "secret": SECRET}
        await _answers(http)
        assert (await http.post("/_config/webhooks/ours", json=hook)).status_code == 200
        gateway = _stripe_at(address)
        yield LocalstripeBench(gateway, http, deliveries)
        await gateway.close()


def _stripe_at(address: str) -> StripeGateway:
    api = StripeApi(KEY, address=address, timeout_seconds=30, call_timeout_seconds=60)
    return StripeGateway(api, webhook_secrets=(SECRET,))


async def _answers(http: httpx2.AsyncClient) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                await http.get("/v1/payment_intents")
            except httpx2.TransportError:
                await asyncio.sleep(0.05)
            else:
                return


@asynccontextmanager
async def _process(name: str) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-m", f"tests.integrations.payments.{name}"]
        process = subprocess.Popen(
            [*command, str(listener.fileno())],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
        )
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            process.terminate()
            process.wait(timeout=30)
            if process.stdin:
                process.stdin.close()


BENCHES: dict[str, Any] = {"local": local, "fake stripe": fake_stripe, "localstripe": localstripe}

FIVE_MINUTES = timedelta(minutes=5)
