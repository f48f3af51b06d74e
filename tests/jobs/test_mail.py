"""Queued mail survives its process, and its secrets are encrypted."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import httpx2
import pytest_asyncio
from starlette.applications import Starlette

from app import build_app
from integrations.delivery import Undeliverable
from integrations.mail.protocol import Mail, Message
from kit.runtime import Runtime
from kit.security.encryption import Cipher
from kit.security.passwords import Passwords
from kit.settings import Settings
from tests.api.accounts.accounts import code_in, mails
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.database import SECRET
from tests.support.factories import Venue, make_venue

RESET = """
    mutation ($input: RequestPasswordResetInput!) {
      requestPasswordReset(input: $input) { userErrors { code } }
    }
"""
_DEAD = "SELECT count(*) FROM queue.pgqueuer WHERE status = 'failed'"


@pytest_asyncio.fixture
async def idle(settings: Settings, clock: StoppedClock) -> AsyncIterator[Starlette]:
    """The app of a process that is killed before it does any job."""
    without = settings.model_copy(update={"works": False})
    built: Starlette = build_app(
        without, clock=clock, services={Passwords: Passwords.cheap()}, with_graphiql=False
    )
    yield built
    await built.state.runtime.database.close()


async def rows(queue: asyncpg.Connection) -> list[str]:
    """Returns all that stands in the queue, and what became of it."""
    stored = await queue.fetch(
        "SELECT pgqueuer::text || coalesce(encode(payload, 'escape'), '') FROM queue.pgqueuer"
    )
    return [row[0] for row in stored]


async def ask_for_reset(api: Api, venue: Venue) -> None:
    given = {"subdomain": venue.tenant.subdomain, "email": venue.owner.user.email}
    assert (await api(RESET, {"input": given})).refusals == []


async def is_dead(queue: asyncpg.Connection) -> None:
    async with asyncio.timeout(30):
        while not await queue.fetchval(_DEAD):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)


async def test_a_letter_outlives_its_process_and_shows_nothing(
    settings: Settings, clock: StoppedClock, idle: Starlette, queue: asyncpg.Connection
) -> None:
    venue = await make_venue(idle.state.runtime)
    await queue.execute("DELETE FROM queue.pgqueuer")
    transport = httpx2.ASGITransport(idle)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
        await ask_for_reset(Api(http), venue)
    (waiting,) = await rows(queue)

    working = build_app(
        settings, clock=clock, services={Passwords: Passwords.cheap()}, with_graphiql=False
    )
    async with working.router.lifespan_context(working):
        (letter,) = await mails(working.state.runtime, settings)

    assert venue.owner.user.email not in waiting
    assert letter["To"] == venue.owner.user.email and code_in(letter)
    assert await rows(queue) == []


async def test_an_address_that_is_refused_for_good_is_not_tried_again(
    runtime: Runtime, api: Api, queue: asyncpg.Connection
) -> None:
    sent = []

    class Refusing:
        async def send(self, message: Message) -> None:
            sent.append(message.to)
            raise Undeliverable("the mail server refuses the address: 550")

    venue = await make_venue(runtime)
    runtime.services[Mail] = Refusing()  # type: ignore[index]
    await ask_for_reset(api, venue)
    await is_dead(queue)

    assert sent == [venue.owner.user.email]


async def test_a_letter_that_was_changed_in_the_queue_is_held(
    app: Starlette, queue: asyncpg.Connection
) -> None:
    sealed = Cipher(SECRET).encrypt("{}", use="something else")
    await queue.execute(
        """INSERT INTO queue.pgqueuer (priority, status, entrypoint, payload, headers)
           VALUES (0, 'queued', 'mail', convert_to($1, 'UTF8'), '{}')""",
        f'{{"sealed": "{sealed}"}}',
    )

    await is_dead(queue)

    key_id = sealed.split(".")[1]
    assert (
        await queue.fetchval(
            """SELECT traceback ->> 'exception_message' FROM queue.pgqueuer_log
           WHERE traceback IS NOT NULL ORDER BY id DESC LIMIT 1"""
        )
        == f"changed since it was encrypted with the key {key_id}, or for another use"
    )
