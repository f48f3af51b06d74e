"""How the server limits requests for calendar feeds."""

import httpx2
import pytest
from starlette.applications import Starlette

from execution.caller_rate_limit import RateLimiter
from kit.actor import ANONYMOUS
from kit.runtime import Runtime
from tests.api.bookings.test_calendar_feeds import made
from tests.support.client import Api
from tests.support.factories import make_venue
from web.routes import calendar_feeds
from web.routes.calendar_feeds import CalendarFeeds

UNKNOWN = f"/feeds/{'0' * 32}.{'x' * 43}.ics"
ADDRESS = "203.0.113.7"


@pytest.fixture
def limiter() -> RateLimiter:
    return RateLimiter()


@pytest.fixture
def reader(runtime: Runtime, limiter: RateLimiter) -> httpx2.AsyncClient:
    app = Starlette(routes=CalendarFeeds(runtime, limiter).routes)
    transport = httpx2.ASGITransport(app, client=(ADDRESS, 50_000))
    return httpx2.AsyncClient(transport=transport, base_url="http://localhost")


async def test_an_address_has_so_many_requests(
    reader: httpx2.AsyncClient, limiter: RateLimiter, runtime: Runtime
) -> None:
    limiter.take(ANONYMOUS, ADDRESS, 4_000 - 10, now=runtime.clock())

    first = await reader.get(UNKNOWN)
    second = await reader.get(UNKNOWN)

    assert (first.status_code, second.status_code) == (404, 429)
    assert int(second.headers["retry-after"]) == 1
    assert second.headers["cache-control"] == "no-store"


async def test_a_process_has_so_many_requests_at_once(
    api: Api, runtime: Runtime, reader: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = await made(api, (await make_venue(runtime)).staff)
    monkeypatch.setattr(calendar_feeds, "MAX_OPEN", 1)

    # Each one gives its place back, whatever its answer is.
    answers = [await reader.get(url) for url in (feed["url"], UNKNOWN, feed["url"])]
    head = await reader.head(feed["url"])
    monkeypatch.setattr(calendar_feeds, "MAX_OPEN", 0)
    refused = await reader.get(feed["url"])
    monkeypatch.setattr(calendar_feeds, "MAX_OPEN", 1)
    again = await reader.get(feed["url"])

    assert [each.status_code for each in (*answers, again)] == [200, 404, 200, 200]
    assert (head.status_code, head.content) == (200, b"")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
