"""An app that may send webhooks to this machine, and a receiver."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from kit.runtime import Runtime
from kit.settings import Settings
from tests.support.client import Api
from tests.support.factories import Venue, make_venue
from tests.support.receiver import Receiver, receiver
from tests.support.webhooks import program


@pytest.fixture
def settings(module_settings: Settings, tmp_path: Path) -> Settings:
    return module_settings.model_copy(update={"data": tmp_path, "outbound_loopback": True})


@pytest.fixture(autouse=True)
def impatient() -> Iterator[None]:
    """Looks often for what is due, because tests move the clock."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("jobs.webhook_sender.POLL_SECONDS", 0.1)
        yield


@pytest_asyncio.fixture
async def receiving() -> AsyncIterator[Receiver]:
    async with receiver() as found:
        yield found


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, min_notice_minutes=0)


@pytest_asyncio.fixture
async def token(api: Api, venue: Venue) -> str:
    """The key of a program that manages webhooks, which is valid for as long as a test likes."""
    return await program(api, venue)
