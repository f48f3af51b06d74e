"""The app with Stripe's client and a fake server of Stripe."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx2
from starlette.applications import Starlette

from app import build_app
from integrations.payments.protocol import Gateway
from integrations.payments.stripe import StripeGateway
from integrations.stripe_client import StripeApi
from kit.clock import Clock
from kit.ids import new_id
from kit.runtime import Runtime
from kit.security.passwords import Passwords
from kit.settings import Settings
from schema.core.global_ids import read_id
from tests.integrations.payments.fake_stripe import (
    KEY,
    SECRET,
    FakeStripe,
    event,
    running_fake_stripe,
    signature,
)
from tests.support.client import Answer, Api
from tests.support.desk import BookingClient
from tests.support.factories import Person, Venue
from tests.support.work import forget_jobs, run_due_jobs

MONEY = """
fragment Paid on Booking {
  id version status holdExpiresAt
  payment { kind status amount { amount } clientSecret checkoutUrl expiresAt lastError
    receipt { number issuedAt lines { label amount { amount } } total { amount currencyCode } } }
  payments { status amount { amount } }
  refunds { amount { amount } status cause reason }
  amountPaid { amount } amountRefunded { amount } balanceDue { amount }
  cancellationQuote { refund { amount } fee { amount } refundPercent stepLabel endsAt }
}
"""
_SETTINGS = """mutation ($version: Int!, $input: UpdatePaymentSettingsInput!) {
  updatePaymentSettings(version: $version, input: $input) {
    tenant { version paymentSettings {
      policy percent amount { amount } cancellationSteps { minutesBefore refundPercent label }
    } }
    userErrors { code message path }
  }
}"""
_SUMS = "SELECT account, sum(amount_minor)::bigint FROM ledger_entries WHERE {} GROUP BY 1"


@dataclass
class PaymentsApp:
    """The running app, its gateway, and clients of both."""

    app: Starlette
    api: Api
    stripe: FakeStripe
    clock: Clock

    @property
    def runtime(self) -> Runtime:
        found = self.app.state.runtime
        assert isinstance(found, Runtime)
        return found

    def desk(self, person: Person) -> BookingClient:
        return BookingClient(self.api, self.runtime, person)

    async def set_up(self, venue: Venue, *, version: int = 1, **given: Any) -> Answer:
        """Changes the venue's payment settings."""
        answer = await self.desk(venue.owner)(_SETTINGS, version=version, input=given)
        assert answer.refusals == [], answer.payload
        return answer

    # -------------------------------------------------------------------------- the customer

    def intents(self, booking: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Returns a booking's PaymentIntents, the oldest first."""
        _, id = read_id(booking["id"])
        of_platform = self.stripe.intents.get(None, {}).values()
        return [each for each in of_platform if each["metadata"]["booking_id"] == str(id)]

    async def pays(self, booking: Mapping[str, Any]) -> dict[str, Any]:
        """Pays in the browser; Stripe's webhook isn't delivered yet."""
        intent = self.intents(booking)[-1]
        self.stripe.pay(intent["id"])
        return intent

    async def pays_and_is_heard(self, booking: Mapping[str, Any]) -> None:
        await self.hears(await self.pays(booking))

    async def hears(
        self, seen: Mapping[str, Any], type: str = "payment_intent.succeeded", **more: Any
    ) -> None:
        """Delivers an event of Stripe, and runs the jobs that follow."""
        await self.receives(seen, type, **more)
        await self.work()

    async def receives(
        self, seen: Mapping[str, Any], type: str = "payment_intent.succeeded", **more: Any
    ) -> None:
        """Delivers an event of Stripe."""
        body = event(type, seen, **{"id": f"evt_{new_id()}", **more})
        headers = {"stripe-signature": signature(body, self.clock())}
        answer = await self.api.http.post("/webhooks/stripe", content=body, headers=headers)
        assert answer.status_code == 200, answer.text

    async def work(self) -> None:
        """Runs due jobs."""
        await run_due_jobs(self.runtime, seconds=60)

    # -------------------------------------------------------------------------- the books

    async def seen(self, person: Person, booking: Mapping[str, Any]) -> Any:
        """Returns the booking and its payments as a person sees them."""
        text = f"query ($id: ID!) {{ booking(id: $id) {{ ...Paid }} }} {MONEY}"
        return (await self.desk(person)(text, id=booking["id"])).payload

    async def sums(self, venue: Venue, booking: Mapping[str, Any] | None = None) -> dict[str, int]:
        """Returns the balances of the ledger's accounts, of a booking or of all."""
        condition, given = "tenant_id = $1", [venue.tenant.id]
        if booking is not None:
            condition = f"{condition} AND booking_id = $2"
            given.append(read_id(booking["id"])[1])
        return dict(await self.rows(venue, _SUMS.format(condition), *given))

    async def rows(self, venue: Venue, statement: str, *given: Any) -> list[Any]:
        """Returns rows of the tenant from the database."""
        settings = self.runtime.services[Settings]
        assert isinstance(settings, Settings)
        connection = await asyncpg.connect(settings.app_database_url)
        try:
            set_tenant = "SELECT set_config('app.tenant', $1, false)"
            await connection.execute(set_tenant, str(venue.tenant.id))
            return list(await connection.fetch(statement, *given))
        finally:
            await connection.close()

    async def agrees(self, venue: Venue) -> None:
        """Checks that the ledger agrees with Stripe's objects, and sums to zero."""
        tenant = str(venue.tenant.id)
        intents = self.stripe.intents.get(None, {}).values()
        ours = {each["id"]: each for each in intents if each["metadata"]["tenant_id"] == tenant}
        went = [each for each in self.stripe.all_refunds() if each["payment_intent"] in ours]
        sums = await self.sums(venue)
        assert sum(sums.values()) == 0
        assert sums.get("received", 0) == sum(each["amount_received"] for each in ours.values())
        assert -sums.get("refunded", 0) == sum(each["amount"] for each in went)
        assert sums.get("refunds_due", 0) == 0

    async def counts(self, venue: Venue) -> None:
        """Checks that the plan's counter agrees with the log."""
        used = """SELECT coalesce(sum(used), 0)::bigint FROM usage_counters
            WHERE tenant_id = $1 AND meter = 'bookings'"""
        counted = "SELECT count(*) FROM log WHERE tenant_id = $1 AND type = 'BOOKING_CREATED'"
        assert await self.rows(venue, used, venue.tenant.id) == await self.rows(
            venue, counted, venue.tenant.id
        )


@asynccontextmanager
async def opened(
    settings: Settings, clock: Clock, *, timeout_seconds: float = 30
) -> AsyncIterator[PaymentsApp]:
    """Starts the app with Stripe's client and the fake server of Stripe."""
    await forget_jobs(settings)
    async with (
        running_fake_stripe() as fake,
        _app_before(fake, settings, clock, timeout_seconds) as till,
    ):
        yield till


@asynccontextmanager
async def opened_twice(
    settings: Settings, clock: Clock
) -> AsyncIterator[tuple[PaymentsApp, PaymentsApp]]:
    """Starts two apps on one database and one fake Stripe, as two processes would be."""
    await forget_jobs(settings)
    async with (
        running_fake_stripe() as fake,
        _app_before(fake, settings, clock, 30) as first,
        _app_before(fake, settings, clock, 30) as second,
    ):
        yield first, second


@asynccontextmanager
async def _app_before(
    fake: FakeStripe, settings: Settings, clock: Clock, timeout_seconds: float
) -> AsyncIterator[PaymentsApp]:
    api = StripeApi(
        KEY, address=fake.address, timeout_seconds=timeout_seconds, call_timeout_seconds=60
    )
    gateway = StripeGateway(api, webhook_secrets=(SECRET,))
    parts: dict[type, object] = {Passwords: Passwords.cheap(), Gateway: gateway}
    app = build_app(settings, clock=clock, services=parts, with_graphiql=False)
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http,
    ):
        yield PaymentsApp(app, Api(http), fake, clock)
