"""Serves /unsubscribe/<link>, at which recipients stop notifications with one click (RFC 8058)."""

import html
from string import Template
from typing import Final

import structlog
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from domain.notifications.kinds import Channel, NotificationKind
from execution.caller_rate_limit import RateLimiter
from kit.actor import ANONYMOUS
from kit.errors import Unavailable
from kit.runtime import Runtime
from kit.security.tokens import RecipientLink, RecipientLinks
from resolvers.core.transactions import perform
from resolvers.notifications.contents import UNSUBSCRIBE
from resolvers.notifications.preferences import unsubscribe
from web.server.callers import request_of

POINTS: Final = 10
"""What a request costs an address, like the mutations of anonymous callers."""

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
_PAGE: Final = Template(
    """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>Unsubscribe</title>
<style>
  :root { color-scheme: light dark }
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 30rem; margin: 4rem auto }
  button { font: inherit; padding: .5rem 1rem }
</style>
<h1>Unsubscribe</h1>
$body
"""
)
_CHANNELS: Final = {
    Channel.EMAIL: "e-mail",
    Channel.SMS: "SMS",
    Channel.PUSH: "push message",
    Channel.IN_APP: "inbox",
}

log = structlog.get_logger(__name__)


class Unsubscribe:
    """Shows what a link stops, and stops it.

    GET changes nothing, as mail scanners open every link. A POST needs no more than the link: mail
    programs send it for their button, without cookies and from anywhere.
    """

    def __init__(self, runtime: Runtime, rate_limiter: RateLimiter) -> None:
        self._runtime = runtime
        self._rate_limiter = rate_limiter
        path = f"{UNSUBSCRIBE}/{{link}}"
        self.routes = [
            Route(path, self._show, methods=["GET"]),
            Route(path, self._stop, methods=["POST"]),
        ]

    async def _show(self, http: HttpRequest) -> Response:
        link = self._read(http)
        if link is None:
            return _unknown()
        text = f"Stop getting messages about “{_name(link)}” by {_channel(link)}?"
        form = '<form method="post"><button>Unsubscribe</button></form>'
        return _page(200, f"<p>{html.escape(text)}</p>{form}")

    async def _stop(self, http: HttpRequest) -> Response:
        request = request_of(http)
        charge = self._rate_limiter.charge(
            ANONYMOUS, request.ip_address, POINTS, now=self._runtime.clock()
        )
        if not charge.allowed:
            seconds = charge.retry_after_seconds
            return _page(429, "<p>Too many requests; try again later.</p>", retry_after=seconds)
        link = self._read(http)
        if link is None:
            return _unknown()
        try:
            await perform(self._runtime, ANONYMOUS, request, lambda scope: unsubscribe(scope, link))
        except Unavailable:
            return _page(503, "<p>This doesn't work right now; try again in a moment.</p>")
        text = f"You get no more messages about “{_name(link)}” by {_channel(link)}."
        return _page(200, f"<p>{html.escape(text)}</p>")

    def _read(self, http: HttpRequest) -> RecipientLink | None:
        links = self._runtime.services[RecipientLinks]
        assert isinstance(links, RecipientLinks)
        return links.read(http.path_params["link"])


def _name(link: RecipientLink) -> str:
    return NotificationKind(link.kind).replace("_", " ").capitalize()


def _channel(link: RecipientLink) -> str:
    return _CHANNELS[Channel(link.channel)]


def _unknown() -> Response:
    return _page(404, "<p>This link is not complete. Copy all of it from the message.</p>")


def _page(status: int, body: str, *, retry_after: int | None = None) -> HTMLResponse:
    headers = dict(_HEADERS)
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return HTMLResponse(_PAGE.substitute(body=body), status, headers=headers)
