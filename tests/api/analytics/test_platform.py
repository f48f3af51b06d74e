"""Figures of the platform: equal to a recount, and for its operator alone."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from random import Random
from typing import Any, Final

import asyncpg
import pytest

from domain.analytics.periods import Granularity, parts_of
from domain.analytics.spans import DateSpan
from domain.billing.plan_subscriptions import Subscription, SubscriptionStatus
from domain.tenants.plans import PLANS, PlanCode
from integrations.billing.protocol import Account
from jobs.platform_days import add_up_platform_days
from jobs.rollups import RollupReader, find_oldest_uncounted
from kit.actor import Actor, ActorKind, Request
from kit.ids import new_id
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.scope import Scope
from kit.security.tokens import PlatformKey
from kit.settings import Settings
from models.billing import another_look
from permissions.policy import may
from permissions.roles import FOR_KEYS, P, Permission
from resolvers.accounts.authentication import OPERATOR
from resolvers.analytics.rollups import Progress, count_entries, mark_all
from resolvers.billing.subscription_sync import Look, begun, lock_billing, written_down
from resolvers.core.transactions import perform
from tests.api.accounts.test_api_keys import create as create_key
from tests.support.client import Answer, Api
from tests.support.clock import StoppedClock
from tests.support.factories import Venue, make_venue

KEY: Final = PlatformKey.new()
METRICS: Final = """
    tenants newTenants trials active overdue mrr { amount currencyCode } churned churnRate
    failedPayments
"""
QUERY: Final = f"""
    query ($span: DateSpan!, $granularity: Granularity! = DAY) {{
        platformMetrics(span: $span, granularity: $granularity) {{
            totals {{ {METRICS} }} points {{ date until metrics {{ {METRICS} }} }}
        }}
    }}
"""
WEEK: Final = {"from": "2027-03-01", "until": "2027-03-08"}
SEEDS: Final = range(1, 25)
STATUSES: Final = tuple(SubscriptionStatus)

# The state of each venue at an instant is that of its last entry before, as the log has it. An
# entry has the fields that changed, so each one is looked for by itself.
_STATES: Final = """
    SELECT tenants.id,
        (SELECT after ->> 'status' FROM log WHERE tenant_id = tenants.id AND at < $1
            AND subject_type = 'BillingSubscription' AND after ? 'status'
            ORDER BY position DESC LIMIT 1) AS status,
        (SELECT after ->> 'plan_in_force' FROM log WHERE tenant_id = tenants.id AND at < $1
            AND subject_type = 'BillingSubscription' AND after ? 'plan_in_force'
            ORDER BY position DESC LIMIT 1) AS plan
    FROM tenants WHERE created_at < $1
"""
_HAPPENED: Final = """
    SELECT
        count(*) FILTER (WHERE type = 'SUBSCRIPTION_OVERDUE') AS failed,
        count(*) FILTER (WHERE type = 'SUBSCRIPTION_ENDED'
            AND before ->> 'status' IN ('active', 'past_due', 'unpaid')) AS churned
    FROM log WHERE at >= $1 AND at < $2
"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Without a worker, which would count meanwhile."""
    keys = (KEY.hash.hex(),)
    return settings.model_copy(update={"works": False, "platform_keys": keys})


async def _asked(api: Api, span: Mapping[str, str], **given: str) -> Answer:
    return await api(QUERY, {"span": span, **given}, token=str(KEY))


# ------------------------------------------------------------------------------ the figures


# More by `make soak`.
@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.soak) for n in SEEDS)])
async def test_each_figure_equals_a_recount(
    api: Api,
    runtime: Runtime,
    relay: Database,
    clock: StoppedClock,
    admin: asyncpg.Connection,
    seed: int,
) -> None:
    random = Random(seed)
    venues = [await make_venue(runtime) for _ in range(2)]
    for _ in range(40):
        clock.advance(hours=random.choice((0, 1, 5, 50)))
        if random.random() < 0.05:
            venues.append(await make_venue(runtime))
        for _ in range(random.randint(1, 3)):
            await _change(runtime, clock, random, random.choice(venues))
        if random.random() < 0.2:
            await _count(runtime, relay)
    await _count(runtime, relay)

    until = clock.now.date() + timedelta(days=3)
    for granularity, first in (
        (Granularity.DAY, date(2027, 2, 25)),
        (Granularity.WEEK, date(2027, 3, 3)),
        (Granularity.MONTH, date(2027, 3, 3)),
    ):
        span = DateSpan(first, until)
        seen = (await _asked(api, _written(span), granularity=granularity.value)).payload

        assert seen["totals"] == await _recount(admin, span)
        assert seen["points"] == [
            {
                "date": str(part.from_),
                "until": str(part.until),
                "metrics": await _recount(admin, part),
            }
            for part in parts_of(span, granularity)
        ]
        assert seen["totals"]["churned"] > 0
        assert seen["totals"]["failedPayments"] > 0


async def test_figures_that_are_made_anew_are_the_same(
    api: Api, runtime: Runtime, relay: Database, clock: StoppedClock, admin: asyncpg.Connection
) -> None:
    random = Random(1)
    venue, other = [await make_venue(runtime) for _ in range(2)]
    for _ in range(12):
        clock.advance(hours=20)
        await _change(runtime, clock, random, random.choice((venue, other)))
    await _count(runtime, relay)
    span = _written(DateSpan(date(2027, 2, 25), date(2027, 4, 1)))
    before = (await _asked(api, span)).payload
    await admin.execute(
        "UPDATE subscription_days SET active = 7, is_counted = false WHERE tenant_id = $1",
        venue.tenant.id,
    )
    await add_up_platform_days(relay)
    wrong = (await _asked(api, span)).payload

    await perform(runtime, Actor(ActorKind.SYSTEM, venue.tenant.id), Request(new_id()), mark_all)
    await _count(runtime, relay)

    assert wrong != before
    assert (await _asked(api, span)).payload == before


async def test_what_is_being_written_is_added_up_next_time(
    api: Api, runtime: Runtime, relay: Database, admin: asyncpg.Connection
) -> None:
    await make_venue(runtime)
    await _read_logs(runtime, relay)
    unchanged = (await _asked(api, WEEK)).payload["totals"]["tenants"]
    async with admin.transaction():
        await admin.execute("UPDATE subscription_days SET signed_up = signed_up")
        await add_up_platform_days(relay)
        meanwhile = (await _asked(api, WEEK)).payload["totals"]["tenants"]

    await add_up_platform_days(relay)

    venues = await admin.fetchval("SELECT count(*) FROM tenants WHERE created_at < '2027-03-08'")
    assert meanwhile == unchanged == venues - 1
    assert (await _asked(api, WEEK)).payload["totals"]["tenants"] == venues


async def test_what_happened_before_a_restore_comes_first(
    api: Api, runtime: Runtime, relay: Database, clock: StoppedClock, admin: asyncpg.Connection
) -> None:
    venue = await make_venue(runtime)
    paid = Subscription(PlanCode.STARTER, SubscriptionStatus.ACTIVE, begun_at=clock.now)
    await _store(runtime, venue, paid)
    await _count(runtime, relay)
    before = (await _asked(api, WEEK)).payload["totals"]
    # On another server, transaction ids are lower.
    await admin.execute("UPDATE log SET xid = '4000000000' WHERE tenant_id = $1", venue.tenant.id)
    await admin.execute("SELECT setval('log_generations', last_value + 1) FROM log_generations")
    await _store(runtime, venue, replace(paid, status=SubscriptionStatus.CANCELED))
    await _count(runtime, relay)

    after = (await _asked(api, WEEK)).payload["totals"]

    assert after["active"] == before["active"] - 1
    assert after["churned"] == before["churned"] + 1


# ------------------------------------------------------------------------------ who and what


async def test_no_role_and_no_key_of_a_venue_may(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    people = (venue.owner, venue.admin, venue.manager, venue.staff, venue.guest)
    key = await create_key(api, venue.owner.token, *sorted(FOR_KEYS))
    tokens = [*(each.token for each in people), key.payload["secret"]]

    answers = [await api(QUERY, {"span": WEEK}, token=each) for each in tokens]
    asked_for = await create_key(api, venue.owner.token, P.PLATFORM_READ)
    anonymous = await api(QUERY, {"span": WEEK})

    for answer in answers:
        assert answer.codes == ["FORBIDDEN"]
        assert answer.partial == {"platformMetrics": None}
    assert asked_for.refusals == ["INVALID"]
    assert anonymous.codes == ["UNAUTHENTICATED"]
    assert all(
        "requires a platform key" in each.errors[0]["message"] for each in (*answers, anonymous)
    )


def test_an_operator_has_one_permission() -> None:
    assert [each for each in Permission if may(OPERATOR, each)] == [P.PLATFORM_READ]


async def test_an_operator_reads_nothing_else(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    others = [
        "{ rooms(first: 1) { nodes { name } } }",
        "{ viewer { __typename } }",
        "{ rateLimit { remaining } }",
        '{ node(id: "Um9vbTow") { id } }',
        f'{{ venue(subdomain: "{venue.tenant.subdomain}") {{ name }} }}',
    ]

    answers = [await api(each, token=str(KEY)) for each in others]
    booked = await api("mutation { logout { userErrors { code } } }", token=str(KEY))

    assert [each.codes for each in answers] == [["FORBIDDEN"]] * len(others)
    assert booked.codes == ["FORBIDDEN"]
    assert all("`platformMetrics` only" in each.errors[0]["message"] for each in (*answers, booked))


@pytest.mark.parametrize(
    "token",
    [str(PlatformKey.new()), "boom_platform_", f"{KEY}="],
    ids=["another", "empty", "padded"],
)
async def test_an_unknown_key_is_nobodys(api: Api, token: str) -> None:
    answer = await api(QUERY, {"span": WEEK}, token=token)

    assert answer.codes == ["UNAUTHENTICATED"]


@pytest.mark.parametrize(
    ("span", "granularity", "path"),
    [
        ({"from": "2027-03-08", "until": "2027-03-01"}, "DAY", "until"),
        ({"from": "2027-03-01", "until": "2029-05-10"}, "DAY", "until"),
        (WEEK, "HOUR", "granularity"),
    ],
)
async def test_what_can_not_be_shown_is_refused(
    api: Api, span: dict[str, str], granularity: str, path: str
) -> None:
    answer = await _asked(api, span, granularity=granularity)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert path in json.dumps(answer.errors)


async def test_no_transaction_of_a_venue_sees_the_platforms_rows(
    runtime: Runtime, settings: Settings, relay: Database
) -> None:
    venue = await make_venue(runtime)
    await _count(runtime, relay)
    connection = await asyncpg.connect(settings.app_database_url)
    rows = "SELECT count(*) FROM platform_days"
    async with connection.transaction():
        without = await connection.fetchval(rows)
        await connection.execute("SELECT set_config('app.tenant', $1, true)", str(venue.tenant.id))
        within = await connection.fetchval(rows)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("UPDATE platform_days SET active = 9")
    await connection.close()

    assert without > 0
    assert within == 0


# ------------------------------------------------------------------------------ what happens


async def _change(runtime: Runtime, clock: StoppedClock, random: Random, venue: Venue) -> None:
    """Stores another state of a subscription, as if it was read from the gateway."""
    found = Subscription(
        random.choice(tuple(PlanCode)), random.choice(STATUSES), begun_at=clock.now
    )
    if random.random() < 0.3:
        found = replace(found, cancels_at_period_end=True)
    await _store(runtime, venue, found)


async def _store(runtime: Runtime, venue: Venue, found: Subscription) -> None:
    account = Account(subscription_id="sub", subscription=found)
    system = Actor(ActorKind.SYSTEM, venue.tenant.id)
    change = partial(perform, runtime, system, Request(new_id()))
    number = (await change(_begin_look)).result
    await change(partial(written_down, seen=Look(number, account)))


async def _begin_look(scope: Scope) -> int:
    await lock_billing(scope)
    await begun(scope)
    return int(await scope.value(another_look(scope.tenant_id)))


async def _count(runtime: Runtime, relay: Database) -> None:
    await _read_logs(runtime, relay)
    await add_up_platform_days(relay)


async def _read_logs(runtime: Runtime, relay: Database) -> None:
    """Counts all entries, also those that are above the horizon yet."""
    reader = RollupReader(relay)
    async with asyncio.timeout(30):
        while (behind := await reader._behind()) or await find_oldest_uncounted(relay):
            for id in behind:
                system = Actor(ActorKind.SYSTEM, id)
                while (
                    await perform(runtime, system, Request(new_id()), count_entries)
                ).result is not Progress.DONE:
                    pass
            await asyncio.sleep(0.01)


# ------------------------------------------------------------------------------ recounted


def _written(span: DateSpan) -> dict[str, str]:
    return {"from": str(span.from_), "until": str(span.until)}


async def _recount(admin: asyncpg.Connection, span: DateSpan) -> dict[str, Any]:
    start, end = (
        datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (span.from_, span.until)
    )
    before, after = await admin.fetch(_STATES, start), await admin.fetch(_STATES, end)
    (happened,) = await admin.fetch(_HAPPENED, start, end)
    paying = [each for each in before if each["status"] in ("active", "past_due", "unpaid")]
    monthly = sum(
        PLANS[PlanCode(each["plan"] or "STARTER")].monthly_price.amount_minor
        for each in after
        if each["status"] == "active"
    )
    return {
        "tenants": len(after),
        "newTenants": len(after) - len(before),
        "trials": sum(each["status"] == "trialing" for each in after),
        "active": sum(each["status"] == "active" for each in after),
        "overdue": sum(each["status"] in ("past_due", "unpaid") for each in after),
        "mrr": [{"amount": f"{monthly / 100:.2f}", "currencyCode": "USD"}],
        "churned": happened["churned"],
        "churnRate": _rate(happened["churned"], len(paying)) if paying else None,
        "failedPayments": happened["failed"],
    }


def _rate(part: int, whole: int) -> float:
    return float((Decimal(part) / whole).quantize(Decimal("0.0001"), ROUND_HALF_UP))
