"""A venue's first months: trial, plan, upgrade, failed payment, closure and recovery."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from domain.tenants.plans import PlanCode
from kit.runtime import Runtime
from kit.settings import Settings
from tests.api.accounts.accounts import mails
from tests.api.billing.subscribers import Subscriber
from tests.integrations.billing.fake_billing import FakeBilling, running_fake_billing
from tests.integrations.payments.fake_stripe import known_to
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.desk import made, refused
from tests.support.factories import Venue, api_id, make_venue


@pytest_asyncio.fixture
async def stripe(clock: StoppedClock) -> AsyncIterator[FakeBilling]:
    async with running_fake_billing(clock) as fake:
        yield fake


@pytest.fixture
def settings(settings: Settings, stripe: FakeBilling) -> Settings:
    return known_to(settings, stripe)


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, plan=PlanCode.STARTER, rooms=5)


async def test_from_the_trial_to_an_upgrade_to_a_failed_payment_to_recovery(
    api: Api,
    runtime: Runtime,
    clock: StoppedClock,
    venue: Venue,
    stripe: FakeBilling,
    settings: Settings,
) -> None:
    owner = Subscriber(api, runtime, clock, venue, stripe)
    room, who = venue.rooms[0], {"id": api_id(venue.customer)}

    # Five rooms are all that Starter has. The venue tries Professional, and the sixth fits.
    full = refused(await owner.add_room())
    assert full == {"code": "PLAN_LIMIT_REACHED", "requiredPlan": "PROFESSIONAL"}
    trial = (await owner.start_trial("PROFESSIONAL")).payload["subscription"]
    assert (trial["status"], trial["trialEndsAt"]) == ("TRIALING", "2027-03-15T09:00:00Z")
    assert (await owner.add_room()).refusals == []

    # It likes it, and gives a card before the trial is over; then it is paid for.
    await owner.let_time_pass(days=10)
    await owner.subscribe("PROFESSIONAL")
    await owner.let_time_pass(days=5)
    paying = await owner.subscription()
    assert (paying["status"], paying["periodEnd"]) == ("ACTIVE", "2027-04-15T09:00:00Z")

    # It outgrows that plan too, and pays the difference for the half of the month that is left.
    await owner.let_time_pass(days=14.5)
    paying = await owner.subscription()
    upgraded = (await owner.change_plan("ENTERPRISE", paying["version"])).payload
    assert upgraded["userErrors"] == []
    invoices = (await owner.billing())["invoices"]["nodes"]
    assert [(each["status"], each["total"]["amount"]) for each in invoices] == [
        ("PAID", "60.00"),
        ("PAID", "79.00"),
    ]

    # The card runs out. For seven days, to the second, all goes on.
    stripe.good_cards[owner.customer] = False
    await owner.let_time_pass(days=17)
    overdue = await owner.subscription()
    assert (overdue["status"], overdue["overdueSince"]) == ("PAST_DUE", "2027-04-15T09:00:00Z")
    assert overdue["refusesBookingsFrom"] == "2027-04-22T09:00:00Z"
    booking = made(await owner.desk.create(room, "2027-04-24T10:00:00Z", customer=who))

    # Then nothing new is taken, by whomever; what exists is looked after.
    clock.now = clock.now.replace(day=22, hour=9, minute=0, second=0)
    closed = refused(await owner.desk.create(room, "2027-04-24T14:00:00Z", customer=who))
    assert closed["code"] == "SUBSCRIPTION_INACTIVE"
    assert made(await owner.desk.move(booking, "2027-04-24T11:00:00Z"))[0]["status"] == "CONFIRMED"
    assert (await owner.subscription())["takesBookings"] is False

    # A new card at the portal, and it is open again.
    assert (await owner.open_portal()).payload["url"].startswith("https://")
    stripe.pay_what_is_owed(owner.customer)
    await owner.hear("invoice.paid", list(stripe.invoices.values())[-1])
    assert (await owner.subscription())["status"] == "ACTIVE"
    made(await owner.desk.create(room, "2027-04-24T14:00:00Z", customer=who))

    # Its owner was told of each step.
    subjects = [str(mail["Subject"]) for mail in await mails(runtime, settings)]
    name = venue.tenant.name
    for subject in (
        f"Your trial of the Professional plan for {name}",
        f"{name} is on the Professional plan",
        f"{name} is now on the Enterprise plan",
        f"The payment for {name} failed",
        f"We have received the payment for {name}",
    ):
        assert subject in subjects
