"""Authentication is cached: not every request reads the database."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from kit.actor import Actor, ActorKind
from kit.errors import Unauthenticated
from kit.security.authenticator import Authenticator, Credentials
from kit.security.tokens import KeyToken, Tokens
from tests.support.clock import StoppedClock

TENANT, USER, SESSION = UUID(int=1), UUID(int=2), UUID(int=3)
TOKENS = Tokens(b"a secret of 32 bytes for the tests")
OWNER = Actor(ActorKind.USER, TENANT, USER, SESSION, "OWNER")
STAFF = Actor(ActorKind.USER, TENANT, USER, SESSION, "STAFF")

Find = Callable[[Credentials], Awaitable[Actor | None]]


def token(clock: StoppedClock) -> str:
    return TOKENS.sign(tenant_id=TENANT, user_id=USER, session_id=SESSION, now=clock())[0]


def answering(*answers: Actor | Exception | None) -> tuple[Find, list[Credentials]]:
    """Returns a source of successive answers, and the list of its calls."""
    calls: list[Credentials] = []

    async def find(credentials: Credentials) -> Actor | None:
        calls.append(credentials)
        await asyncio.sleep(0)
        answer = answers[len(calls) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return find, calls


async def test_many_requests_of_a_session_ask_once() -> None:
    clock = StoppedClock()
    find, calls = answering(OWNER)
    actors = Authenticator(TOKENS, find, clock=clock)

    found = await asyncio.gather(*(actors.authenticate(token(clock)) for _ in range(50)))

    assert found == [OWNER] * 50
    assert len(calls) == 1


async def test_a_changed_role_holds_within_a_second() -> None:
    clock = StoppedClock()
    find, _ = answering(OWNER, STAFF)
    actors = Authenticator(TOKENS, find, clock=clock)
    bearer = token(clock)

    before = await actors.authenticate(bearer)
    clock.advance(seconds=1)
    after = await actors.authenticate(bearer)

    assert (before, after) == (OWNER, STAFF)


async def test_a_session_that_has_ended_is_refused() -> None:
    clock = StoppedClock()
    find, _ = answering(None)
    actors = Authenticator(TOKENS, find, clock=clock)

    with pytest.raises(Unauthenticated, match="ended"):
        await actors.authenticate(token(clock))


async def test_a_failure_is_not_kept() -> None:
    clock = StoppedClock()
    find, _ = answering(ConnectionError(), OWNER)
    actors = Authenticator(TOKENS, find, clock=clock)

    with pytest.raises(ConnectionError):
        await actors.authenticate(token(clock))

    assert await actors.authenticate(token(clock)) == OWNER


async def test_a_caller_who_goes_away_leaves_the_answer_to_the_others() -> None:
    clock = StoppedClock()
    find, calls = answering(OWNER)
    actors = Authenticator(TOKENS, find, clock=clock)
    impatient = asyncio.create_task(actors.authenticate(token(clock)))
    patient = asyncio.create_task(actors.authenticate(token(clock)))

    await asyncio.sleep(0)
    impatient.cancel()

    assert await patient == OWNER
    assert len(calls) == 1


async def test_an_expired_token_is_refused_without_asking() -> None:
    clock = StoppedClock()
    find, calls = answering(OWNER)
    actors = Authenticator(TOKENS, find, clock=clock)
    bearer = token(clock)

    clock.advance(minutes=15)

    with pytest.raises(Unauthenticated, match="expired"):
        await actors.authenticate(bearer)
    assert calls == []


async def test_a_key_is_asked_for_once_and_never_kept_as_it_is() -> None:
    clock = StoppedClock()
    find, calls = answering(OWNER, STAFF)
    actors = Authenticator(TOKENS, find, clock=clock)
    key = KeyToken.new(TENANT)

    first = await actors.authenticate(str(key))
    again = await actors.authenticate(str(key))

    assert (first, again) == (OWNER, OWNER)
    assert calls == [key]
    assert not any(key.secret in repr(name) for name in actors._lookups._values)


async def test_a_key_that_is_no_longer_good_is_refused() -> None:
    clock = StoppedClock()
    find, _ = answering(None)
    actors = Authenticator(TOKENS, find, clock=clock)

    with pytest.raises(Unauthenticated, match="API key"):
        await actors.authenticate(str(KeyToken.new(TENANT)))
