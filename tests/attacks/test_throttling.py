"""Guessing and flooding are throttled by credential and address, without affecting others."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import httpx2
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from domain.tenants.plans import PlanCode
from execution.caller_rate_limit import RateLimiter
from kit.actor import Actor, ActorKind
from kit.ids import new_id
from kit.runtime import Runtime
from kit.settings import Settings
from tests.support.client import Answer, Api, live
from tests.support.clock import StoppedClock
from tests.support.factories import PASSWORD, Venue, make_venue
from tests.support.known import make_known

LOGIN = """mutation ($input: LoginInput!) {
    login(input: $input) { session { accessToken user { role } } userErrors { code } }
}"""
POINTS_2000 = "{ tenant { id } rooms(first: 222) { nodes { bookings(first: 7) { totalCount } } } }"
POINTS_251 = "{ rooms(first: 250) { nodes { name } } }"
LEFT = "{ rateLimit { remaining resetAt } }"

HOME = "198.51.100.7"
HOTEL = "203.0.113.9"

Place = Callable[[str], Api]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"rate_limit": True})


@pytest_asyncio.fixture(autouse=True)
async def known(api: Api, runtime: Runtime, clock: StoppedClock) -> None:
    await make_known(api, runtime, clock, [POINTS_2000, POINTS_251, LEFT, "{ tenant { name } }"])


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, plan=PlanCode.STARTER)


@pytest.fixture
def rate_limiter(app: Starlette) -> RateLimiter:
    """The token buckets of the app."""
    found = app.state.rate_limiter
    assert isinstance(found, RateLimiter)
    return found


@pytest.fixture
async def at(app: Starlette) -> AsyncIterator[Place]:
    """The API as it is called from an address."""
    async with AsyncExitStack() as stack:
        clients: dict[str, Api] = {}

        def place(address: str) -> Api:
            if address not in clients:
                transport = httpx2.ASGITransport(app, client=(address, 40_000))
                http = httpx2.AsyncClient(transport=transport, base_url="http://localhost")
                stack.push_async_callback(http.aclose)
                clients[address] = Api(http)
            return clients[address]

        yield place


async def login(api: Api, venue: Venue, *, password: str = PASSWORD) -> Answer:
    who = {"subdomain": venue.tenant.subdomain, "email": venue.owner.user.email}
    return await api(LOGIN, {"input": {**who, "password": password}})


async def guess(at: Place, venue: Venue, clock: StoppedClock, *, times: int) -> set[str]:
    """Tries a password a second from a hundred addresses in turn, and returns the responses."""
    answers: set[str] = set()
    for number in range(times):
        answer = await login(at(f"192.0.2.{number % 100}"), venue, password=f"guess {number}")
        answers |= set(answer.codes or answer.refusals)
        clock.advance(seconds=1)
    return answers


async def test_a_thousand_guesses_keep_the_owner_waiting_a_minute_at_a_new_place_only(
    at: Place, venue: Venue, clock: StoppedClock
) -> None:
    assert (await login(at(HOME), venue)).refusals == []

    answers = await guess(at, venue, clock, times=1_000)
    known = await login(at(HOME), venue)
    early = await login(at(HOTEL), venue)
    clock.advance(seconds=int(early.headers["retry-after"]))
    again = await login(at(HOTEL), venue)

    assert answers == {"INVALID_CREDENTIALS", "THROTTLED"}
    assert known.payload["session"]["user"] == {"role": "OWNER"}
    assert early.codes == ["THROTTLED"]
    assert int(early.headers["retry-after"]) <= 60
    assert again.payload["session"]["user"] == {"role": "OWNER"}


async def test_guesses_leave_those_who_are_logged_in_alone(
    at: Place, venue: Venue, clock: StoppedClock
) -> None:
    await guess(at, venue, clock, times=100)

    answer = await at(HOTEL)(POINTS_251, token=venue.owner.token)

    assert answer.status == 200
    assert answer.extensions["cost"]["throttleStatus"]["currentlyAvailable"] == 3749


async def test_a_flood_of_logins_from_one_address_is_answered_429(
    at: Place, venue: Venue, clock: StoppedClock
) -> None:
    flood = [await login(at(HOTEL), venue, password="wrong") for _ in range(401)]

    refused = flood[-1]
    assert refused.status == 429
    assert refused.codes == ["THROTTLED"]
    assert refused.headers["retry-after"] == "1"
    assert (await login(at(HOME), venue)).status == 200
    clock.advance(minutes=1)
    assert (await login(at(HOTEL), venue)).payload["session"]["user"] == {"role": "OWNER"}


async def test_one_login_that_floods_is_refused_and_no_other(
    at: Place, runtime: Runtime, venue: Venue
) -> None:
    neighbour = await make_venue(runtime, plan=PlanCode.STARTER)
    api = at(HOME)
    spent = [await api(POINTS_2000, token=venue.staff.token) for _ in range(3)]

    assert [answer.status for answer in spent] == [200, 200, 429]
    assert (await api(POINTS_2000, token=venue.owner.token)).status == 200
    assert (await api(POINTS_2000, token=neighbour.staff.token)).status == 200
    assert (await api(POINTS_251)).status == 200


async def test_all_sessions_of_a_user_share_what_is_left(at: Place, venue: Venue) -> None:
    api = at(HOME)
    again = (await login(api, venue)).payload["session"]["accessToken"]
    for _ in range(2):
        assert (await api(POINTS_2000, token=venue.owner.token)).status == 200

    refused = await api(POINTS_2000, token=again)

    assert refused.status == 429
    assert refused.extensions["cost"]["throttleStatus"]["maximumAvailable"] == 4_000


async def test_all_logins_of_a_tenant_share_five_times_as_much(
    at: Place, runtime: Runtime, venue: Venue, rate_limiter: RateLimiter, clock: StoppedClock
) -> None:
    neighbour = await make_venue(runtime, plan=PlanCode.STARTER)
    for number in range(5):
        program = Actor(ActorKind.API_KEY, venue.tenant.id, key_id=new_id(), plan="STARTER")
        assert rate_limiter.charge(program, f"192.0.2.{number}", 4_000, now=clock()).allowed

    refused = await at(HOME)(POINTS_251, token=venue.owner.token)

    assert refused.status == 429
    assert refused.extensions["cost"]["throttleStatus"]["maximumAvailable"] == 20_000
    assert (await at(HOME)(POINTS_251, token=venue.guest.token)).status == 200
    assert (await at(HOME)(POINTS_251, token=neighbour.owner.token)).status == 200


async def test_customers_cannot_use_up_what_their_venue_needs(
    at: Place, venue: Venue, rate_limiter: RateLimiter, clock: StoppedClock
) -> None:
    for number in range(5):
        customer = Actor(ActorKind.CUSTOMER, venue.tenant.id, user_id=new_id(), plan="STARTER")
        assert rate_limiter.charge(customer, f"192.0.2.{number}", 4_000, now=clock()).allowed

    assert (await at(HOME)(POINTS_251, token=venue.guest.token)).status == 429
    assert (await at(HOME)(POINTS_251, token=venue.owner.token)).status == 200


async def test_all_that_comes_from_an_address_shares_a_bucket(
    at: Place, venue: Venue, rate_limiter: RateLimiter, clock: StoppedClock
) -> None:
    for _ in range(5):
        program = Actor(ActorKind.API_KEY, new_id(), key_id=new_id(), plan="STARTER")
        assert rate_limiter.charge(program, HOTEL, 4_000, now=clock()).allowed

    assert (await at(HOTEL)(POINTS_251, token=venue.owner.token)).status == 429
    assert (await at(HOTEL)(POINTS_251)).status == 429
    assert (await at(HOME)(POINTS_251, token=venue.owner.token)).status == 200


async def test_all_addresses_of_one_ipv6_network_share_a_bucket(at: Place) -> None:
    for number in range(15):
        assert (await at(f"2001:db8:0:1::{number:x}")(POINTS_251)).status == 200

    assert (await at("2001:db8:0:1:ffff::1")(POINTS_251)).status == 429
    assert (await at("2001:db8:0:2::1")(POINTS_251)).status == 200


async def test_another_address_makes_no_difference_to_a_login(at: Place, venue: Venue) -> None:
    for address in (HOME, HOTEL):
        await at(address)(POINTS_2000, token=venue.owner.token)

    refused = await at("192.0.2.1")(POINTS_2000, token=venue.owner.token)

    assert refused.status == 429


async def test_a_socket_and_a_request_share_what_is_left(
    api: Api, server: str, venue: Venue
) -> None:
    async with live(server, token=venue.owner.token) as client:
        await (await client.subscribe(POINTS_2000)).next()
    answer = await api("{ tenant { name } }", token=venue.owner.token)

    # 3 for the socket itself.
    assert answer.extensions["cost"]["throttleStatus"]["currentlyAvailable"] == 1996


async def test_waiting_as_long_as_told_is_enough(
    api: Api, venue: Venue, clock: StoppedClock
) -> None:
    for _ in range(2):
        await api(POINTS_2000, token=venue.owner.token)
    refused = await api(POINTS_2000, token=venue.owner.token)

    clock.advance(seconds=int(refused.headers["retry-after"]) - 1)
    early = await api(POINTS_2000, token=venue.owner.token)
    clock.advance(seconds=1)
    allowed = await api(POINTS_2000, token=venue.owner.token)

    assert refused.headers["retry-after"] == "20"
    assert early.headers["retry-after"] == "1"
    assert [early.status, allowed.status] == [429, 200]


async def test_what_is_left_comes_back_by_the_clock(
    api: Api, venue: Venue, clock: StoppedClock
) -> None:
    await api(POINTS_2000, token=venue.owner.token)
    before = await api(LEFT, token=venue.owner.token)
    clock.advance(seconds=10)
    meanwhile = await api(LEFT, token=venue.owner.token)
    clock.advance(hours=1)
    after = await api(LEFT, token=venue.owner.token)

    assert before.payload == {"remaining": 1999, "resetAt": "2027-03-01T09:00:21Z"}
    assert meanwhile.payload == {"remaining": 2998, "resetAt": "2027-03-01T09:00:21Z"}
    assert after.codes == ["UNAUTHENTICATED"]


async def test_an_hour_later_a_stranger_starts_anew(api: Api, clock: StoppedClock) -> None:
    for _ in range(15):
        await api(POINTS_251)
    assert (await api(POINTS_251)).status == 429

    clock.advance(hours=1)

    answer = await api(LEFT)
    assert answer.payload == {"remaining": 3999, "resetAt": "2027-03-01T10:00:01Z"}
