"""The list of a user's sessions, and ending other sessions."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import orjson
import pytest
from starlette.applications import Starlette

from domain.accounts.users import Role
from domain.core.ids import SessionId
from execution.messages import GraphQLRequest
from kit.actor import Actor, ActorKind, Request
from kit.errors import Forbidden
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from permissions.roles import P
from resolvers.accounts.api_keys import create_api_key
from resolvers.accounts.email_verification import request_email_verification
from resolvers.accounts.passwords import change_password
from resolvers.accounts.sessions import end_other_sessions, end_session
from resolvers.accounts.users import invite_user
from resolvers.core.transactions import perform
from tests.api.accounts.accounts import LOGIN, is_logged_in, refresh
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.factories import PASSWORD, Venue, make_venue
from web.graphql.endpoint import Endpoint

SESSIONS = "{ sessions { nodes { id createdAt lastUsedAt userAgent current } } }"
END = "mutation ($id: ID!) { endSession(id: $id) { userErrors { code path } } }"
END_OTHERS = "mutation { endOtherSessions { userErrors { code } } }"


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


async def log_in(api: Api, venue: Venue, agent: str) -> Any:
    """Logs the manager in, by a program of this name."""
    given = {
        "subdomain": venue.tenant.subdomain,
        "email": venue.manager.user.email,
        "password": PASSWORD,
    }
    answer = await api(LOGIN, {"input": given}, headers={"User-Agent": agent})
    api.http.cookies.clear()
    return answer.payload["session"]


async def listed(api: Api, token: str) -> Any:
    return (await api(SESSIONS, token=token)).payload["nodes"]


async def test_a_user_sees_where_they_are_logged_in(
    api: Api, clock: StoppedClock, venue: Venue
) -> None:
    clock.advance(minutes=1)
    phone = await log_in(api, venue, "a phone")
    clock.advance(minutes=1)
    desk = await log_in(api, venue, "a desk")

    nodes = await listed(api, desk["accessToken"])

    assert [{**node, "id": ...} for node in nodes][:2] == [
        {
            "id": ...,
            "createdAt": "2027-03-01T09:02:00Z",
            "lastUsedAt": "2027-03-01T09:02:00Z",
            "userAgent": "a desk",
            "current": True,
        },
        {
            "id": ...,
            "createdAt": "2027-03-01T09:01:00Z",
            "lastUsedAt": "2027-03-01T09:01:00Z",
            "userAgent": "a phone",
            "current": False,
        },
    ]
    by_phone = await listed(api, phone["accessToken"])
    assert [node["current"] for node in by_phone] == [False, True, False]


async def test_a_refresh_is_a_use(api: Api, clock: StoppedClock, venue: Venue) -> None:
    clock.advance(seconds=1)
    session = await log_in(api, venue, "a phone")
    clock.advance(days=6)

    renewed = (await refresh(api, session["refreshToken"])).payload["session"]

    node = (await listed(api, renewed["accessToken"]))[0]
    assert node["createdAt"] == "2027-03-01T09:00:01Z"
    assert node["lastUsedAt"] == "2027-03-07T09:00:01Z"


async def test_a_session_that_nobody_can_go_on_with_is_not_listed(
    api: Api, clock: StoppedClock, venue: Venue
) -> None:
    await log_in(api, venue, "a phone")
    clock.advance(days=7)
    session = await log_in(api, venue, "a desk")

    (node,) = await listed(api, session["accessToken"])

    assert node["userAgent"] == "a desk"


async def test_an_ended_session_is_over_within_a_second(
    api: Api, clock: StoppedClock, venue: Venue
) -> None:
    phone = await log_in(api, venue, "a phone")
    clock.advance(seconds=1)
    desk = await log_in(api, venue, "a desk")
    assert await is_logged_in(api, phone["accessToken"])
    _, there, *_ = await listed(api, desk["accessToken"])

    answer = await api(END, {"id": there["id"]}, token=desk["accessToken"])
    clock.advance(seconds=1)

    assert answer.refusals == []
    assert not await is_logged_in(api, phone["accessToken"])
    assert (await refresh(api, phone["refreshToken"])).refusals == ["INVALID_CREDENTIALS"]
    assert await is_logged_in(api, desk["accessToken"])


async def test_nobody_ends_anothers_session(api: Api, venue: Venue) -> None:
    session = await log_in(api, venue, "a phone")
    theirs = (await listed(api, session["accessToken"]))[0]["id"]

    answer = await api(END, {"id": theirs}, token=venue.owner.token)

    assert answer.refusals == ["NOT_FOUND"]
    assert await is_logged_in(api, session["accessToken"])


async def test_a_session_ends_once(api: Api, venue: Venue) -> None:
    phone = await log_in(api, venue, "a phone")
    id = (await listed(api, phone["accessToken"]))[0]["id"]

    first = await api(END, {"id": id}, token=venue.manager.token)
    again = await api(END, {"id": id}, token=venue.manager.token)

    assert (first.refusals, again.refusals) == ([], ["NOT_FOUND"])


async def test_all_other_sessions_end_at_once(api: Api, clock: StoppedClock, venue: Venue) -> None:
    phone = await log_in(api, venue, "a phone")
    desk = await log_in(api, venue, "a desk")

    await api(END_OTHERS, token=desk["accessToken"])
    clock.advance(seconds=1)

    (left,) = await listed(api, desk["accessToken"])
    assert left["current"]
    assert not await is_logged_in(api, phone["accessToken"])
    assert await is_logged_in(api, venue.owner.token)


async def test_who_is_not_logged_in_has_no_sessions(api: Api, venue: Venue) -> None:
    answers = [await api(text) for text in (SESSIONS, END_OTHERS)]

    assert [answer.codes for answer in answers] == [["UNAUTHENTICATED"]] * 2


# ------------------------------------------------------------------------------ nobody's


async def test_the_system_is_logged_in_nowhere(app: Starlette, venue: Venue) -> None:
    endpoints = (getattr(each, "endpoint", None) for each in app.routes)
    operations = next(each for each in endpoints if isinstance(each, Endpoint))._operations
    system = Actor(ActorKind.SYSTEM, venue.tenant.id)

    answer = await operations.run(
        GraphQLRequest(SESSIONS), operations.operation(system, Request(new_id()))
    )

    assert orjson.loads(orjson.dumps(answer.data)) == {"sessions": {"nodes": []}}
    assert not answer.errors


@pytest.mark.parametrize(
    "change",
    [
        end_other_sessions,
        partial(end_session, id=SessionId(new_id())),
        partial(change_password, current_password=PASSWORD, new_password="another one, as long"),
        partial(create_api_key, name="till", permissions=(P.BOOKINGS_READ,)),
        request_email_verification,
        partial(invite_user, email="new@example.com", name="New", role=Role.STAFF),
    ],
)
async def test_what_only_a_user_can_do_is_refused_to_the_system(
    runtime: Runtime, venue: Venue, change: Callable[[Scope], Awaitable[object]]
) -> None:
    system = Actor(ActorKind.SYSTEM, venue.tenant.id)

    with pytest.raises(Forbidden):
        await perform(runtime, system, Request(new_id()), change)
