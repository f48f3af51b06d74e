"""Invalid credentials, on public operations and others."""

from typing import Any

import orjson
import pytest

from kit.runtime import Runtime
from tests.api.accounts.accounts import LOGIN, REFRESH, VIEWER, logged_in
from tests.support.client import Answer, Api, socket
from tests.support.clock import StoppedClock
from tests.support.factories import PASSWORD, Venue, make_venue
from tests.support.sse import events

IGNORED = "x-boom-credentials"
PUBLIC = "query ($subdomain: String!) { venue(subdomain: $subdomain) { name } plans { code } }"


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


@pytest.fixture
async def expired(venue: Venue, clock: StoppedClock) -> str:
    """Returns a token that has just expired."""
    clock.advance(minutes=15)
    return venue.owner.token


def credentials(venue: Venue) -> dict[str, Any]:
    address = {"subdomain": venue.tenant.subdomain, "email": venue.owner.user.email}
    return {"input": {**address, "password": PASSWORD}}


def is_refused(answer: Answer) -> bool:
    return answer.codes == ["UNAUTHENTICATED"] and IGNORED not in answer.headers


async def test_a_login_with_an_expired_token_gives_a_new_one(
    api: Api, venue: Venue, expired: str
) -> None:
    answer = await api(LOGIN, credentials(venue), token=expired)

    assert answer.payload["session"]["user"]["role"] == "OWNER"
    assert answer.headers[IGNORED] == "ignored"


async def test_a_session_is_refreshed_whatever_header_comes_along(
    api: Api, venue: Venue, clock: StoppedClock
) -> None:
    session = await logged_in(api, venue)
    clock.advance(minutes=15)

    answer = await api(
        REFRESH,
        {"input": {"refreshToken": session["refreshToken"]}},
        token=session["accessToken"],
    )

    renewed = answer.payload["session"]["accessToken"]
    assert (await api(VIEWER, token=renewed)).payload["role"] == "OWNER"


@pytest.mark.parametrize("authorization", ["Bearer nonsense", "Bearer ", "Basic b3duZXI6cHc="])
async def test_what_is_public_is_read_as_a_stranger(
    api: Api, venue: Venue, authorization: str
) -> None:
    answer = await api(
        PUBLIC, {"subdomain": venue.tenant.subdomain}, headers={"Authorization": authorization}
    )

    assert answer.data["venue"] == {"name": venue.tenant.name}
    assert answer.headers[IGNORED] == "ignored"


async def test_good_credentials_are_never_ignored(api: Api, venue: Venue) -> None:
    answer = await api(PUBLIC, {"subdomain": venue.tenant.subdomain}, token=venue.owner.token)

    assert IGNORED not in answer.headers


@pytest.mark.parametrize(
    "query",
    [
        VIEWER,
        "{ plans { code } viewer { role } }",
        "{ plans { code } ...Mine } fragment Mine on Query { ... { viewer { role } } }",
        # Anybody may ask these, but who asks with a token wants what its bearer can see.
        '{ node(id: "x") { id } }',
        '{ nodes(ids: ["x"]) { id } }',
        "{ rateLimit { remaining } }",
        "{ __typename }",
        "mutation { logout { userErrors { code } } }",
        'mutation { verifyEmail(input: {token: "x"}) { userErrors { code } } }',
        # Worth another try with good credentials; strangers may write less, too.
        "{ nothing }",
        "{",
    ],
)
async def test_what_depends_on_the_caller_is_refused(api: Api, expired: str, query: str) -> None:
    answer = await api(
        query, token=expired, headers={"Accept": "application/graphql-response+json"}
    )

    assert answer.status == 401
    assert is_refused(answer)


async def test_a_stream_of_events_ignores_them_too(server: str, venue: Venue, expired: str) -> None:
    variables = {"subdomain": venue.tenant.subdomain}
    async with events(server, PUBLIC, variables, token=expired) as stream:
        event = await stream.event()
    async with events(server, VIEWER, token=expired) as refused:
        pass

    assert event["data"]["venue"] == {"name": venue.tenant.name}
    assert stream.headers[IGNORED] == "ignored"
    assert refused.status == 401


async def test_a_socket_is_never_opened_with_them(server: str, expired: str) -> None:
    init = {"type": "connection_init", "payload": {"authorization": f"Bearer {expired}"}}

    async with socket(server) as connection:
        await connection.send(orjson.dumps(init).decode())
        await connection.wait_closed()

    assert connection.close_code == 4403
