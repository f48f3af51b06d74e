"""Helpers for tests of accounts: operations, sent mail and the log."""

import asyncio
from collections.abc import Sequence
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any

import asyncpg
from sqlalchemy import select
from sqlmodel import col

from kit.actor import ANONYMOUS, Request
from kit.background_tasks import BackgroundTasks
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from kit.scope import Scope
from kit.settings import Settings
from models.audit.log import LogEntry
from tests.support.client import Answer, Api
from tests.support.factories import PASSWORD, Venue
from tests.support.work import run_due_jobs

LOGIN = """
    mutation ($input: LoginInput!) {
      login(input: $input) {
        session { accessToken accessTokenExpiresAt refreshToken user { email role } }
        userErrors { message code path }
      }
    }
"""
REFRESH = """
    mutation ($input: RefreshSessionInput) {
      refreshSession(input: $input) {
        session { accessToken refreshToken user { email } } userErrors { code path }
      }
    }
"""
VIEWER = "{ viewer { email role } }"


async def login(
    api: Api, venue: Venue, *, email: str | None = None, password: str = PASSWORD
) -> Answer:
    """Logs in, as the owner by default."""
    given = {
        "subdomain": venue.tenant.subdomain,
        "email": email or venue.owner.user.email,
        "password": password,
    }
    return await api(LOGIN, {"input": given})


async def logged_in(api: Api, venue: Venue) -> Any:
    """Starts a session of the owner, and drops the cookie."""
    session = (await login(api, venue)).payload["session"]
    api.http.cookies.clear()
    return session


async def refresh(api: Api, refresh_token: str) -> Answer:
    return await api(REFRESH, {"input": {"refreshToken": refresh_token}})


async def is_logged_in(api: Api, token: str) -> bool:
    """Returns whether an access token is accepted."""
    answer = await api(VIEWER, token=token)
    return answer.codes == []


async def mails(runtime: Runtime, settings: Settings) -> list[EmailMessage]:
    """Returns all letters, once no mail is queued. They are plain text; notifications aren't."""
    await run_due_jobs(runtime)
    return await asyncio.to_thread(_kept, settings)


def runtime_errands(runtime: Runtime) -> BackgroundTasks:
    found = runtime.services[BackgroundTasks]
    assert isinstance(found, BackgroundTasks)
    return found


def code_in(mail: EmailMessage) -> str:
    """Returns the code in a mail: the paragraph that is one long word."""
    (code,) = _codes_in(mail)
    return code


async def last_code(runtime: Runtime, *, to: str) -> str:
    """Returns the code in the latest mail to an address that has one."""
    settings = runtime.services[Settings]
    assert isinstance(settings, Settings)
    letters = [mail for mail in await mails(runtime, settings) if mail["To"] == to]
    return [code for letter in letters for code in _codes_in(letter)][-1]


async def forget_what_was_spent(database: DatabaseUrls) -> None:
    """Refills all allowances, which earlier tests of the module have used."""
    owner = await asyncpg.connect(database.owner)
    await owner.execute("TRUNCATE spent_allowances")
    await owner.close()


async def logged(runtime: Runtime, venue: Venue) -> Sequence[LogEntry]:
    """Returns the entries of the venue's log."""
    scope = Scope(runtime, ANONYMOUS, Request(new_id()))
    await scope.enter(venue.tenant.id)
    try:
        return await scope.all(select(LogEntry).order_by(col(LogEntry.position)))
    finally:
        await scope.close()


def _codes_in(mail: EmailMessage) -> list[str]:
    paragraphs = str(mail.get_content()).split("\n\n")
    return [each.strip() for each in paragraphs if "." in each and " " not in each.strip()]


def _kept(settings: Settings) -> list[EmailMessage]:
    files = sorted((settings.data / "outbox").glob("*.eml"))
    sent = [BytesParser(EmailMessage, policy=default).parsebytes(f.read_bytes()) for f in files]
    return [mail for mail in sent if not mail.is_multipart()]
