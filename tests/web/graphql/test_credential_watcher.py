"""Connections end when their credentials end, or can't be checked."""

import asyncio
from typing import Any

from structlog.testing import capture_logs

from kit.actor import Actor
from kit.errors import Unauthenticated
from web.graphql.credential_watcher import ClientConnection, CredentialWatcher


async def log_of_an_end(error: Exception) -> list[Any]:
    """Returns the log of a connection that ends because its token gets this error."""
    ended = asyncio.Event()

    async def authenticate(_: str) -> Actor:
        raise error

    watcher = CredentialWatcher(authenticate)
    caller = ClientConnection()
    caller.token = "token"
    with capture_logs() as logs:
        watcher.begin(caller, ended.set)
        async with asyncio.timeout(60):
            await ended.wait()
    return logs


async def test_a_connection_ends_silently_when_its_token_is_worth_nothing() -> None:
    assert await log_of_an_end(Unauthenticated("The session has ended.")) == []


async def test_a_check_that_fails_ends_the_connection_and_is_logged() -> None:
    assert await log_of_an_end(ZeroDivisionError("of this token")) == [
        {
            "event": "credentials.not_checked",
            "log_level": "warning",
            "reason": "ZeroDivisionError",
        }
    ]
