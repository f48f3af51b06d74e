"""GraphQL over HTTP: the specification, and requests that are rejected before execution."""

from collections.abc import AsyncIterator

import httpx2
import orjson
import pytest
from graphql import get_introspection_query
from starlette.applications import Starlette

from kit.runtime import Runtime
from tests.support.client import Api
from tests.support.factories import PASSWORD, Venue, make_venue

RESPONSE = "application/graphql-response+json"
ROOMS = "{ rooms { nodes { name } } }"


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


async def post(api: Api, body: object, **headers: str) -> httpx2.Response:
    return await api.http.post("/graphql", json=body, headers=headers)


async def test_an_operation_is_answered_as_json(api: Api, venue: Venue) -> None:
    answer = await api(ROOMS, token=venue.owner.token)

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.data == {"rooms": {"nodes": [{"name": "Room 1"}, {"name": "Room 2"}]}}


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/json; charset=utf-8", "application/json"),
        (RESPONSE, RESPONSE),
        (f"{RESPONSE}, application/json;q=0.9", RESPONSE),
        (f"{RESPONSE};q=0.5, application/json", "application/json"),
        (f"text/html, {RESPONSE}", RESPONSE),
    ],
)
async def test_the_client_chooses_the_media_type(api: Api, accept: str, given: str) -> None:
    response = await post(api, {"query": "{ __typename }"}, Accept=accept)

    assert response.status_code == 200
    assert response.headers["content-type"] == f"{given}; charset=utf-8"


async def test_a_client_that_takes_no_json_is_told_so(api: Api) -> None:
    response = await post(api, {"query": "{ __typename }"}, Accept="text/html")

    assert response.status_code == 406


async def test_a_query_may_come_by_get(api: Api) -> None:
    parameters = {
        "query": "query A($is: Boolean!) { __typename @include(if: $is) } query B { __typename }",
        "operationName": "A",
        "variables": '{"is": true}',
    }

    response = await api.http.get("/graphql", params=parameters)

    assert response.status_code == 200
    assert response.json()["data"] == {"__typename": "Query"}


async def test_a_mutation_may_not_come_by_get(api: Api, venue: Venue) -> None:
    mutation = 'mutation { createRoom(input: {name: "Blue", capacity: 4}) { room { id } } }'
    headers = {"Authorization": f"Bearer {venue.owner.token}"}

    response = await api.http.get("/graphql", params={"query": mutation}, headers=headers)

    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert len((await api(ROOMS, token=venue.owner.token)).payload["nodes"]) == 2


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD"])
async def test_other_methods_are_refused(api: Api, method: str) -> None:
    response = await api.http.request(method, "/graphql")

    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"]
)
async def test_only_json_is_read(api: Api, kind: str) -> None:
    response = await api.http.post(
        "/graphql", content=b'{"query": "{ __typename }"}', headers={"Content-Type": kind}
    )

    assert response.status_code == 415


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"5",
        b"true",
        b'"{ __typename }"',
        b'[{"query": "{ __typename }"}]',
        b'{"query": "{ __typename } \xff"}',
        b'{"query": "\\ud800"}',
        b"[" * 100_000,
        b"{}",
        b'{"query": null}',
        b'{"query": 5}',
        b'{"query": "  "}',
        b'{"query": "{ __typename }", "operationName": 5}',
        b'{"query": "{ __typename }", "variables": []}',
        b'{"query": "{ __typename }", "variables": "{}"}',
        b'{"query": "{ __typename }", "extensions": 5}',
    ],
)
async def test_a_body_that_asks_for_nothing_is_a_bad_request(api: Api, body: bytes) -> None:
    response = await api.http.post(
        "/graphql", content=body, headers={"Content-Type": "application/json"}
    )

    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert "data" not in response.json()


@pytest.mark.parametrize(
    ("method", "kind", "body", "status"),
    [
        ("POST", "application/json", b"{", 400),
        ("PUT", "application/json", b"{}", 405),
        ("POST", "application/json", b"x" * 300_000, 413),
        ("POST", "text/plain", b"{}", 415),
    ],
)
@pytest.mark.parametrize("accept", [RESPONSE, "application/json"])
async def test_a_bad_request_is_answered_in_the_media_type_that_was_asked_for(
    api: Api, accept: str, method: str, kind: str, body: bytes, status: int
) -> None:
    headers = {"Content-Type": kind, "Accept": accept}

    response = await api.http.request(method, "/graphql", content=body, headers=headers)

    assert response.status_code == status
    assert response.headers["content-type"] == f"{accept}; charset=utf-8"
    assert response.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


@pytest.mark.parametrize("accept", [RESPONSE, "application/json"])
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_the_hash_of_a_persisted_query_is_not_supported(
    api: Api, accept: str, method: str
) -> None:
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}
    headers = {"Accept": accept}

    if method == "POST":
        response = await post(api, {"operationName": "A", "extensions": extensions}, **headers)
    else:
        given = {"extensions": orjson.dumps(extensions).decode()}
        response = await api.http.get("/graphql", params=given, headers=headers)

    assert response.status_code == 200
    assert response.headers["content-type"] == f"{accept}; charset=utf-8"
    assert response.json()["errors"] == [
        {
            "message": "PersistedQueryNotSupported",
            "extensions": {"code": "PERSISTED_QUERY_NOT_SUPPORTED"},
        }
    ]
    assert "data" not in response.json()


async def test_a_persisted_query_that_comes_with_its_text_is_run(api: Api) -> None:
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}

    response = await post(api, {"query": "{ __typename }", "extensions": extensions})

    assert response.json()["data"] == {"__typename": "Query"}


async def test_a_get_without_a_query_is_a_bad_request(api: Api) -> None:
    response = await api.http.get("/graphql", params={"extensions": "{}"})

    assert response.status_code == 400


async def test_a_body_over_256_kib_is_too_large(api: Api) -> None:
    body = {"query": "{ __typename }", "variables": {"text": "x" * 256 * 1024}}

    response = await post(api, body)

    assert response.status_code == 413


async def test_a_body_of_unknown_length_is_read_no_further_than_256_kib(api: Api) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * 64 * 1024

    response = await api.http.post(
        "/graphql", content=chunks(), headers={"Content-Type": "application/json"}
    )

    assert response.status_code == 413


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "{ __typename }", "operationName": "Other"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query A { __typename } query B { __typename }"}, "GRAPHQL_VALIDATION_FAILED"),
        (
            {"query": "query($id: ID!) { room(id: $id) { name } }", "variables": {"id": None}},
            "BAD_USER_INPUT",
        ),
        (
            {
                "query": "query($n: Int) { rooms(first: $n) { nodes { name } } }",
                "variables": {"n": "x"},
            },
            "BAD_USER_INPUT",
        ),
    ],
)
async def test_an_operation_that_cannot_run_has_no_data(
    api: Api, body: dict[str, object], code: str
) -> None:
    new = await post(api, body, Accept=RESPONSE)
    old = await post(api, body)

    assert new.status_code == 400
    assert old.status_code == 200
    assert [error["extensions"]["code"] for error in new.json()["errors"]] == [code]
    assert "data" not in new.json()
    assert "data" not in old.json()


async def test_a_refused_field_leaves_the_rest_standing(api: Api, venue: Venue) -> None:
    query = "{ rooms { nodes { name } } users { nodes { name } } }"

    response = await post(
        api, {"query": query}, Accept=RESPONSE, Authorization=f"Bearer {venue.guest.token}"
    )

    assert response.status_code == 200
    assert response.json()["data"]["users"] is None
    assert len(response.json()["data"]["rooms"]["nodes"]) == 2
    (error,) = response.json()["errors"]
    assert error["path"] == ["users"]
    assert error["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize("authorization", ["Bearer nonsense", "Bearer ", "Basic b3duZXI6cHc="])
async def test_credentials_that_are_none_end_the_operation(api: Api, authorization: str) -> None:
    body = {"query": "{ __typename }"}

    new = await post(api, body, Accept=RESPONSE, Authorization=authorization)
    old = await post(api, body, Authorization=authorization)

    assert new.status_code == 401
    assert new.headers["www-authenticate"] == "Bearer"
    assert old.status_code == 200
    assert new.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert "data" not in old.json()


async def test_a_subscription_is_sent_to_the_websocket(api: Api, venue: Venue) -> None:
    query = "subscription { bookingChanged { __typename } }"

    answer = await api(query, token=venue.owner.token)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert "WebSocket" in answer.errors[0]["message"]


async def test_the_request_id_stands_in_header_and_answer(api: Api) -> None:
    answer = await api("{ __typename }")

    assert answer.extensions["requestId"] == answer.headers["x-request-id"]


async def test_an_answer_is_nothing_for_caches_or_guesses(api: Api) -> None:
    response = await post(api, {"query": "{ __typename }"})

    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"


async def test_pages_of_an_allowed_origin_may_ask(api: Api) -> None:
    preflight = await api.http.options(
        "/graphql",
        headers={
            "Origin": "https://book.example.com",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, content-type",
        },
    )
    response = await post(api, {"query": "{ __typename }"}, Origin="https://book.example.com")

    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "https://book.example.com"
    assert response.headers["access-control-allow-origin"] == "https://book.example.com"
    assert response.headers["access-control-allow-credentials"] == "true"


async def test_they_may_send_any_header_that_their_library_does(api: Api) -> None:
    wanted = "traceparent,apollographql-client-name,x-my-own"
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": wanted}

    allowed = await api.http.options(
        "/graphql", headers={"Origin": "https://book.example.com", **asked}
    )
    other = await api.http.options(
        "/graphql", headers={"Origin": "https://evil.example.com", **asked}
    )

    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-headers"] == wanted
    assert allowed.headers["access-control-allow-credentials"] == "true"
    assert other.status_code == 400
    assert "access-control-allow-origin" not in other.headers


async def test_pages_of_other_origins_may_not(api: Api) -> None:
    response = await post(api, {"query": "{ __typename }"}, Origin="https://evil.example.com")

    assert "access-control-allow-origin" not in response.headers


async def test_introspection_of_the_whole_schema_is_served(api: Api) -> None:
    answer = await api(get_introspection_query())

    assert answer.status == 200
    assert answer.data["__schema"]["queryType"]["name"] == "Query"


async def test_the_front_door_leads_to_graphiql(app: Starlette, api: Api) -> None:
    response = await api.http.get("/")

    assert response.status_code == 307
    assert response.headers["location"] == "/graphiql"


@pytest.mark.parametrize(("host", "is_secure"), [("localhost", False), ("book.example.com", True)])
async def test_the_refresh_token_is_a_cookie_that_pages_cannot_read(
    api: Api, venue: Venue, host: str, is_secure: bool
) -> None:
    login = """mutation Login($input: LoginInput!) {
        login(input: $input) { session { accessToken } userErrors { code } }
    }"""
    who = {
        "subdomain": venue.tenant.subdomain,
        "email": venue.owner.user.email,
        "password": PASSWORD,
    }

    answer = await api(login, {"input": who}, headers={"Host": host})

    name, *attributes = answer.headers["set-cookie"].split("; ")
    assert name.startswith(f"boom_refresh={venue.tenant.id.hex}.")
    assert set(attributes) == {"HttpOnly", "Max-Age=604800", "Path=/graphql", "SameSite=strict"} | (
        {"Secure"} if is_secure else set()
    )
