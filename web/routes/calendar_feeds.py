"""Serves calendar feeds to whoever has their secret addresses."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Final

import structlog
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from execution.caller_rate_limit import RateLimiter
from kit.actor import ANONYMOUS
from kit.errors import Forbidden, Unavailable
from kit.runtime import Runtime
from resolvers.bookings.calendar_feeds import FEEDS
from resolvers.bookings.feed_files import FeedUnknown, read_feed
from web.routes.byte_ranges import matches
from web.server.callers import request_of

MAX_OPEN: Final = 20
"""The most requests of a process at once; the file of each takes up to 15 MB."""
AT_ONCE: Final = 2
"""How many files a process makes at once; other requests wait."""
RETRY_AFTER_SECONDS: Final = 5
POINTS: Final = 10
"""What a request costs an address, like the queries of anonymous callers."""
BOOKINGS_FOR_A_POINT: Final = 100

log = structlog.get_logger(__name__)


class CalendarFeeds:
    """Serves /feeds/<secret>.ics."""

    def __init__(self, runtime: Runtime, rate_limiter: RateLimiter) -> None:
        self._runtime = runtime
        self._rate_limiter = rate_limiter
        self._open = 0
        self._turns = asyncio.Semaphore(AT_ONCE)
        self.routes = [Route(f"{FEEDS}/{{secret}}.ics", self._answer, methods=["GET"])]

    async def _answer(self, http: HttpRequest) -> Response:
        request, clock = request_of(http), self._runtime.clock
        charge = self._rate_limiter.charge(ANONYMOUS, request.ip_address, POINTS, now=clock())
        if not charge.allowed:
            return _refused(429, "Too many requests.", retry_after=charge.retry_after_seconds)
        if self._open >= MAX_OPEN:
            text = "Too many requests at once; try again in a moment."
            return _refused(503, text, retry_after=RETRY_AFTER_SECONDS)
        known = http.headers.get("if-none-match", "")
        self._open += 1
        try:
            async with self._turns:
                file = await read_feed(
                    self._runtime,
                    request,
                    http.path_params["secret"],
                    is_known=lambda etag: matches(known, etag),
                )
            points = file.entries // BOOKINGS_FOR_A_POINT
            self._rate_limiter.take(ANONYMOUS, request.ip_address, points, now=clock())
            # Weak, because other bytes may tell the same.
            headers = {"Cache-Control": "private, no-cache", "ETag": f"W/{file.etag}"}
            if file.parts is None:
                return Response(status_code=304, headers=headers)
            headers |= _of_content(file.parts)
            if http.method == "HEAD":
                return Response(headers=headers)
            return StreamingResponse(self._content(file.parts), headers=headers)
        except FeedUnknown:
            return _refused(404, "There is no such feed.")
        except Forbidden as error:
            return _refused(403, str(error))
        except Unavailable as error:
            log.warning("feed.unavailable", reason=type(error).__name__)
            return _refused(503, str(error), retry_after=RETRY_AFTER_SECONDS)
        finally:
            self._open -= 1

    async def _content(self, parts: list[bytes]) -> AsyncGenerator[bytes]:
        # Here, because nothing of it runs if the reader has gone.
        self._open += 1
        try:
            for part in parts:
                yield part
        finally:
            self._open -= 1


def _of_content(parts: list[bytes]) -> Mapping[str, str]:
    return {
        "Content-Disposition": 'inline; filename="bookings.ics"',
        "Content-Length": str(sum(map(len, parts))),
        "Content-Type": "text/calendar; charset=utf-8",
    }


def _refused(status: int, text: str, *, retry_after: int | None = None) -> Response:
    headers = {"Cache-Control": "no-store"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return JSONResponse({"message": text}, status, headers=headers)
