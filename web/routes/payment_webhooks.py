"""What gateways for payments deliver: verified, stored, and answered at once."""

from collections.abc import Mapping
from functools import partial
from typing import Final

import structlog
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from integrations.payments.protocol import BadEvent, BadSignature, Gateway
from kit.actor import Actor, ActorKind, Request
from kit.errors import Unavailable
from kit.runtime import Runtime
from resolvers.core.transactions import perform
from resolvers.payments.gateway_events import receive_event
from web.server.callers import request_of
from web.server.request_body import MAX_BODY_BYTES, ClientDisconnected, TooLarge, read_body

RETRY_AFTER_SECONDS: Final = 5

_SYSTEM: Final = Actor(ActorKind.SYSTEM)

log = structlog.get_logger(__name__)


class Webhooks:
    """/webhooks/<gateway>: 200 once an event is stored, however often it is delivered.

    What follows from it is a job; the gateway doesn't wait for that, nor we for the gateway.
    """

    def __init__(self, runtime: Runtime, gateway: Gateway) -> None:
        self._runtime = runtime
        self._gateway = gateway
        self.routes = [Route(f"/webhooks/{gateway.name}", self._answer, methods=["POST"])]

    async def receive(self, body: bytes, headers: Mapping[str, str], request: Request) -> bool:
        """Take a delivery; False where it was taken before.

        Raises BadSignature, BadEvent, and Unavailable when the database is away.
        """
        self._gateway.verify_webhook(body, headers, now=self._runtime.clock())
        event = self._gateway.parse_event(body)
        stored = await perform(self._runtime, _SYSTEM, request, partial(receive_event, event=event))
        log.info("webhook.received", gateway=event.gateway, type=event.type, new=stored.result)
        return stored.result

    async def _answer(self, http: HttpRequest) -> Response:
        request = request_of(http)
        try:
            is_new = await self.receive(
                await read_body(
                    http.receive, content_length=http.headers.get("content-length", "")
                ),
                http.headers,
                request,
            )
        except TooLarge:
            return _said(413, f"A delivery has at most {MAX_BODY_BYTES // 1024} KiB.")
        except ClientDisconnected:
            return _said(400, "The body broke off.")
        except (BadSignature, BadEvent) as error:
            log.warning("webhook.refused", gateway=self._gateway.name, reason=str(error))
            return _said(400, str(error))
        except Unavailable as error:
            return _said(503, str(error), retry_after=RETRY_AFTER_SECONDS)
        return _said(200, "Stored" if is_new else "Known")


def _said(status: int, text: str, *, retry_after: int | None = None) -> Response:
    headers = {"Cache-Control": "no-store"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return JSONResponse({"message": text}, status, headers=headers)
