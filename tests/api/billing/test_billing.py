"""Plans billed by Stripe, over the API: trial, checkout, changes, cancellation, failed payments."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from domain.tenants.plans import PlanCode
from integrations.billing.protocol import Billing
from integrations.payments.protocol import AnotherGateway, GatewayEvent, Subject
from jobs.sync_billing import billing_event, sync_all_billing
from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.settings import Settings
from resolvers.billing.subscription_sync import Look, look
from tests.api.accounts.accounts import logged, mails
from tests.api.billing.subscribers import Subscriber
from tests.integrations.billing.fake_billing import FakeBilling, running_fake_billing
from tests.integrations.payments.fake_stripe import Fault, known_to
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.desk import BookingClient, made, refused
from tests.support.factories import Venue, api_id, make_subscription, make_venue
from tests.support.transactions import watched
from tests.support.work import run_due_jobs

TOMORROW = MONDAY_MORNING + timedelta(days=1)


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


@pytest.fixture
def owner(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue, stripe: FakeBilling
) -> Subscriber:
    return Subscriber(api, runtime, clock, venue, stripe)


@pytest_asyncio.fixture
async def relay(settings: Settings) -> AsyncIterator[Database]:
    assert settings.relay_database_url is not None
    database = Database(settings.relay_database_url.sqlalchemy)
    yield database
    await database.close()


def subscription(answer: Any) -> Any:
    """Returns the subscription of a change that wasn't refused."""
    assert answer.refusals == [], answer.payload["userErrors"]
    return answer.payload["subscription"]


async def events(owner: Subscriber) -> list[str]:
    """Returns the subscription's log entries, the oldest first."""
    entries = await logged(owner.runtime, owner.venue)
    return [each.type for each in entries if each.subject_type == "BillingSubscription"]


async def add_room(owner: Subscriber) -> str:
    """Adds the sixth room and returns its id."""
    answer = await owner.add_room()
    assert answer.refusals == []
    return str(answer.payload["room"]["id"])


async def subjects(runtime: Runtime, settings: Settings) -> list[str]:
    return [str(mail["Subject"]) for mail in await mails(runtime, settings)]


# ------------------------------------------------------------------------------ beginning


async def test_a_new_venue_is_on_starter_and_has_a_trial_before_it(owner: Subscriber) -> None:
    seen = await owner.billing()

    assert seen["plan"]["code"] == "STARTER"
    assert (seen["isEnforced"], seen["trialAvailable"]) == (True, True)
    assert seen["subscription"] is None
    assert seen["invoices"]["nodes"] == []
    assert owner.stripe.requests == []


async def test_a_trial_lasts_14_days_and_needs_no_card(owner: Subscriber) -> None:
    begun = subscription(await owner.start_trial())

    assert (begun["status"], begun["plan"]["code"]) == ("TRIALING", "PROFESSIONAL")
    assert begun["trialEndsAt"] == "2027-03-15T09:00:00Z"
    seen = await owner.billing()
    assert seen["plan"]["code"] == "PROFESSIONAL"
    assert seen["trialAvailable"] is False
    assert seen["upcomingInvoice"] == {
        "amount": {"amount": "79.00", "currencyCode": "USD"},
        "dueAt": "2027-03-15T09:00:00Z",
    }
    assert await events(owner) == ["TRIAL_STARTED", "PLAN_CHANGED"]


async def test_a_trial_comes_once(owner: Subscriber) -> None:
    subscription(await owner.start_trial())
    await owner.let_time_pass(days=15)

    again = refused(await owner.start_trial("ENTERPRISE"))

    assert again["code"] == "INVALID_TRANSITION"
    assert len(owner.stripe.subscriptions) == 1


async def test_a_trial_is_of_a_higher_plan(owner: Subscriber) -> None:
    answer = refused(await owner.start_trial("STARTER"))

    assert (answer["code"], answer["path"]) == ("INVALID", ["input", "plan"])


async def test_a_trial_without_a_card_ends_in_starter_and_closed(owner: Subscriber) -> None:
    subscription(await owner.start_trial())

    await owner.let_time_pass(days=14)

    seen = await owner.billing()
    assert seen["plan"]["code"] == "STARTER"
    assert seen["subscription"]["status"] == "CANCELED"
    assert seen["subscription"]["takesBookings"] is False
    assert (await events(owner))[-2:] == ["PLAN_CHANGED", "SUBSCRIPTION_ENDED"]


async def test_a_checkout_begins_the_subscription(
    owner: Subscriber, runtime: Runtime, settings: Settings
) -> None:
    begun = await owner.subscribe("PROFESSIONAL")

    assert (begun["status"], begun["periodEnd"]) == ("ACTIVE", "2027-04-01T09:00:00Z")
    seen = await owner.billing()
    assert seen["plan"]["code"] == "PROFESSIONAL"
    (invoice,) = seen["invoices"]["nodes"]
    assert (invoice["status"], invoice["total"]["amount"]) == ("PAID", "79.00")
    assert invoice["pageUrl"].startswith("https://")
    assert await events(owner) == ["SUBSCRIPTION_STARTED", "PLAN_CHANGED"]
    assert any("Professional" in subject for subject in await subjects(runtime, settings))


async def test_what_is_left_of_a_trial_is_kept_at_the_checkout(owner: Subscriber) -> None:
    subscription(await owner.start_trial())
    tried = next(iter(owner.stripe.subscriptions))
    owner.clock.advance(days=5)

    bought = await owner.subscribe("PROFESSIONAL")

    assert (bought["status"], bought["trialEndsAt"]) == ("TRIALING", "2027-03-15T09:00:00Z")
    assert owner.stripe.subscriptions[tried]["status"] == "canceled"
    assert len(owner.stripe.live(owner.customer)) == 1


async def test_of_two_checkouts_one_subscription_stays(owner: Subscriber) -> None:
    first = (await owner.start_checkout("PROFESSIONAL")).payload["url"]
    second = (await owner.start_checkout("ENTERPRISE")).payload["url"]

    owner.stripe.subscribe(first)
    owner.clock.advance(minutes=1)
    await owner.hear("customer.subscription.created", owner.stripe.subscribe(second))

    (left,) = owner.stripe.live(owner.customer)
    assert left["items"]["data"][0]["price"]["metadata"]["plan"] == "ENTERPRISE"
    assert (await owner.billing())["plan"]["code"] == "ENTERPRISE"


async def test_who_pays_already_checks_out_no_more(owner: Subscriber) -> None:
    await owner.subscribe()

    assert refused(await owner.start_checkout())["code"] == "INVALID_TRANSITION"


@pytest.mark.parametrize(
    "url", ["http://venue.test", "javascript:alert(1)", "venue.test", "", "https://["]
)
async def test_a_page_leads_back_to_https_only(owner: Subscriber, url: str) -> None:
    answer = await owner.desk(
        "mutation ($url: String!) { openBillingPortal(input: { returnUrl: $url }) "
        "{ url userErrors { code path } } }",
        url=url,
    )

    assert refused(answer) == {"code": "INVALID", "path": ["input", "returnUrl"]}


async def test_the_portal_is_stripes(owner: Subscriber) -> None:
    assert (await owner.open_portal()).payload["url"] == "https://p.test"


# ------------------------------------------------------------------------------ changing


async def test_no_transaction_is_open_while_stripe_is_asked(
    owner: Subscriber, database: DatabaseUrls
) -> None:
    async with watched(owner.stripe, database) as waiting:
        subscription(await owner.start_trial())
        bought = await owner.subscribe("PROFESSIONAL")
        lower = subscription(await owner.change_plan("STARTER", bought["version"]))
        higher = subscription(await owner.change_plan("ENTERPRISE", lower["version"]))
        ending = subscription(await owner.cancel(higher["version"]))
        subscription(await owner.resume(ending["version"]))
        await owner.open_portal()

    assert len(owner.stripe.requests) > 20
    assert waiting == set()


async def test_an_upgrade_is_at_once_and_pays_the_difference(owner: Subscriber) -> None:
    begun = await owner.subscribe("PROFESSIONAL")
    owner.clock.advance(days=15.5)

    changed = subscription(await owner.change_plan("ENTERPRISE", begun["version"]))

    assert changed["plan"]["code"] == "ENTERPRISE"
    invoices = (await owner.billing())["invoices"]["nodes"]
    assert [each["total"]["amount"] for each in invoices] == ["60.00", "79.00"]


async def test_a_declined_upgrade_changes_nothing_and_can_be_tried_again(owner: Subscriber) -> None:
    begun = await owner.subscribe("PROFESSIONAL")
    owner.stripe.good_cards[owner.customer] = False

    declined = refused(await owner.change_plan("ENTERPRISE", begun["version"]))

    assert declined["code"] == "PAYMENT_FAILED"
    seen = await owner.subscription()
    assert (seen["plan"]["code"], seen["version"]) == ("PROFESSIONAL", begun["version"])
    owner.stripe.good_cards[owner.customer] = True
    changed = subscription(await owner.change_plan("ENTERPRISE", seen["version"]))
    assert changed["plan"]["code"] == "ENTERPRISE"


async def test_a_downgrade_waits_for_the_end_of_the_period(owner: Subscriber) -> None:
    begun = await owner.subscribe("ENTERPRISE")

    waiting = subscription(await owner.change_plan("PROFESSIONAL", begun["version"]))

    assert (waiting["plan"]["code"], waiting["nextPlan"]["code"]) == ("ENTERPRISE", "PROFESSIONAL")
    await owner.let_time_pass(days=31)
    seen = await owner.billing()
    assert seen["plan"]["code"] == "PROFESSIONAL"
    assert seen["subscription"]["nextPlan"] is None
    assert [each["total"]["amount"] for each in seen["invoices"]["nodes"]] == ["79.00", "199.00"]
    assert (await events(owner))[-2:] == ["NEXT_PLAN_CHANGED", "PLAN_CHANGED"]


async def test_a_downgrade_can_be_called_off(owner: Subscriber) -> None:
    begun = await owner.subscribe("ENTERPRISE")
    waiting = subscription(await owner.change_plan("PROFESSIONAL", begun["version"]))

    kept = subscription(await owner.change_plan("ENTERPRISE", waiting["version"]))

    assert kept["nextPlan"] is None
    await owner.let_time_pass(days=31)
    assert (await owner.billing())["plan"]["code"] == "ENTERPRISE"


async def test_a_plan_with_fewer_rooms_names_those_in_use(owner: Subscriber) -> None:
    begun = await owner.subscribe("PROFESSIONAL")
    await add_room(owner)

    answer = refused(await owner.change_plan("STARTER", begun["version"]))

    assert (answer["__typename"], answer["limit"], answer["used"]) == ("TooManyRoomsError", 5, 6)
    assert [room["name"] for room in answer["rooms"]] == [
        "Attic",
        *(f"Room {n}" for n in range(1, 6)),
    ]
    assert (await owner.subscription())["nextPlan"] is None


async def test_chosen_rooms_are_archived_when_the_plan_goes_down(owner: Subscriber) -> None:
    begun = await owner.subscribe("PROFESSIONAL")
    chosen = await add_room(owner)

    subscription(await owner.change_plan("STARTER", begun["version"], archiveRoomIds=[chosen]))

    assert (await owner.billing())["usage"]["rooms"] == {"used": 6, "limit": 20}
    await owner.let_time_pass(days=31)
    assert (await owner.billing())["usage"]["rooms"] == {"used": 5, "limit": 5}
    rooms = await owner.desk("{ rooms(filter: { archived: true }) { nodes { id } } }")
    assert rooms.payload["nodes"] == [{"id": chosen}]


async def test_a_room_of_nobody_can_not_be_chosen(owner: Subscriber) -> None:
    begun = await owner.subscribe("PROFESSIONAL")
    await add_room(owner)
    nobodys = api_id((await make_venue(owner.runtime)).rooms[0])

    answer = await owner.change_plan("STARTER", begun["version"], archiveRoomIds=[nobodys])

    assert answer.payload["userErrors"][0]["path"] == ["input", "archiveRoomIds", "0"]
    assert answer.refusals == ["NOT_FOUND", "PLAN_LIMIT_REACHED"]


async def test_in_a_trial_every_change_is_at_once_and_free(owner: Subscriber) -> None:
    begun = subscription(await owner.start_trial("ENTERPRISE"))

    changed = subscription(await owner.change_plan("PROFESSIONAL", begun["version"]))

    assert (changed["status"], changed["plan"]["code"]) == ("TRIALING", "PROFESSIONAL")
    assert owner.stripe.invoices == {}


async def test_a_cancelled_subscription_lasts_until_its_period_ends(owner: Subscriber) -> None:
    begun = await owner.subscribe()

    cancelled = subscription(await owner.cancel(begun["version"]))

    assert (cancelled["status"], cancelled["cancelsAtPeriodEnd"]) == ("ACTIVE", True)
    await owner.let_time_pass(days=30)
    assert (await owner.subscription())["takesBookings"] is True
    await owner.let_time_pass(days=1)
    seen = await owner.subscription()
    assert (seen["status"], seen["takesBookings"]) == ("CANCELED", False)
    assert (await owner.subscribe("STARTER"))["takesBookings"] is True


async def test_a_cancelled_subscription_can_be_resumed(owner: Subscriber) -> None:
    begun = await owner.subscribe()
    cancelled = subscription(await owner.cancel(begun["version"]))

    resumed = subscription(await owner.resume(cancelled["version"]))

    assert resumed["cancelsAtPeriodEnd"] is False
    await owner.let_time_pass(days=31)
    assert (await owner.subscription())["status"] == "ACTIVE"
    assert (await events(owner))[-2:] == ["SUBSCRIPTION_CANCELLED", "SUBSCRIPTION_RESUMED"]


async def test_a_change_of_what_was_changed_is_stale(owner: Subscriber) -> None:
    begun = await owner.subscribe()

    answer = refused(await owner.cancel(begun["version"] - 1))

    assert answer["__typename"] == "StaleVersionError"
    assert answer["current"]["version"] == begun["version"]


async def test_without_a_subscription_there_is_nothing_to_change(owner: Subscriber) -> None:
    assert (await owner.change_plan("ENTERPRISE", 1)).refusals == ["INVALID_TRANSITION"]
    assert (await owner.cancel(1)).refusals == ["INVALID_TRANSITION"]
    assert (await owner.resume(1)).refusals == ["INVALID_TRANSITION"]


async def test_only_the_management_sees_and_changes_the_plan(api: Api, owner: Subscriber) -> None:
    manager = BookingClient(api, owner.runtime, owner.venue.manager)

    answers = [
        await manager("{ billing { isEnforced } }"),
        await manager("mutation { startTrial(input: { plan: STARTER }) { userErrors { code } } }"),
    ]

    assert [answer.codes for answer in answers] == [["FORBIDDEN"], ["FORBIDDEN"]]


# ------------------------------------------------------------------------------ races and faults


async def test_of_changes_at_once_one_goes_through(owner: Subscriber) -> None:
    begun = await owner.subscribe("PROFESSIONAL")

    answers = await asyncio.gather(
        owner.change_plan("ENTERPRISE", begun["version"]),
        owner.cancel(begun["version"]),
        owner.change_plan("ENTERPRISE", begun["version"]),
        owner.cancel(begun["version"]),
    )

    assert sorted(len(answer.refusals) for answer in answers) == [0, 1, 1, 1]
    seen, (there,) = await owner.subscription(), owner.stripe.live(owner.customer)
    assert seen["cancelsAtPeriodEnd"] == there["cancel_at_period_end"]
    assert seen["plan"]["code"] == there["items"]["data"][0]["price"]["metadata"]["plan"]


async def test_of_trials_at_once_one_begins(owner: Subscriber) -> None:
    answers = await asyncio.gather(*(owner.start_trial() for _ in range(5)))

    assert sorted(len(answer.refusals) for answer in answers) == [0, 1, 1, 1, 1]
    assert len(owner.stripe.subscriptions) == 1


# The customer is made by the first request, the subscription by the sixth; the price lies between.
@pytest.mark.parametrize(
    ("fault", "passed"),
    [(Fault.CUT, 0), (Fault.CUT, 5), (Fault.BUSY, 5), (Fault.PAGE, 5), (Fault.BROKEN, 3)],
)
async def test_after_a_fault_the_same_trial_is_begun_once(
    owner: Subscriber, fault: Fault, passed: int
) -> None:
    owner.stripe.fail_later(fault, passed=passed)

    failed = await owner.start_trial()
    owner.stripe.faults.clear()
    again = await owner.start_trial()

    assert failed.codes == ["UNAVAILABLE"]
    assert subscription(again)["status"] == "TRIALING"
    assert len(owner.stripe.customers) == 1
    assert len(owner.stripe.subscriptions) == 1


@pytest.mark.parametrize("passed", [0, 5])
async def test_a_failure_that_is_kept_under_a_key_is_got_past(
    owner: Subscriber, passed: int
) -> None:
    owner.stripe.fail_later(Fault.KEPT, passed=passed)

    failed = await owner.start_trial()
    owner.stripe.faults.clear()
    owner.clock.advance(hours=1)
    await run_due_jobs(owner.runtime)

    assert failed.codes == ["UNAVAILABLE"]
    assert subscription(await owner.start_trial())["status"] == "TRIALING"
    assert len(owner.stripe.subscriptions) == 1


async def test_a_process_that_ends_in_the_midst_of_a_change_is_made_good(
    owner: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = await owner.subscribe("PROFESSIONAL")

    async def die(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr("resolvers.billing.change_steps.look", die)
        patch.setattr("resolvers.billing.change_steps._abandon", die)
        with pytest.raises(BaseException):  # noqa: B017, PT011 - whatever a dying process raises
            await owner.change_plan("ENTERPRISE", begun["version"])
    busy = await owner.cancel(begun["version"])
    owner.clock.advance(minutes=3)
    await run_due_jobs(owner.runtime)

    assert busy.refusals == ["INVALID_TRANSITION"]
    healed = await owner.subscription()
    assert healed["plan"]["code"] == "ENTERPRISE"
    assert subscription(await owner.cancel(healed["version"]))["cancelsAtPeriodEnd"] is True


async def test_a_change_that_took_too_long_does_not_open_the_next_ones_to_others(
    owner: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = await owner.subscribe("PROFESSIONAL")
    gates: list[asyncio.Event] = []

    async def slow(*arguments: Any) -> Look | None:
        gates.append(gate := asyncio.Event())
        await gate.wait()
        return await look(*arguments)

    async def until_asked(times: int) -> None:
        async with asyncio.timeout(60):
            while len(gates) < times:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)

    monkeypatch.setattr("resolvers.billing.change_steps.look", slow)
    first = asyncio.create_task(owner.change_plan("ENTERPRISE", begun["version"]))
    await until_asked(1)
    owner.clock.advance(minutes=3)
    second = asyncio.create_task(owner.cancel(begun["version"]))
    await until_asked(2)
    gates[0].set()
    upgraded = subscription(await first)
    third = await owner.change_plan("PROFESSIONAL", upgraded["version"])
    gates[1].set()

    assert upgraded["plan"]["code"] == "ENTERPRISE"
    assert third.refusals == ["INVALID_TRANSITION"]
    assert subscription(await second)["cancelsAtPeriodEnd"] is True
    fourth = asyncio.create_task(owner.resume((await owner.subscription())["version"]))
    await until_asked(3)
    gates[2].set()
    assert subscription(await fourth)["cancelsAtPeriodEnd"] is False


async def test_events_twice_late_and_in_any_order_end_in_the_truth(owner: Subscriber) -> None:
    await owner.subscribe("PROFESSIONAL")
    (old,) = [dict(each) for each in owner.stripe.live(owner.customer)]
    await owner.let_time_pass(days=31)
    logged_before = await events(owner)

    await owner.hear("customer.subscription.updated", {**old, "status": "past_due"}, id="evt_a")
    await owner.hear("customer.subscription.deleted", {**old, "status": "canceled"}, id="evt_b")
    await owner.hear("customer.subscription.updated", {**old, "status": "past_due"}, id="evt_a")

    assert (await owner.subscription())["status"] == "ACTIVE"
    assert await events(owner) == logged_before


async def test_word_of_another_gateway_is_kept_for_who_knows_it(owner: Subscriber) -> None:
    of_demo = GatewayEvent(
        "local", "evt_1", "invoice.paid", Subject.INVOICE, owner.clock(), object_id="in_1"
    )

    with pytest.raises(AnotherGateway):
        await billing_event(owner.runtime, of_demo)


async def test_what_was_sold_to_the_customers_of_others_is_not_looked_at(
    owner: Subscriber,
) -> None:
    begun = await owner.subscribe("PROFESSIONAL")
    before = len(owner.stripe.requests)
    (there,) = owner.stripe.live(owner.customer)

    await owner.hear("invoice.paid", there, account="acct_of_somebody")

    assert len(owner.stripe.requests) == before
    assert await owner.subscription() == begun


async def test_an_invoice_finds_its_venue_by_the_customer(owner: Subscriber) -> None:
    await owner.subscribe("PROFESSIONAL")
    owner.clock.advance(days=31)
    owner.stripe.pass_time()
    newest = {**list(owner.stripe.invoices.values())[-1], "parent": None, "metadata": {}}

    await owner.hear("invoice.paid", newest)

    assert len((await owner.billing())["invoices"]["nodes"]) == 2


async def test_what_was_never_delivered_is_seen_within_the_hour(
    owner: Subscriber, relay: Database
) -> None:
    await owner.subscribe("PROFESSIONAL")
    owner.stripe.good_cards[owner.customer] = False
    owner.clock.advance(days=31)
    owner.stripe.pass_time()

    await sync_all_billing(owner.runtime, relay)

    assert (await owner.subscription())["status"] == "PAST_DUE"


async def test_many_looks_at_once_write_one_story(owner: Subscriber, relay: Database) -> None:
    await owner.subscribe("PROFESSIONAL")
    owner.stripe.good_cards[owner.customer] = False
    owner.clock.advance(days=31)
    owner.stripe.pass_time()

    await asyncio.gather(*(sync_all_billing(owner.runtime, relay) for _ in range(5)))

    assert (await events(owner)).count("SUBSCRIPTION_OVERDUE") == 1


# ------------------------------------------------------------------------------ who doesn't pay


@pytest.mark.parametrize(
    ("columns", "seconds"),
    [
        ({"status": "past_due", "overdue_since": MONDAY_MORNING}, 7 * 86_400),
        ({"status": "unpaid", "overdue_since": MONDAY_MORNING}, 0),
        ({"status": "canceled", "ended_at": MONDAY_MORNING}, 0),
        ({"status": "incomplete", "begun_at": MONDAY_MORNING}, 14 * 86_400),
    ],
    ids=lambda each: str(each)[:24],
)
async def test_new_bookings_are_refused_to_the_second(
    owner: Subscriber, columns: dict[str, Any], seconds: int
) -> None:
    await make_subscription(owner.runtime, owner.venue, **columns)
    desk, room = owner.desk, owner.venue.rooms[0]
    last = MONDAY_MORNING + timedelta(seconds=seconds - 1)
    owner.clock.now = last
    soon = (last + timedelta(days=2)).replace(minute=0, second=0)
    hold = made(await desk.hold(room, soon))

    owner.clock.now = last + timedelta(seconds=1)
    at = (last + timedelta(days=3)).replace(minute=0, second=0)
    refusals = [
        (await desk.hold(room, at)).refusals,
        (await desk.create(room, at, customer={"id": api_id(owner.venue.customer)})).refusals,
        (await desk.convert(hold)).refusals,
    ]

    assert refusals == [["SUBSCRIPTION_INACTIVE"]] * 3


async def test_the_team_is_told_why_and_customers_are_not(api: Api, owner: Subscriber) -> None:
    await make_subscription(
        owner.runtime, owner.venue, status="unpaid", overdue_since=MONDAY_MORNING
    )
    guest = BookingClient(api, owner.runtime, owner.venue.guest)
    text = """mutation ($input: HoldBookingInput!) { holdBooking(input: $input) { userErrors {
        __typename code message ... on SubscriptionInactiveError { status since } } } }"""
    wanted = {
        "roomId": api_id(owner.venue.rooms[0]),
        "start": {"at": "2027-03-02T10:00:00Z"},
        "durationMinutes": 60,
    }

    team = refused(await owner.desk(text, input=wanted))
    customer = refused(await guest(text, input=wanted))
    stranger = refused(
        await api(
            """mutation ($input: HoldAsGuestInput!) { holdAsGuest(input: $input) { userErrors {
               __typename code message } } }""",
            {"input": {**wanted, "subdomain": owner.venue.tenant.subdomain}},
        )
    )

    assert (team["status"], team["since"]) == ("UNPAID", "2027-03-01T09:00:00Z")
    neutral = {
        "__typename": "GenericUserError",
        "code": "SUBSCRIPTION_INACTIVE",
        "message": "The venue takes no new bookings at the moment.",
    }
    assert (customer, stranger) == (neutral, neutral)


async def test_bookings_that_exist_are_looked_after_all_the_same(owner: Subscriber) -> None:
    booking = made(
        await owner.desk.create(
            owner.venue.rooms[0], TOMORROW, customer={"id": api_id(owner.venue.customer)}
        )
    )
    await make_subscription(
        owner.runtime, owner.venue, status="unpaid", overdue_since=MONDAY_MORNING
    )

    (moved,) = made(await owner.desk.move(booking, TOMORROW + timedelta(hours=3)))
    (cancelled,) = made(await owner.desk.cancel(moved))

    assert cancelled["status"] == "CANCELLED"


async def test_the_time_to_choose_begins_when_billing_first_sees_a_venue(
    owner: Subscriber, relay: Database, settings: Settings
) -> None:
    await sync_all_billing(owner.runtime, relay)
    begun = await owner.subscription()
    owner.clock.advance(days=11)
    await sync_all_billing(owner.runtime, relay)
    await sync_all_billing(owner.runtime, relay)

    assert begun["status"] == "INCOMPLETE"
    assert begun["refusesBookingsFrom"] == "2027-03-15T09:00:00Z"
    wanted = f"Choose a plan for {owner.venue.tenant.name}"
    assert (await subjects(owner.runtime, settings)).count(wanted) == 1


async def test_what_was_agreed_before_stripe_came_is_begun_anew(
    owner: Subscriber, relay: Database
) -> None:
    await make_subscription(
        owner.runtime, owner.venue, gateway="local", status="active", customer_ref="local_1"
    )

    before = await owner.subscription()
    await sync_all_billing(owner.runtime, relay)

    assert before is None
    assert (await owner.subscription())["status"] == "INCOMPLETE"
    assert subscription(await owner.start_trial())["status"] == "TRIALING"


async def test_rooms_are_archived_at_once_in_a_trial(owner: Subscriber) -> None:
    begun = subscription(await owner.start_trial("ENTERPRISE"))
    chosen = await add_room(owner)

    subscription(await owner.change_plan("STARTER", begun["version"], archiveRoomIds=[chosen]))

    assert (await owner.billing())["usage"]["rooms"] == {"used": 5, "limit": 5}


async def test_the_end_of_a_trial_is_announced_once(
    owner: Subscriber, relay: Database, settings: Settings
) -> None:
    subscription(await owner.start_trial())
    owner.clock.advance(days=11)
    await sync_all_billing(owner.runtime, relay)
    owner.clock.advance(days=1)
    await sync_all_billing(owner.runtime, relay)

    wanted = f"The trial for {owner.venue.tenant.name} ends soon"
    assert (await subjects(owner.runtime, settings)).count(wanted) == 1


async def test_every_step_is_told_to_the_owners(
    owner: Subscriber, runtime: Runtime, settings: Settings
) -> None:
    name = owner.venue.tenant.name
    subscription(await owner.start_trial("ENTERPRISE"))
    owner.clock.advance(minutes=1)
    paying = await owner.subscribe("ENTERPRISE")
    await owner.let_time_pass(days=15)
    paying = await owner.subscription()
    lower = subscription(await owner.change_plan("STARTER", paying["version"]))
    same = subscription(await owner.change_plan("ENTERPRISE", lower["version"]))
    ending = subscription(await owner.cancel(same["version"]))
    resumed = subscription(await owner.resume(ending["version"]))
    lower = subscription(await owner.change_plan("PROFESSIONAL", resumed["version"]))
    await owner.let_time_pass(days=31)
    lower = await owner.subscription()
    owner.stripe.good_cards[owner.customer] = False
    await owner.let_time_pass(days=31)
    owner.stripe.pay_what_is_owed(owner.customer)
    await owner.hear("invoice.paid", list(owner.stripe.invoices.values())[-1])
    paying = await owner.subscription()
    subscription(await owner.cancel(paying["version"]))
    await owner.let_time_pass(days=31)

    # Letters that leave together may overtake each other.
    mailed = [each for each in await subjects(runtime, settings) if name in each]
    expected = [
        f"Your trial of the Enterprise plan for {name}",
        f"{name} is on the Enterprise plan",
        f"{name} will change to the Starter plan",
        f"{name} stays on the Enterprise plan",
        f"The subscription of {name} is cancelled",
        f"The subscription of {name} continues",
        f"{name} will change to the Professional plan",
        f"{name} is now on the Professional plan",
        f"The payment for {name} failed",
        f"We have received the payment for {name}",
        f"The subscription of {name} is cancelled",
        f"The subscription of {name} has ended",
    ]
    assert sorted(mailed) == sorted(expected)


# ------------------------------------------------------------------------------ usage


async def test_the_history_of_usage_goes_by_months_of_the_venue(owner: Subscriber) -> None:
    who = {"id": api_id(owner.venue.customer)}
    booking = made(await owner.desk.create(owner.venue.rooms[0], TOMORROW, customer=who))
    made(await owner.desk.cancel(booking))
    owner.clock.now = datetime(2027, 4, 2, 9, tzinfo=UTC)
    made(
        await owner.desk.create(
            owner.venue.rooms[0], owner.clock.now + timedelta(days=1), customer=who
        )
    )

    history = (await owner.billing())["usageHistory"]

    assert history == [
        {"month": "2027-04-01", "bookings": 1},
        {"month": "2027-03-01", "bookings": 1},
    ]


def test_the_installation_bills_by_stripe(runtime: Runtime) -> None:
    billing = runtime.services[Billing]

    assert (billing.name, billing.is_enforced) == ("stripe", True)  # type: ignore[attr-defined]
