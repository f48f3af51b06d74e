"""Only our own access tokens are accepted."""

import asyncio
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import orjson
import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from kit.runtime import Runtime
from kit.security.tokens import KeyToken, Link, Links, TenantToken, Tokens
from kit.settings import Settings
from tests.api.accounts.accounts import LOGIN, VIEWER, code_in, mails
from tests.support.client import Api, live, socket
from tests.support.clock import StoppedClock
from tests.support.database import SECRET
from tests.support.factories import PASSWORD, Venue, make_venue


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


def key_of(runtime: Runtime) -> OctKey:
    """Returns the key that signs this installation's access tokens."""
    tokens = runtime.services[Tokens]
    assert isinstance(tokens, Tokens)
    return tokens._keys[0]


def claims_of(runtime: Runtime, venue: Venue) -> dict[str, Any]:
    """Returns the claims of the owner's real token."""
    return dict(jwt.decode(venue.owner.token, key_of(runtime)).claims)


def part(value: Mapping[str, Any]) -> str:
    return urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


def signature(signed: str, key: OctKey) -> str:
    digest = hmac.digest(key.get_op_key("sign"), signed.encode(), "sha256")
    return urlsafe_b64encode(digest).decode().rstrip("=")


async def codes(api: Api, token: str) -> list[str]:
    """Returns the error codes for this bearer token."""
    return (await api(VIEWER, token=token)).codes


async def test_the_real_token_opens_what_it_is_for(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    again = jwt.encode({"alg": "HS256"}, claims_of(runtime, venue), key_of(runtime))

    assert [await codes(api, token) for token in (venue.owner.token, again)] == [[], []]


# ------------------------------------------------------------------------------ algorithms


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", ""])
async def test_no_algorithm_is_none(api: Api, runtime: Runtime, venue: Venue, name: str) -> None:
    unsigned = f"{part({'alg': name, 'typ': 'JWT'})}.{part(claims_of(runtime, venue))}"
    of_real_one = venue.owner.token.rpartition(".")[2]

    answers = [await codes(api, f"{unsigned}.{end}") for end in ("", of_real_one)]

    assert answers == [["UNAUTHENTICATED"]] * 2


@pytest.mark.parametrize("name", ["HS384", "HS512"])
async def test_the_same_key_signs_by_no_other_algorithm(
    api: Api, runtime: Runtime, venue: Venue, name: str
) -> None:
    registry = jws.JWSRegistry(algorithms=[name])
    token = jwt.encode({"alg": name}, claims_of(runtime, venue), key_of(runtime), registry=registry)

    assert await codes(api, token) == ["UNAUTHENTICATED"]


async def test_no_public_key_is_taken_from_the_token_itself(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    rsa, ec = RSAKey.generate_key(2048), ECKey.generate_key("P-256")
    own = OctKey.generate_key(256)
    claims = claims_of(runtime, venue)
    tokens = [
        jwt.encode({"alg": "RS256", "jwk": rsa.as_dict(private=False)}, claims, rsa),
        jwt.encode({"alg": "ES256", "jwk": ec.as_dict(private=False)}, claims, ec),
        jwt.encode({"alg": "HS256", "jwk": own.as_dict()}, claims, own),
        jwt.encode({"alg": "HS256", "kid": "../../../dev/null"}, claims, own),
    ]

    assert [await codes(api, token) for token in tokens] == [["UNAUTHENTICATED"]] * 4


@pytest.mark.parametrize("name", ["RS256", "ES256", "PS256", "EdDSA", "dir"])
async def test_a_header_that_names_another_kind_of_key_is_refused(
    api: Api, venue: Venue, name: str
) -> None:
    _, payload, end = venue.owner.token.split(".")

    token = f"{part({'alg': name, 'typ': 'JWT'})}.{payload}.{end}"

    assert await codes(api, token) == ["UNAUTHENTICATED"]


async def test_a_critical_header_that_nobody_knows_is_refused(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    header = part({"alg": "HS256", "crit": ["exp"], "exp": 0})
    signed = f"{header}.{part(claims_of(runtime, venue))}"
    token = f"{signed}.{signature(signed, key_of(runtime))}"

    assert await codes(api, token) == ["UNAUTHENTICATED"]


# ------------------------------------------------------------------------------ claims


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "somebody-else"},
        {"aud": "boom-booking-link"},
        {"aud": ["boom-booking-api"]},
        {"tenant": "00000000-0000-0000-0000-000000000000"},
        {"sub": "00000000-0000-0000-0000-000000000000"},
        {"sid": "00000000-0000-0000-0000-000000000000"},
        {"exp": 0},
        {"exp": True},
        {"exp": 10**30},
        {"exp": "9999999999"},
        {"nbf": 10**10},
        {"nbf": "soon"},
        {"iat": 10**10},
    ],
    ids=str,
)
async def test_a_token_that_says_something_else_is_refused(
    api: Api, runtime: Runtime, venue: Venue, changed: dict[str, Any]
) -> None:
    claims = {**claims_of(runtime, venue), **changed}

    token = jwt.encode({"alg": "HS256"}, claims, key_of(runtime))

    assert await codes(api, token) == ["UNAUTHENTICATED"]


@pytest.mark.parametrize("missing", ["iss", "aud", "tenant", "sub", "sid", "exp"])
async def test_a_token_that_says_too_little_is_refused(
    api: Api, runtime: Runtime, venue: Venue, missing: str
) -> None:
    claims = claims_of(runtime, venue)
    del claims[missing]

    token = jwt.encode({"alg": "HS256"}, claims, key_of(runtime))

    assert await codes(api, token) == ["UNAUTHENTICATED"]


async def test_another_users_session_is_not_taken_over(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    claims = {**claims_of(runtime, venue), "sid": str(venue.staff.session.id)}

    token = jwt.encode({"alg": "HS256"}, claims, key_of(runtime))

    assert await codes(api, token) == ["UNAUTHENTICATED"]


async def test_an_expired_token_is_refused_to_the_second(
    api: Api, clock: StoppedClock, venue: Venue
) -> None:
    clock.advance(minutes=15)
    clock.now -= timedelta(milliseconds=1)
    before = await codes(api, venue.owner.token)
    clock.now += timedelta(milliseconds=1)

    assert (before, await codes(api, venue.owner.token)) == ([], ["UNAUTHENTICATED"])


# ------------------------------------------------------------------------------ other secrets


async def test_no_other_secret_is_an_access_token(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    given = {
        "subdomain": venue.tenant.subdomain,
        "email": venue.owner.user.email,
        "password": PASSWORD,
    }
    refresh = (await api(LOGIN, {"input": given})).payload["session"]["refreshToken"]
    reset = """mutation ($input: RequestPasswordResetInput!) {
        requestPasswordReset(input: $input) { userErrors { code } } }"""
    del given["password"]
    await api(reset, {"input": given})
    mailed = code_in((await mails(runtime, settings))[-1])
    link = Links(SECRET).sign(Link(venue.tenant.id, venue.owner.user.id))
    unknown_key = str(KeyToken.new(venue.tenant.id))

    answers = [await codes(api, each) for each in (refresh, mailed, link, unknown_key, PASSWORD)]

    assert answers == [["UNAUTHENTICATED"]] * 5


async def test_an_access_token_is_no_other_secret(api: Api, venue: Venue) -> None:
    tries = {
        "refreshSession(input: { refreshToken: $token })": "INVALID_CREDENTIALS",
        'resetPassword(input: { token: $token, password: "a long enough one" })': (
            "INVALID_CREDENTIALS"
        ),
        'acceptInvitation(input: { token: $token, password: "a long enough one" })': (
            "INVALID_CREDENTIALS"
        ),
        "verifyEmail(input: { token: $token })": "INVALID_CREDENTIALS",
        "cancelGuestBooking(version: 1, input: { token: $token })": "INVALID_CREDENTIALS",
        "confirmGuestBooking(input: { token: $token })": "INVALID_CREDENTIALS",
    }

    answers = [
        await api(
            f"mutation ($token: String!) {{ {field} {{ userErrors {{ code }} }} }}",
            {"token": venue.owner.token},
        )
        for field in tries
    ]

    assert [answer.refusals for answer in answers] == [[code] for code in tries.values()]


async def test_a_link_signed_as_an_access_token_opens_nothing(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    claims = claims_of(runtime, venue) | {"aud": "boom-booking-link"}
    text = "query ($token: String!) { guestBooking(token: $token) { reference } }"

    forged = jwt.encode({"alg": "HS256"}, claims, key_of(runtime))

    assert (await api(text, {"token": forged})).codes == ["UNAUTHENTICATED"]


# ------------------------------------------------------------------------------ reuse


async def test_a_refresh_token_is_worth_nothing_in_another_tenant(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    other = await make_venue(runtime)
    given = {
        "subdomain": venue.tenant.subdomain,
        "email": venue.owner.user.email,
        "password": PASSWORD,
    }
    token = TenantToken.parse(
        (await api(LOGIN, {"input": given})).payload["session"]["refreshToken"]
    )
    api.http.cookies.clear()
    assert token is not None
    text = """mutation ($token: String!) {
        refreshSession(input: { refreshToken: $token }) { userErrors { code } } }"""

    answer = await api(text, {"token": str(TenantToken(other.tenant.id, token.secret))})

    assert answer.refusals == ["INVALID_CREDENTIALS"]


async def test_a_socket_takes_no_forged_token(server: str, runtime: Runtime, venue: Venue) -> None:
    forged = f"{part({'alg': 'none'})}.{part(claims_of(runtime, venue))}."
    init = {"type": "connection_init", "payload": {"authorization": f"Bearer {forged}"}}

    async with socket(server) as connection:
        await connection.send(orjson.dumps(init).decode())
        async with asyncio.timeout(60):
            await connection.wait_closed()

    assert connection.close_code == 4403


async def test_a_socket_goes_on_until_its_token_expires(
    server: str, clock: StoppedClock, venue: Venue
) -> None:
    async with live(server, token=venue.owner.token) as client:
        clock.advance(minutes=14, seconds=59)
        await (await client.subscribe(VIEWER)).next()

        clock.advance(seconds=1)

        assert await client.closed() == 4403
