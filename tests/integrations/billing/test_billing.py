"""The billing protocol: Stripe's client against a fake server, and the local gateway."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from domain.billing.plan_subscriptions import Subscription, SubscriptionStatus
from domain.tenants.plans import PlanCode
from integrations.billing.local import LocalBilling
from integrations.billing.protocol import Account, Billing, Buyer
from integrations.billing.stripe import StripeBilling
from integrations.payments.protocol import GatewayAway, GatewayRefused
from integrations.stripe_client import StripeApi
from kit.ids import new_id
from tests.integrations.billing.fake_billing import FakeBilling, running_fake_billing
from tests.integrations.payments.benches import localstripe
from tests.integrations.payments.fake_stripe import KEY, Fault
from tests.support.clock import MONDAY_MORNING, StoppedClock

PAGES = {"success_url": "https://venue.test/yes", "cancel_url": "https://venue.test/no"}
TRIAL_END = MONDAY_MORNING + timedelta(days=14)


@dataclass
class Bench:
    """A way of billing, and how a person goes through its checkout."""

    billing: Billing
    clock: StoppedClock
    buyer: Buyer
    filled_in: Callable[[str], object]
    pass_time: Callable[[], None]

    async def customer(self) -> str:
        return await self.billing.create_customer(self.buyer, key="customer")

    async def try_out(self, customer: str, plan: PlanCode = PlanCode.PROFESSIONAL) -> None:
        await self.billing.start_trial(
            customer, plan, tenant_id=self.buyer.tenant_id, days=14, key="trial"
        )

    async def buy(self, customer: str, plan: PlanCode = PlanCode.PROFESSIONAL) -> str:
        """Subscribes with a good card and returns the subscription's id."""
        url = await self.billing.start_checkout(
            customer,
            plan,
            tenant_id=self.buyer.tenant_id,
            trial_ends_at=None,
            key="checkout",
            **PAGES,
        )
        self.filled_in(url)
        id = (await self.billing.fetch(customer)).subscription_id
        assert id is not None
        return id

    async def seen(self, customer: str) -> Subscription:
        found = (await self.billing.fetch(customer)).subscription
        assert found is not None
        return found

    def advance(self, *, days: float) -> None:
        self.clock.advance(days=days)
        self.pass_time()


def stripe_at(address: str, clock: StoppedClock) -> StripeBilling:
    return StripeBilling(StripeApi(KEY, address=address, timeout_seconds=1.0), clock=clock)


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def buyer() -> Buyer:
    return Buyer(new_id(), "A venue", "owner@venue.test")


@pytest_asyncio.fixture
async def fake(clock: StoppedClock) -> AsyncIterator[FakeBilling]:
    async with running_fake_billing(clock) as fake:
        yield fake


@pytest_asyncio.fixture
async def stripe(fake: FakeBilling, clock: StoppedClock, buyer: Buyer) -> AsyncIterator[Bench]:
    billing = stripe_at(fake.address, clock)
    yield Bench(billing, clock, buyer, fake.subscribe, fake.pass_time)
    await billing.close()


@pytest.fixture(params=["stripe", "local"])
def bench(
    request: pytest.FixtureRequest, stripe: Bench, clock: StoppedClock, buyer: Buyer, tmp_path: Path
) -> Bench:
    if request.param == "stripe":
        return stripe
    local = LocalBilling(tmp_path / "billing.sqlite3", clock=clock)
    return Bench(local, clock, buyer, lambda url: url, lambda: None)


# ------------------------------------------------------------------------------ all of them


async def test_a_customer_is_made_once_and_known_again(bench: Bench) -> None:
    customer = await bench.customer()

    assert await bench.customer() == customer
    assert await bench.billing.owner_of(customer) == bench.buyer.tenant_id
    assert await bench.billing.fetch(customer) == Account()


async def test_a_trial_is_begun_once(bench: Bench) -> None:
    customer = await bench.customer()

    await bench.try_out(customer)
    await bench.try_out(customer)

    seen = await bench.seen(customer)
    assert (seen.plan, seen.status) == (PlanCode.PROFESSIONAL, SubscriptionStatus.TRIALING)
    assert seen.trial_ends_at == TRIAL_END
    assert (await bench.billing.fetch(customer)).superseded == ()


async def test_a_checkout_leads_to_a_subscription_for_a_month(bench: Bench) -> None:
    customer = await bench.customer()

    await bench.buy(customer)

    seen = await bench.seen(customer)
    assert (seen.plan, seen.status) == (PlanCode.PROFESSIONAL, SubscriptionStatus.ACTIVE)
    assert seen.period_end == MONDAY_MORNING.replace(month=4)


async def test_a_plan_goes_up_at_once(bench: Bench) -> None:
    customer = await bench.customer()
    id = await bench.buy(customer)

    await bench.billing.change_plan(id, PlanCode.ENTERPRISE, at_once=True, key="up")

    assert (await bench.seen(customer)).plan is PlanCode.ENTERPRISE


async def test_a_plan_goes_down_with_the_period(bench: Bench) -> None:
    customer = await bench.customer()
    id = await bench.buy(customer)

    await bench.billing.change_plan(id, PlanCode.STARTER, at_once=False, key="down")

    waiting = await bench.seen(customer)
    assert (waiting.plan, waiting.next_plan) == (PlanCode.PROFESSIONAL, PlanCode.STARTER)
    bench.advance(days=31)
    after = await bench.seen(customer)
    assert (after.plan, after.next_plan) == (PlanCode.STARTER, None)


async def test_a_change_that_waits_is_dropped_by_each_that_follows(bench: Bench) -> None:
    customer = await bench.customer()
    id = await bench.buy(customer)
    down = PlanCode.STARTER

    await bench.billing.change_plan(id, down, at_once=False, key="1")
    await bench.billing.keep_plan(id, key="2")
    kept = await bench.seen(customer)
    await bench.billing.change_plan(id, down, at_once=False, key="3")
    await bench.billing.change_plan(id, PlanCode.ENTERPRISE, at_once=True, key="4")
    up = await bench.seen(customer)
    await bench.billing.change_plan(id, down, at_once=False, key="5")
    await bench.billing.cancel(id, key="6")
    cancelled = await bench.seen(customer)

    assert [each.next_plan for each in (kept, up, cancelled)] == [None, None, None]
    assert cancelled.cancels_at_period_end


async def test_a_cancelled_one_ends_with_its_period_unless_resumed(bench: Bench) -> None:
    customer = await bench.customer()
    id = await bench.buy(customer)

    await bench.billing.cancel(id, key="1")
    await bench.billing.resume(id, key="2")
    bench.advance(days=31)
    resumed = await bench.seen(customer)
    await bench.billing.cancel(id, key="3")
    bench.advance(days=31)

    ended = await bench.seen(customer)
    assert resumed.status is SubscriptionStatus.ACTIVE
    assert (ended.status, ended.ended_at) == (SubscriptionStatus.CANCELED, resumed.period_end)


async def test_what_is_ended_takes_no_more_changes(bench: Bench) -> None:
    customer = await bench.customer()
    id = await bench.buy(customer)

    await bench.billing.end(id, key="end")

    assert (await bench.seen(customer)).status is SubscriptionStatus.CANCELED
    with pytest.raises(GatewayRefused):
        await bench.billing.change_plan(id, PlanCode.ENTERPRISE, at_once=True, key="up")


# ------------------------------------------------------------------------------ Stripe's own


# The price is found or made by the first two requests; then come a look, a schedule and its plan.
@pytest.mark.parametrize("fault", [Fault.CUT, Fault.BROKEN])
@pytest.mark.parametrize("passed", [2, 3, 4])
async def test_a_change_that_waits_is_made_once_whatever_fails_on_the_way(
    stripe: Bench, fake: FakeBilling, fault: Fault, passed: int
) -> None:
    customer = await stripe.customer()
    id = await stripe.buy(customer)

    async def go_down() -> None:
        await stripe.billing.change_plan(id, PlanCode.STARTER, at_once=False, key="down")

    fake.fail_later(fault, passed=passed)
    failed = await outcome(go_down)
    fake.faults.clear()
    await go_down()

    assert failed in (None, GatewayAway)
    assert len(fake.schedules) == 1
    assert (await stripe.seen(customer)).next_plan is PlanCode.STARTER


async def test_a_price_is_made_once_and_found_again(
    stripe: Bench, fake: FakeBilling, clock: StoppedClock
) -> None:
    await stripe.try_out(await stripe.customer())
    other = stripe_at(fake.address, clock)
    buyer = Buyer(new_id(), "Another venue", "owner@another.test")
    again = Bench(other, clock, buyer, fake.subscribe, fake.pass_time)
    customer = await other.create_customer(buyer, key="another customer")
    await other.start_trial(
        customer, PlanCode.PROFESSIONAL, tenant_id=again.buyer.tenant_id, days=14, key="another"
    )
    await other.close()

    (price,) = fake.prices.values()
    assert (price["unit_amount"], price["currency"]) == ("7900", "usd")
    assert price["recurring"] == {"interval": "month"}


async def test_of_several_that_live_the_newest_counts(stripe: Bench, fake: FakeBilling) -> None:
    customer = await stripe.customer()
    old = await stripe.buy(customer)
    stripe.clock.advance(minutes=1)
    price = next(iter(fake.prices))
    newest = fake._begun(customer, price, metadata={}, trial_end=None)

    account = await stripe.billing.fetch(customer)

    assert (account.subscription_id, account.superseded) == (newest["id"], (old,))


async def test_every_change_has_a_key(stripe: Bench, fake: FakeBilling) -> None:
    customer = await stripe.customer()
    id = await stripe.buy(customer)
    await stripe.billing.change_plan(id, PlanCode.STARTER, at_once=False, key="1")
    await stripe.billing.cancel(id, key="2")
    await stripe.billing.end(id, key="3")

    reads = ("create_preview", "portal")
    unkeyed = [
        each.path
        for each in fake.requests
        if each.method != "GET" and each.key is None and not each.path.endswith(reads)
    ]
    assert unkeyed == []


async def test_localstripe_knows_customers_that_have_bought_nothing(
    clock: StoppedClock, buyer: Buyer, tmp_path: Path
) -> None:
    async with localstripe(tmp_path) as bench:
        address = str(bench.http.base_url).rstrip("/")
        billing = stripe_at(address, clock)
        customer = await billing.create_customer(buyer, key="customer")

        owner = await billing.owner_of(customer)
        invoices = (await billing.fetch(customer)).invoices
        await billing.close()

    assert owner == buyer.tenant_id
    assert invoices == ()


async def outcome(attempt: Callable[[], Awaitable[None]]) -> type[BaseException] | None:
    try:
        await attempt()
    except GatewayAway as error:
        return type(error)
    return None
