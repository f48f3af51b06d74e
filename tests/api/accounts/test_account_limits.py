"""Limits of accounts: how many can be created, and how many passwords an operation hashes."""

import pytest

from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from kit.security.passwords import Passwords
from kit.settings import Settings
from tests.api.accounts.accounts import (
    code_in,
    forget_what_was_spent,
    is_logged_in,
    logged_in,
    mails,
    refresh,
)
from tests.api.accounts.test_email_verification import VERIFY
from tests.api.tenants.test_registration import register
from tests.support.client import Answer, Api
from tests.support.clock import StoppedClock
from tests.support.factories import PASSWORD, Venue, make_venue

SIGN_UP = """
    mutation ($input: RegisterCustomerInput!) {
      registerCustomer(input: $input) { session { accessToken } userErrors { code path } }
    }
"""

MAKE_KEY = """
    mutation {
      createApiKey(input: { name: "Panel", permissions: ["rooms:read"] }) {
        apiKey { id } userErrors { code ... on LimitError { limit used } }
      }
    }
"""


@pytest.fixture
async def settings(settings: Settings, database: DatabaseUrls) -> Settings:
    """Settings with allowances in force, none of them used."""
    await forget_what_was_spent(database)
    return settings.model_copy(update={"rate_limit": True})


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


@pytest.fixture
def passwords(runtime: Runtime) -> Passwords:
    found = runtime.services[Passwords]
    assert isinstance(found, Passwords)
    return found


async def sign_up(api: Api, venue: Venue, number: int) -> Answer:
    given = {
        "subdomain": venue.tenant.subdomain,
        "name": "Vera",
        "email": f"vera{number}@example.test",
        "password": PASSWORD,
    }
    return await api(SIGN_UP, {"input": given})


async def make_key(api: Api, token: str) -> Answer:
    return await api(MAKE_KEY, token=token)


# ------------------------------------------------------------------------------ what is made


async def test_a_network_registers_three_businesses_a_day(
    api: Api, clock: StoppedClock, passwords: Passwords
) -> None:
    first = [await register(api, subdomain=f"daily-{number}") for number in range(3)]

    fourth = await register(api, subdomain="daily-4")
    clock.advance(days=1)
    tomorrow = await register(api, subdomain="daily-4")

    assert [answer.refusals for answer in first] == [[], [], []]
    assert (fourth.codes, fourth.headers["retry-after"]) == (["THROTTLED"], "86400")
    assert tomorrow.refusals == []
    assert passwords.hashes == 4


async def test_a_subdomain_that_is_taken_costs_neither_a_hash_nor_the_allowance(
    api: Api, venue: Venue, passwords: Passwords
) -> None:
    taken = [await register(api, subdomain=venue.tenant.subdomain) for _ in range(4)]

    made = await register(api, subdomain="not-taken")

    assert [answer.refusals for answer in taken] == [["DUPLICATE"]] * 4
    assert made.refusals == []
    assert passwords.hashes == 1


async def test_a_network_signs_up_twenty_customers_an_hour(
    api: Api, clock: StoppedClock, venue: Venue, passwords: Passwords
) -> None:
    first = [await sign_up(api, venue, number) for number in range(20)]

    another = await sign_up(api, venue, 20)
    clock.advance(hours=1)
    later = await sign_up(api, venue, 20)

    assert [answer.refusals for answer in first] == [[]] * 20
    assert another.codes == ["THROTTLED"]
    assert later.refusals == []
    assert passwords.hashes == 21


async def test_the_twenty_first_session_ends_the_one_used_longest_ago(
    api: Api, clock: StoppedClock, venue: Venue
) -> None:
    clock.advance(minutes=1)
    oldest = await logged_in(api, venue)
    others = []
    for _ in range(18):
        clock.advance(seconds=1)
        others.append(await logged_in(api, venue))
    clock.advance(seconds=1)
    refreshed = (await refresh(api, oldest["refreshToken"])).payload["session"]

    # With the one that the owner began with, these are 20: the next ones end it, and `others[0]`.
    for _ in range(2):
        clock.advance(seconds=1)
        await logged_in(api, venue)
    clock.advance(seconds=1)

    assert not await is_logged_in(api, venue.owner.token)
    assert not await is_logged_in(api, others[0]["accessToken"])
    assert await is_logged_in(api, others[1]["accessToken"])
    assert await is_logged_in(api, refreshed["accessToken"])


async def test_a_tenant_has_fifty_good_keys(api: Api, clock: StoppedClock, venue: Venue) -> None:
    revoke = "mutation ($id: ID!) { revokeApiKey(id: $id) { userErrors { code } } }"
    session = await logged_in(api, venue)
    token = session["accessToken"]
    made = [await make_key(api, token) for _ in range(50)]

    another = await make_key(api, token)
    await api(revoke, {"id": made[0].payload["apiKey"]["id"]}, token=token)
    later = await make_key(api, token)

    assert [answer.refusals for answer in made] == [[]] * 50
    assert another.payload["userErrors"] == [{"code": "QUOTA_EXCEEDED", "limit": 50, "used": 50}]
    assert later.refusals == []


async def test_a_trial_waits_for_an_owner_who_has_verified(
    api: Api, runtime: Runtime, settings: Settings
) -> None:
    begin = """mutation { startTrial(input: { plan: PROFESSIONAL }) {
        subscription { status } userErrors { code } } }"""
    token = (await register(api, subdomain="trying")).payload["session"]["accessToken"]

    early = await api(begin, token=token)
    (letter,) = await mails(runtime, settings)
    await api(VERIFY, {"token": code_in(letter)}, token=token)
    later = await api(begin, token=token)

    assert early.refusals == ["EMAIL_NOT_VERIFIED"]
    assert later.payload == {"subscription": {"status": "TRIALING"}, "userErrors": []}


# ------------------------------------------------------------------------------ hashes


async def test_an_operation_checks_one_password(
    api: Api, venue: Venue, passwords: Passwords
) -> None:
    twice = """
        mutation ($input: LoginInput!) {
          first: login(input: $input) { session { user { email } } userErrors { code } }
          second: login(input: $input) { session { user { email } } userErrors { code } }
        }
    """
    given = {
        "subdomain": venue.tenant.subdomain,
        "email": venue.owner.user.email,
        "password": PASSWORD,
    }

    answer = await api(twice, {"input": given})

    assert answer.codes == ["TOO_COMPLEX"]
    assert answer.partial == {
        "first": {"session": {"user": {"email": venue.owner.user.email}}, "userErrors": []},
        "second": None,
    }
    assert passwords.checks == 1
