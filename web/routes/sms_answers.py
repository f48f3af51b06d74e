"""Takes what Twilio reports of SMS, and what their recipients answer: STOP, START and HELP."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final
from urllib.parse import parse_qsl
from uuid import UUID

import structlog
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from domain.notifications.deliveries import DeliveryReason
from integrations.sms.twilio_webhooks import Arrival, Word, answer_of, arrival_of, is_signed
from kit.actor import Actor, ActorKind
from kit.errors import Unavailable
from kit.runtime import Runtime
from kit.scope import Scope
from resolvers.core.transactions import perform
from resolvers.notifications.channels import SMS_ANSWERS
from resolvers.notifications.receipts import (
    note_arrival,
    note_failure,
    start_number,
    stop_number,
)
from web.server.callers import request_of
from web.server.request_body import ClientDisconnected, TooLarge, read_body

RETRY_AFTER_SECONDS: Final = 5
_HELP: Final = (
    "You get texts about your bookings. To change one, use the link in its confirmation. "
    "Reply STOP to get no more texts."
)
_NOTHING: Final = "<Response/>"

log = structlog.get_logger(__name__)


class _Refused(Exception):
    """The request isn't Twilio's."""


class SmsAnswers:
    """Serves POST /sms/twilio, and /sms/twilio/<tenant>/<delivery> for receipts.

    Twilio signs the address that it knows, which begins with ``public_url``, whatever a proxy has
    made of it.
    """

    def __init__(self, runtime: Runtime, *, public_url: str, auth_token: str) -> None:
        self._runtime = runtime
        self._public_url = public_url
        self._auth_token = auth_token
        receipts = f"{SMS_ANSWERS}/{{tenant:uuid}}/{{delivery:uuid}}"
        self.routes = [
            Route(SMS_ANSWERS, partial(self._take, self._answer), methods=["POST"]),
            Route(receipts, partial(self._take, self._receipt), methods=["POST"]),
        ]

    async def _take(
        self,
        handle: Callable[[HttpRequest, dict[str, str]], Awaitable[str]],
        http: HttpRequest,
    ) -> Response:
        try:
            return _said(200, await handle(http, await self._fields(http)))
        except TooLarge:
            return _said(413)
        except ClientDisconnected:
            return _said(400)
        except _Refused:
            log.warning("sms.webhook_refused")
            return _said(403)
        except Unavailable:
            return _said(503, retry_after=RETRY_AFTER_SECONDS)

    async def _fields(self, http: HttpRequest) -> dict[str, str]:
        """Returns the fields of a form that Twilio has signed. Raises _Refused."""
        body = await read_body(http.receive, content_length=http.headers.get("content-length", ""))
        fields = parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
        signature = http.headers.get("x-twilio-signature", "")
        query = f"?{http.url.query}" if http.url.query else ""
        url = f"{self._public_url}{http.url.path}{query}"
        if not is_signed(url, fields, signature, auth_token=self._auth_token):
            raise _Refused
        return dict(fields)

    async def _receipt(self, http: HttpRequest, fields: dict[str, str]) -> str:
        id: UUID = http.path_params["delivery"]
        match arrival_of(fields):
            case None:
                return _NOTHING
            case Arrival.ARRIVED:
                change = partial(note_arrival, id=id)
            case Arrival.NO_SUCH_NUMBER:
                change = partial(note_failure, id=id, reason=DeliveryReason.BOUNCED)
            case Arrival.FAILED:
                change = partial(note_failure, id=id, reason=DeliveryReason.REFUSED)
        await self._perform(http, change, tenant_id=http.path_params["tenant"])
        return _NOTHING

    async def _answer(self, http: HttpRequest, fields: dict[str, str]) -> str:
        answer = answer_of(fields)
        if answer is None or answer.word is None:
            return _NOTHING
        log.info("sms.answered", word=answer.word.name)
        match answer.word:
            case Word.STOP:
                await self._perform(http, partial(stop_number, number=answer.number))
            case Word.START:
                await self._perform(http, partial(start_number, number=answer.number))
            case Word.HELP if not answer.was_answered:
                return f"<Response><Message>{_HELP}</Message></Response>"
            case Word.HELP:
                pass
        return _NOTHING

    async def _perform(
        self,
        http: HttpRequest,
        change: Callable[[Scope], Awaitable[None]],
        *,
        tenant_id: UUID | None = None,
    ) -> None:
        system = Actor(ActorKind.SYSTEM, tenant_id)
        await perform(self._runtime, system, request_of(http), change)


def _said(status: int, text: str = _NOTHING, *, retry_after: int | None = None) -> Response:
    headers = {"Cache-Control": "no-store"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return Response(text, status, headers=headers, media_type="text/xml")
