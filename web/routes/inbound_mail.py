"""Takes mails that arrive for us from whoever receives them: a mail provider, or a script."""

import asyncio
import hmac
from base64 import b64decode
from typing import Final

import orjson
import structlog
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from execution.caller_rate_limit import RateLimiter
from integrations.mail.inbound import MAX_BYTES, InboundMail, UnreadableMail, read_mail
from kit.actor import ANONYMOUS
from kit.errors import Unavailable
from kit.runtime import Runtime
from kit.settings import Settings
from resolvers.support.inbound_mail import land_mail
from web.server.callers import request_of

PATH: Final = "/mail/inbound"
LOCAL_PATH: Final = "/dev/mail/inbound"
MAX_AT_ONCE: Final = 4
"""The most mails of a process at once; each takes about 40 MB while it is read."""
RETRY_AFTER_SECONDS: Final = 30
POINTS: Final = 10
"""What a request without the secret costs an address."""

log = structlog.get_logger(__name__)


class _TooLarge(Exception):
    """The body is larger than a mail may be."""


class InboundMails:
    """Serves POST /mail/inbound: a mail as it is, or as JSON with its source in ``raw``.

    The caller gives the secret as the password of Basic authentication, which providers can have in
    an address, or as a bearer token. In development, without a domain of its own, the server takes
    mails at /dev/mail/inbound without a secret.
    """

    def __init__(self, runtime: Runtime, settings: Settings, rate_limiter: RateLimiter) -> None:
        self._runtime = runtime
        self._rate_limiter = rate_limiter
        secret = settings.inbound_mail_secret
        self._secret = None if secret is None else secret.get_secret_value().encode()
        self._open = 0
        self.routes: list[Route] = []
        if self._secret is not None:
            self.routes = [Route(PATH, self._answer, methods=["POST"])]
        elif settings.reply_domain is not None:
            self.routes = [Route(LOCAL_PATH, self._answer, methods=["POST"])]

    async def _answer(self, http: HttpRequest) -> Response:
        request = request_of(http)
        if self._secret is not None and not _is_secret(self._secret, http):
            charge = self._rate_limiter.charge(
                ANONYMOUS, request.ip_address, POINTS, now=self._runtime.clock()
            )
            if not charge.allowed:
                return _said(429, "Too many requests.", retry_after=charge.retry_after_seconds)
            return _said(401, "The secret is missing or wrong.")
        if self._open >= MAX_AT_ONCE:
            return _said(503, "Too many mails at once.", retry_after=RETRY_AFTER_SECONDS)
        self._open += 1
        try:
            # Beside the event loop: a large mail takes a while.
            mail = await asyncio.to_thread(_mail, http, await _body(http))
            landing = await land_mail(self._runtime, request, mail)
        except _TooLarge:
            return _said(413, f"A mail can have at most {MAX_BYTES // 1024**2} MB.")
        except ClientDisconnect:
            return _said(400, "The mail is incomplete.")
        except UnreadableMail as error:
            log.warning("mail.unreadable", reason=str(error))
            return _said(422, "This is no mail.")
        except Unavailable as error:
            return _said(503, str(error), retry_after=RETRY_AFTER_SECONDS)
        finally:
            self._open -= 1
        return JSONResponse({"landing": landing.value}, headers={"Cache-Control": "no-store"})


def _is_secret(secret: bytes, http: HttpRequest) -> bool:
    scheme, _, given = http.headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            found = given.strip().encode()
        case "basic":
            try:
                found = b64decode(given, validate=True).partition(b":")[2]
            except ValueError:
                return False
        case _:
            return False
    return hmac.compare_digest(found, secret)


async def _body(http: HttpRequest) -> bytes:
    body = bytearray()
    async for part in http.stream():
        body += part
        # JSON has the source in base64, which is a third longer.
        if len(body) > MAX_BYTES * 3 // 2:
            raise _TooLarge
    return bytes(body)


def _mail(http: HttpRequest, body: bytes) -> InboundMail:
    """Reads a mail. Raises UnreadableMail and _TooLarge."""
    recipients: tuple[str, ...] = ()
    if http.headers.get("content-type", "").partition(";")[0].strip() == "application/json":
        try:
            given = orjson.loads(body)
            to = given.get("recipient")
            recipients = (to,) if isinstance(to, str) else ()
            body = _source(given["raw"], encoding=given.get("encoding", "utf-8"))
        except (orjson.JSONDecodeError, KeyError, AttributeError, TypeError, ValueError) as error:
            problem = "the JSON has no `raw`, or it isn't text"
            raise UnreadableMail(problem) from error
    if len(body) > MAX_BYTES:
        raise _TooLarge
    return read_mail(body, recipients)


def _source(raw: str, *, encoding: str) -> bytes:
    return b64decode(raw, validate=True) if encoding == "base64" else raw.encode()


def _said(status: int, text: str, *, retry_after: int | None = None) -> Response:
    headers = {"Cache-Control": "no-store"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return JSONResponse({"message": text}, status, headers=headers)
