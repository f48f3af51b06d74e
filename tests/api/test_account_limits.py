"""What bounds accounts: how many are made, and how many passwords an operation hashes."""

import pytest

from kit.database_urls import DatabaseUrls
from kit.passwords import Passwords
from kit.scope import Runtime
from kit.settings import Settings
from tests.api.accounts import forget_what_was_spent
from tests.api.test_registration import register
from tests.client import Answer, Api
from tests.clock import StoppedClock
from tests.factories import PASSWORD, Venue, make_venue

SIGN_UP = """
    mutation ($input: RegisterCustomerInput!) {
      registerCustomer(input: $input) { session { accessToken } userErrors { code path } }
    }
"""


@pytest.fixture
async def settings(settings: Settings, database: DatabaseUrls) -> Settings:
    """With allowances that hold, none of them spent."""
    await forget_what_was_spent(database)
    return settings.model_copy(update={"rate_limit": True})


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


@pytest.fixture
def passwords(runtime: Runtime) -> Passwords:
    found = runtime.parts[Passwords]
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
