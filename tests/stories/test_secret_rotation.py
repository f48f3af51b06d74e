"""A new BOOM_SECRET loses no queued mail, even while processes restart one by one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, cast

import asyncpg
import httpx2
import pytest
import structlog
from pydantic import SecretStr
from starlette.applications import Starlette

from app import build_app
from kit.runtime import Runtime
from kit.security.passwords import Passwords
from kit.settings import Settings
from tests.api.accounts.accounts import code_in, is_logged_in, logged_in, mails
from tests.api.bookings.test_guests import BOOK, GUEST, slot
from tests.api.bookings.test_self_service import show
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.factories import Venue, make_venue
from tests.support.guests import confirm
from tests.support.work import forget_jobs

OLD: Final = "the secret of the tests before a rotation"
NEW: Final = "the secret of the tests after a rotation"
RESET: Final = """
    mutation ($input: RequestPasswordResetInput!) {
      requestPasswordReset(input: $input) { userErrors { code } }
    }
"""
_FAILED: Final = """
    SELECT traceback ->> 'exception_message' FROM queue.pgqueuer_log
    WHERE traceback IS NOT NULL AND created > $1 ORDER BY id DESC LIMIT 1
"""

Process = tuple[Api, Runtime]
Start = Callable[..., AbstractAsyncContextManager[Process]]


@pytest.fixture
async def start(settings: Settings, clock: StoppedClock) -> Start:
    """Starts a process of the installation, with the secrets that it knows."""
    await forget_jobs(settings)

    @asynccontextmanager
    async def start(secret: str, *fallbacks: str, works: bool = True) -> AsyncIterator[Process]:
        known = settings.model_copy(
            update={
                "given_secret": SecretStr(secret),
                "given_fallbacks": SecretStr(",".join(fallbacks)),
                "works": works,
            }
        )
        app: Starlette = build_app(
            known, clock=clock, services={Passwords: Passwords.cheap()}, with_graphiql=False
        )
        transport = httpx2.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http,
        ):
            yield Api(http), app.state.runtime

    return start


async def book(api: Api, venue: Venue, hour: int) -> str:
    """Returns the code of a guest's new booking, which its mail is to confirm."""
    answer = await api(BOOK, {"input": {**slot(venue, hour), "customer": GUEST}})
    return cast("str", answer.payload["token"])


async def ask_for_reset(api: Api, venue: Venue) -> None:
    given = {"subdomain": venue.tenant.subdomain, "email": venue.owner.user.email}
    assert (await api(RESET, {"input": given})).refusals == []


async def test_what_was_begun_under_the_old_secret_goes_on_under_the_new(
    start: Start, settings: Settings
) -> None:
    async with start(OLD, works=False) as (api, runtime):
        venue = await make_venue(runtime, min_notice_minutes=0)
        await forget_jobs(settings)
        session = await logged_in(api, venue)
        code = await book(api, venue, 15)
        await ask_for_reset(api, venue)

    # Everything restarts at once: the new secret, and the old one beside it.
    async with start(NEW, OLD) as (api, runtime):
        letters = {letter["To"]: letter for letter in await mails(runtime, settings)}

        assert code_in(letters[venue.owner.user.email])
        assert (await confirm(api, code_in(letters[GUEST["email"]]))).refusals == []
        assert (await show(api, code)).payload["status"] == "CONFIRMED"
        assert await is_logged_in(api, session["accessToken"])
        fresh = await logged_in(api, venue)

    # Once the old one is left out, its codes and tokens are worth nothing.
    async with start(NEW, works=False) as (api, _):
        assert (await show(api, code)).codes == ["UNAUTHENTICATED"]
        assert not await is_logged_in(api, session["accessToken"])
        assert await is_logged_in(api, fresh["accessToken"])


async def test_processes_that_rotate_one_by_one_do_each_others_mail(
    start: Start, settings: Settings
) -> None:
    async with start(OLD, NEW, works=False) as (old, runtime):
        venue = await make_venue(runtime, min_notice_minutes=0)
        await forget_jobs(settings)

        # One process is restarted with the new secret; another one still serves with the old.
        async with start(NEW, OLD) as (new, working):
            by_old, by_new = await book(old, venue, 15), await book(new, venue, 17)
            letters = await mails(working, settings)

            assert (await show(new, by_old)).payload["reference"]
            assert (await show(old, by_new)).payload["reference"]

    assert [letter["To"] for letter in letters] == [GUEST["email"]] * 2


async def test_a_process_that_doesnt_know_the_new_secret_leaves_its_mail_to_others(
    start: Start, settings: Settings
) -> None:
    queue = await asyncpg.connect(settings.relay_database_url)
    async with start(NEW, OLD, works=False) as (api, runtime):
        venue = await make_venue(runtime, min_notice_minutes=0)
        await forget_jobs(settings)
        await ask_for_reset(api, venue)

    before = await queue.fetchval("SELECT now()")
    with structlog.testing.capture_logs() as logs:
        async with start(OLD), asyncio.timeout(30):
            while not (failed := await queue.fetchval(_FAILED, before)):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.02)
    async with start(NEW, OLD) as (_, runtime):
        (letter,) = await mails(runtime, settings)

    (warning,) = [each for each in logs if each["event"] == "mail.key_unknown"]
    assert failed == (
        f"encrypted (v1) with the key {warning['key']}, which is not known here: "
        "add its secret to BOOM_SECRET_FALLBACKS"
    )
    assert letter["To"] == venue.owner.user.email
    await queue.close()
