"""Logging in, staying logged in, and logging out."""

import asyncio
from http.cookies import SimpleCookie

import pytest

from kit.runtime import Runtime
from kit.security.passwords import Passwords
from tests.api.accounts.accounts import (
    LOGIN,
    REFRESH,
    VIEWER,
    is_logged_in,
    logged_in,
    login,
    refresh,
)
from tests.support.client import Answer, Api, live
from tests.support.clock import StoppedClock
from tests.support.factories import PASSWORD, Venue, make_venue

LOGOUT = "mutation { logout { userErrors { code } } }"


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


def cookie(answer: Answer) -> SimpleCookie:
    """Returns the cookie that an answer sets."""
    return SimpleCookie(answer.headers["set-cookie"])


# ------------------------------------------------------------------------------ logging in


async def test_a_user_logs_in(api: Api, venue: Venue) -> None:
    answer = await login(api, venue)

    session = answer.payload["session"]
    assert session["user"] == {"email": venue.owner.user.email, "role": "OWNER"}
    assert session["accessTokenExpiresAt"] == "2027-03-01T09:15:00Z"
    assert (await api(VIEWER, token=session["accessToken"])).payload == session["user"]


async def test_an_address_is_the_same_in_any_case(api: Api, venue: Venue) -> None:
    answer = await login(api, venue, email=f"  {venue.owner.user.email.upper()} ")

    assert answer.refusals == []


async def test_what_is_selected_of_a_login_is_read_as_the_user(api: Api, venue: Venue) -> None:
    query = """
        mutation ($input: LoginInput!) {
          login(input: $input) { session { user { tenant { name } customer { name email } } } }
        }
    """
    given = {
        "subdomain": venue.tenant.subdomain,
        "email": venue.guest.user.email,
        "password": PASSWORD,
    }

    answer = await api(query, {"input": given})

    assert answer.payload["session"]["user"] == {
        "tenant": {"name": venue.tenant.name},
        "customer": {"name": "Guest", "email": venue.customer.email},
    }


async def test_an_unknown_address_is_answered_like_a_wrong_password(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    passwords = runtime.services[Passwords]
    assert isinstance(passwords, Passwords)

    wrong = await login(api, venue, password="not the password")
    unknown = await login(api, venue, email="nobody@example.test")
    given = {"subdomain": "no-such-venue", "email": venue.owner.user.email, "password": PASSWORD}
    elsewhere = await api(LOGIN, {"input": given})

    assert wrong.payload == {
        "session": None,
        "userErrors": [
            {
                "message": "The e-mail address, password or code is wrong or has expired.",
                "code": "INVALID_CREDENTIALS",
                "path": None,
            }
        ],
    }
    assert unknown.payload == elsewhere.payload == wrong.payload
    assert passwords.checks == 3


async def test_guessing_has_to_wait_but_locks_nobody_out(
    api: Api, clock: StoppedClock, venue: Venue
) -> None:
    guesses = [await login(api, venue, password="not the password") for _ in range(5)]

    early = await login(api, venue)
    clock.advance(seconds=1)
    later = await login(api, venue)

    assert [guess.refusals for guess in guesses] == [["INVALID_CREDENTIALS"]] * 5
    assert early.codes == ["THROTTLED"]
    assert early.partial == {"login": None}
    assert later.refusals == []


async def test_an_unknown_address_is_throttled_like_a_known_one(api: Api, venue: Venue) -> None:
    for _ in range(5):
        await login(api, venue, email="nobody@example.test")

    answer = await login(api, venue, email="nobody@example.test")

    assert answer.codes == ["THROTTLED"]


# ------------------------------------------------------------------------------ staying so


async def test_a_refresh_token_gives_a_new_pair(api: Api, venue: Venue) -> None:
    first = await logged_in(api, venue)

    second = (await refresh(api, first["refreshToken"])).payload["session"]

    assert second["refreshToken"] != first["refreshToken"]
    assert second["user"] == {"email": venue.owner.user.email}
    assert await is_logged_in(api, second["accessToken"])


async def test_a_spent_refresh_token_is_refused(api: Api, venue: Venue) -> None:
    first = await logged_in(api, venue)
    second = (await refresh(api, first["refreshToken"])).payload["session"]

    again = await refresh(api, first["refreshToken"])

    assert again.payload == {
        "session": None,
        "userErrors": [{"code": "INVALID_CREDENTIALS", "path": ["input", "refreshToken"]}],
    }
    assert (await refresh(api, second["refreshToken"])).refusals == []


async def test_a_refresh_token_used_again_later_ends_the_session(
    api: Api, clock: StoppedClock, venue: Venue
) -> None:
    first = await logged_in(api, venue)
    other = await logged_in(api, venue)
    second = (await refresh(api, first["refreshToken"])).payload["session"]

    clock.advance(seconds=11)
    again = await refresh(api, first["refreshToken"])

    assert again.refusals == ["INVALID_CREDENTIALS"]
    assert (await refresh(api, second["refreshToken"])).refusals == ["INVALID_CREDENTIALS"]
    assert not await is_logged_in(api, second["accessToken"])
    assert await is_logged_in(api, other["accessToken"])


async def test_of_parallel_refreshes_one_succeeds(api: Api, venue: Venue) -> None:
    session = await logged_in(api, venue)

    answers = await asyncio.gather(*(refresh(api, session["refreshToken"]) for _ in range(8)))

    refusals = sorted(answer.refusals for answer in answers)
    assert refusals == [[], *[["INVALID_CREDENTIALS"]] * 7]


async def test_a_refresh_token_lasts_seven_days(
    api: Api, clock: StoppedClock, venue: Venue
) -> None:
    session = await logged_in(api, venue)
    clock.advance(days=6, hours=23)
    session = (await refresh(api, session["refreshToken"])).payload["session"]

    clock.advance(days=7)
    late = await refresh(api, session["refreshToken"])

    assert late.refusals == ["INVALID_CREDENTIALS"]


@pytest.mark.parametrize("token", ["", "x", f"{'0' * 32}.{'A' * 43}", "🎤.🎤", "a.b.c"])
async def test_what_is_no_refresh_token_is_refused(api: Api, token: str) -> None:
    answer = await refresh(api, token)

    assert answer.refusals == ["INVALID_CREDENTIALS"]


async def test_an_access_token_ends_after_a_quarter_of_an_hour(
    api: Api, clock: StoppedClock, venue: Venue
) -> None:
    session = await logged_in(api, venue)

    clock.advance(minutes=15)

    answer = await api(VIEWER, token=session["accessToken"])
    assert answer.codes == ["UNAUTHENTICATED"]


# ------------------------------------------------------------------------------ the cookie


async def test_a_browser_keeps_the_refresh_token_out_of_reach_of_scripts(
    api: Api, venue: Venue
) -> None:
    answer = await login(api, venue)

    (kept,) = cookie(answer).values()
    assert kept.value == answer.payload["session"]["refreshToken"]
    assert kept["httponly"] is True
    assert kept["samesite"].lower() == "strict"
    assert kept["path"] == "/graphql"
    assert kept["max-age"] == "604800"


async def test_the_cookie_is_secure_except_on_loopback(api: Api, venue: Venue) -> None:
    given = {
        "subdomain": venue.tenant.subdomain,
        "email": venue.owner.user.email,
        "password": PASSWORD,
    }
    afar = await api(LOGIN, {"input": given}, headers={"Host": "book.example.com"})
    here = await api(LOGIN, {"input": given})

    (sent_afar,), (sent_here,) = cookie(afar).values(), cookie(here).values()
    assert sent_afar["secure"] is True
    assert sent_here["secure"] == ""


async def test_without_a_token_the_cookie_refreshes_and_is_replaced(api: Api, venue: Venue) -> None:
    await login(api, venue)

    first = await api(REFRESH)
    second = await api(REFRESH, {"input": {}})

    assert (first.refusals, second.refusals) == ([], [])
    (before,), (after,) = cookie(first).values(), cookie(second).values()
    assert after.value not in ("", before.value)
    assert second.payload["session"]["refreshToken"] is None


async def test_without_token_and_cookie_nothing_is_refreshed(api: Api) -> None:
    answer = await api(REFRESH)

    assert answer.refusals == ["INVALID_CREDENTIALS"]


async def test_a_socket_leaves_the_cookie_alone_that_it_could_not_replace(
    api: Api, server: str, venue: Venue
) -> None:
    token = (await login(api, venue)).payload["session"]["refreshToken"]

    async with live(server, cookie=f"boom_refresh={token}") as client:
        stream = await client.subscribe("mutation { refreshSession { userErrors { code } } }")
        refused = (await stream.next())["refreshSession"]["userErrors"]

    assert refused == [{"code": "INVALID_CREDENTIALS"}]
    assert (await refresh(api, token)).refusals == []


# ------------------------------------------------------------------------------ logging out


async def test_logging_out_ends_the_session_within_a_second(
    api: Api, clock: StoppedClock, venue: Venue
) -> None:
    session = await logged_in(api, venue)
    other = await logged_in(api, venue)

    answer = await api(LOGOUT, token=session["accessToken"])
    clock.advance(seconds=1)

    assert answer.refusals == []
    assert (await api(VIEWER, token=session["accessToken"])).codes == ["UNAUTHENTICATED"]
    assert (await refresh(api, session["refreshToken"])).refusals == ["INVALID_CREDENTIALS"]
    assert await is_logged_in(api, other["accessToken"])


async def test_a_browser_logs_out_by_its_cookie_and_forgets_it(
    api: Api, clock: StoppedClock, venue: Venue
) -> None:
    session = (await login(api, venue)).payload["session"]

    answer = await api(LOGOUT)
    clock.advance(seconds=1)

    (kept,) = cookie(answer).values()
    assert (kept.value, kept["max-age"]) == ("", "0")
    assert not await is_logged_in(api, session["accessToken"])


async def test_logging_out_without_a_session_is_no_error(api: Api) -> None:
    assert (await api(LOGOUT)).refusals == []


async def test_a_session_ends_after_thirty_days_however_often_it_is_used(
    api: Api, venue: Venue, clock: StoppedClock
) -> None:
    token = (await login(api, venue)).payload["session"]["refreshToken"]
    for _ in range(4):
        clock.advance(days=6)
        token = (await refresh(api, token)).payload["session"]["refreshToken"]
    clock.advance(days=5, hours=23)
    last = (await refresh(api, token)).payload["session"]["refreshToken"]
    clock.advance(hours=1)

    refused = await refresh(api, last)

    assert refused.refusals == ["INVALID_CREDENTIALS"]
