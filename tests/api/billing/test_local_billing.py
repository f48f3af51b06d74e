"""Plans without billing: every step works, and no venue is ever closed."""

from datetime import timedelta

import pytest
import pytest_asyncio

from domain.tenants.plans import PlanCode
from kit.runtime import Runtime
from tests.api.billing.subscribers import Subscriber
from tests.integrations.billing.fake_billing import FakeBilling
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.desk import made, refused
from tests.support.factories import Venue, api_id, make_subscription, make_venue
from tests.support.work import run_due_jobs


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, plan=PlanCode.STARTER)


@pytest.fixture
def owner(api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue) -> Subscriber:
    """A subscriber whose Stripe is never called."""
    return Subscriber(api, runtime, clock, venue, FakeBilling())


async def test_a_venue_that_never_chooses_goes_on(owner: Subscriber, runtime: Runtime) -> None:
    owner.clock.advance(days=100)
    await run_due_jobs(runtime)
    at = owner.clock.now + timedelta(days=1)

    made(await owner.desk.create(owner.venue.rooms[0], at, customer=customer(owner)))

    seen = await owner.billing()
    assert (seen["isEnforced"], seen["subscription"]) == (False, None)


@pytest.mark.parametrize("status", ["past_due", "unpaid", "canceled", "incomplete"])
async def test_no_state_closes_it(owner: Subscriber, status: str) -> None:
    await make_subscription(
        owner.runtime, owner.venue, status=status, begun_at=MONDAY_MORNING - timedelta(days=99)
    )
    at = MONDAY_MORNING + timedelta(days=1)

    made(await owner.desk.create(owner.venue.rooms[0], at, customer=customer(owner)))

    assert (await owner.subscription())["takesBookings"] is True


async def test_a_plan_is_tried_bought_changed_and_cancelled(owner: Subscriber) -> None:
    tried = (await owner.start_trial("ENTERPRISE")).payload["subscription"]
    bought = await owner.start_checkout("PROFESSIONAL")
    seen = await owner.subscription()
    up = (await owner.change_plan("ENTERPRISE", seen["version"])).payload["subscription"]
    down = (await owner.change_plan("STARTER", up["version"])).payload["subscription"]
    ending = (await owner.cancel(down["version"])).payload["subscription"]

    assert (tried["status"], tried["plan"]["code"]) == ("TRIALING", "ENTERPRISE")
    assert bought.payload["url"] == "https://venue.test/yes"
    assert (seen["status"], seen["plan"]["code"]) == ("ACTIVE", "PROFESSIONAL")
    assert (up["plan"]["code"], down["nextPlan"]["code"]) == ("ENTERPRISE", "STARTER")
    assert (ending["cancelsAtPeriodEnd"], ending["nextPlan"]) == (True, None)
    assert (await owner.billing())["plan"]["code"] == "ENTERPRISE"


async def test_of_two_changes_at_a_version_one_is_stale(owner: Subscriber) -> None:
    tried = (await owner.start_trial("ENTERPRISE")).payload["subscription"]
    await owner.cancel(tried["version"])

    assert refused(await owner.cancel(tried["version"]))["code"] == "STALE_VERSION"


def customer(owner: Subscriber) -> dict[str, str]:
    return {"id": api_id(owner.venue.customer)}
