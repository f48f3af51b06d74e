"""Two apps on one database: one compiles its reads, the other executes field by field."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest_asyncio
from starlette.applications import Starlette
from structlog.testing import capture_logs

from app import build_app
from kit.security.passwords import Passwords
from kit.settings import Settings
from tests.support.client import Answer, Api
from tests.support.clock import StoppedClock


@pytest_asyncio.fixture
async def plain_app(settings: Settings, clock: StoppedClock) -> AsyncIterator[Starlette]:
    """The app without compiled reads."""
    built = build_app(
        settings.model_copy(update={"compiled": False}),
        clock=clock,
        services={Passwords: Passwords.cheap()},
        with_graphiql=False,
    )
    async with built.router.lifespan_context(built):
        yield built


# Between two answers the apps may do what is due, such as end a hold that is past its time.
TRIES = 3


@dataclass(frozen=True, slots=True)
class Both:
    """Sends operations to both apps, and checks that the responses are equal."""

    compiled: Api
    plain: Api

    async def __call__(
        self, text: str, variables: Mapping[str, Any] | None = None, *, token: str | None = None
    ) -> Answer:
        for _ in range(TRIES):
            with capture_logs() as logs:
                ours = await self.compiled(text, variables, token=token)
            assert [each for each in logs if each["event"] == "read.failed"] == []
            theirs = await self.plain(text, variables, token=token)
            if as_read(ours) == as_read(theirs):
                break
        assert as_read(ours) == as_read(theirs)
        return ours


def as_read(answer: Answer) -> tuple[int, Any, Any]:
    """Returns a response including the order of its keys."""
    errors = [{**each, "extensions": _lasting(each["extensions"])} for each in answer.errors]
    return answer.status, ordered(answer.partial), errors


def ordered(value: Any) -> Any:
    """Objects as lists of pairs, so that the order of their keys counts."""
    if isinstance(value, dict):
        return [(key, ordered(inner)) for key, inner in value.items()]
    return [ordered(inner) for inner in value] if isinstance(value, list) else value


def _lasting(extensions: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in extensions.items() if key != "requestId"}


@pytest_asyncio.fixture
async def both(api: Api, plain_app: Starlette) -> AsyncIterator[Both]:
    transport = httpx2.ASGITransport(plain_app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
        yield Both(api, Api(http))
