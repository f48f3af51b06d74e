"""Helpers for tests of a venue that is billed by Stripe: operations, webhooks and the log."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from kit.runtime import Runtime
from tests.integrations.billing.fake_billing import FakeBilling
from tests.integrations.payments.fake_stripe import event, signature
from tests.support.client import Answer, Api
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient
from tests.support.factories import Venue
from tests.support.work import run_due_jobs

SUBSCRIPTION = """
fragment Subscribed on BillingSubscription {
  id version status plan { code } nextPlan { code } takesBookings refusesBookingsFrom
  periodStart periodEnd trialEndsAt cancelsAtPeriodEnd overdueSince endedAt
}
"""
REFUSAL = """
fragment Refused on UserError {
  __typename code message path
  ... on TooManyRoomsError { limit used rooms { name } }
  ... on SubscriptionInactiveError { status since }
  ... on StaleVersionError { current { id ... on BillingSubscription { version } } }
}
"""
BILLING = f"""{{ billing {{
  plan {{ code }} isEnforced trialAvailable subscription {{ ...Subscribed }}
  usage {{ rooms {{ used limit }} bookings {{ used limit }} }}
  usageHistory {{ month bookings }}
  upcomingInvoice {{ amount {{ amount currencyCode }} dueAt }}
  invoices(first: 10) {{
    nodes {{ number status total {{ amount }} paid {{ amount }} issuedAt pageUrl pdfUrl }}
  }}
}} }} {SUBSCRIPTION}"""

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A venue's owner, with a fake Stripe."""

    api: Api
    runtime: Runtime
    clock: StoppedClock
    venue: Venue
    stripe: FakeBilling

    @property
    def desk(self) -> BookingClient:
        return BookingClient(self.api, self.runtime, self.venue.owner)

    @property
    def customer(self) -> str:
        """The venue's customer id at Stripe."""
        tenant_id = str(self.venue.tenant.id)
        (found,) = [
            id
            for id, each in self.stripe.customers.items()
            if each["metadata"]["tenant_id"] == tenant_id
        ]
        return found

    async def billing(self) -> Any:
        return (await self.desk(BILLING)).payload

    async def subscription(self) -> Any:
        return (await self.billing())["subscription"]

    async def add_room(self) -> Answer:
        """Adds a room."""
        return await self.desk(
            """mutation { createRoom(input: { name: "Attic", capacity: 4 }) {
                 room { id } userErrors { code ... on PlanLimitError { requiredPlan } } } }"""
        )

    async def start_trial(self, plan: str = "PROFESSIONAL") -> Answer:
        return await self._mutate("startTrial", {"plan": plan})

    async def start_checkout(self, plan: str = "PROFESSIONAL") -> Answer:
        pages = {"successUrl": "https://venue.test/yes", "cancelUrl": "https://venue.test/no"}
        return await self._mutate("startCheckout", {"plan": plan, **pages}, shown="url")

    async def change_plan(self, plan: str, version: int, **more: Any) -> Answer:
        return await self._mutate("changePlan", {"plan": plan, **more}, version=version)

    async def cancel(self, version: int) -> Answer:
        return await self._mutate("cancelSubscription", None, version=version)

    async def resume(self, version: int) -> Answer:
        return await self._mutate("resumeSubscription", None, version=version)

    async def open_portal(self) -> Answer:
        arguments = {"returnUrl": "https://venue.test"}
        return await self._mutate("openBillingPortal", arguments, shown="url")

    async def subscribe(self, plan: str = "PROFESSIONAL") -> Any:
        """Completes the checkout with a valid card."""
        answer = await self.start_checkout(plan)
        assert answer.refusals == [], answer.payload
        begun = self.stripe.subscribe(answer.payload["url"])
        await self.hear("customer.subscription.created", begun)
        return await self.subscription()

    async def let_time_pass(self, **time: float) -> None:
        """Moves the clock; Stripe does what is due and delivers its events."""
        self.clock.advance(**time)
        self.stripe.pass_time()
        for each in list(self.stripe.subscriptions.values()):
            if each["customer"] == self.customer:
                await self.hear("customer.subscription.updated", each)

    async def hear(
        self, type: str, seen: Mapping[str, Any], *, id: str | None = None, **more: Any
    ) -> None:
        """Delivers an event as Stripe does, and runs the jobs that follow."""
        body = event(
            type,
            seen,
            id=id or f"evt_{next(_numbers)}",
            created=int(self.clock.now.timestamp()),
            **more,
        )
        answer = await self.api.http.post(
            "/webhooks/stripe",
            content=body,
            headers={"Stripe-Signature": signature(body, self.clock.now)},
        )
        assert answer.status_code == 200, answer.text
        await run_due_jobs(self.runtime)

    async def _mutate(
        self,
        mutation: str,
        given: Mapping[str, Any] | None,
        *,
        shown: str = "subscription { ...Subscribed }",
        version: int | None = None,
    ) -> Answer:
        arguments: dict[str, tuple[str, Any]] = {}
        if version is not None:
            arguments["version"] = ("Int!", version)
        if given is not None:
            arguments["input"] = (f"{mutation[0].upper()}{mutation[1:]}Input!", dict(given))
        declared = ", ".join(f"${name}: {kind}" for name, (kind, _) in arguments.items())
        passed = ", ".join(f"{name}: ${name}" for name in arguments)
        # A fragment that nothing uses is refused.
        fragments = SUBSCRIPTION + REFUSAL if "Subscribed" in shown else REFUSAL
        return await self.desk(
            f"""mutation ({declared}) {{ {mutation}({passed}) {{
                  {shown} userErrors {{ ...Refused }}
                }} }} {fragments}""",
            **{name: value for name, (_, value) in arguments.items()},
        )
