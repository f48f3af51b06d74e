"""Differences in production: cookies, metrics, hosts and GraphiQL."""

from http.cookies import SimpleCookie
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from kit.runtime import Runtime
from kit.settings import Environment, Settings
from tests.support.client import Api
from tests.support.factories import PASSWORD, make_venue

LOGIN = """mutation ($subdomain: String!, $email: String!, $password: String!) {
  login(input: {subdomain: $subdomain, email: $email, password: $password}) {
    session { refreshToken } userErrors { code }
  }
}"""
REFRESH = "mutation { refreshSession { session { refreshToken user { name } } } }"
TOKEN = "the token of who reads the figures"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Those of production, reached as localhost and as one name."""
    return settings.model_copy(
        update={
            "environment": Environment.PRODUCTION,
            "allowed_hosts": ("localhost", "127.0.0.1", "*.example.com"),
            "security_contact": "mailto:security@example.com",
        }
    )


async def test_the_cookie_is_secure_whatever_the_host(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    login = {"subdomain": venue.tenant.subdomain, "email": venue.owner.user.email}

    answer = await api(LOGIN, {**login, "password": PASSWORD})
    (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()

    assert cookie.key == "__Secure-boom_refresh"
    assert cookie["secure"] and cookie["httponly"]


async def test_a_refresh_by_cookie_gives_scripts_no_refresh_token(
    api: Api, runtime: Runtime
) -> None:
    venue = await make_venue(runtime)
    login = {"subdomain": venue.tenant.subdomain, "email": venue.owner.user.email}
    first_token = (await api(LOGIN, {**login, "password": PASSWORD})).payload["session"][
        "refreshToken"
    ]
    api.http.cookies.clear()

    of_older_name = await api(REFRESH, headers={"Cookie": f"boom_refresh={first_token}"})
    by_cookie = await api(REFRESH, headers={"Cookie": f"__Secure-boom_refresh={first_token}"})
    (replaced,) = SimpleCookie(by_cookie.headers["set-cookie"]).values()

    assert of_older_name.payload["session"] is None
    assert by_cookie.payload["session"]["refreshToken"] is None
    assert by_cookie.payload["session"]["user"]["name"] == venue.owner.user.name
    assert replaced.value not in ("", first_token)


@pytest.mark.parametrize("path", ["/graphql", "/livez", "/metrics"])
async def test_other_hosts_are_refused(api: Api, path: str) -> None:
    strange = await api.http.get(path, headers={"Host": "evil.example"})
    nothing = await api.http.get(path, headers={"Host": ""})

    assert (strange.status_code, nothing.status_code) == (400, 400)


async def test_a_name_below_an_allowed_one_is_served(api: Api) -> None:
    answer = await api.http.get("/livez", headers={"Host": "api.example.com:443"})

    assert answer.status_code == 200


async def test_sockets_of_other_hosts_are_refused(server: str) -> None:
    here = urlsplit(server)

    with pytest.raises(InvalidStatus) as refused:
        await connect(
            "ws://evil.test/graphql",
            host=here.hostname,
            port=here.port,
            subprotocols=[Subprotocol("graphql-transport-ws")],
        )

    assert refused.value.response.status_code == 400


async def test_there_is_no_explorer_that_was_not_built_before(api: Api) -> None:
    assert (await api.http.get("/graphiql")).status_code == 404


async def test_the_figures_are_nobodys_without_a_token(api: Api) -> None:
    assert (await api.http.get("/metrics")).status_code == 404


async def test_a_weakness_can_be_reported(api: Api) -> None:
    answer = await api.http.get("/.well-known/security.txt")

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == (
        "Contact: mailto:security@example.com\n"
        "Expires: 2027-08-28T09:00:00+00:00\n"
        "Preferred-Languages: en\n"
    )


async def test_a_refresh_from_no_address_is_answered(api: Api) -> None:
    # A proxy passes on what it was told.
    api.http._transport.client = ("nonsense, at best", 1)  # type: ignore[attr-defined]

    answer = await api(
        LOGIN, {"subdomain": "nobody", "email": "nobody@example.com", "password": "wrong"}
    )

    assert answer.payload["userErrors"] == [{"code": "INVALID_CREDENTIALS"}]


class TestWithATokenForTheFigures:
    """Prometheus sends it as other clients send theirs."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return Settings.model_validate({**settings.model_dump(), "metrics_token": TOKEN})

    @pytest.mark.parametrize("given", ["", "Bearer wrong", TOKEN, f"Basic {TOKEN}"])
    async def test_nobody_reads_them_without_it(self, api: Api, given: str) -> None:
        answer = await api.http.get("/metrics", headers={"Authorization": given})

        assert answer.status_code == 401

    async def test_who_has_it_reads_them(self, api: Api) -> None:
        answer = await api.http.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})

        assert "boom_open_sockets" in answer.text
