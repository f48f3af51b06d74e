"""Receives webhooks of payment gateways: verifies and stores them, and responds at once."""

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
    """Serves /webhooks/<gateway>; responds 200 once an event is stored, for retries too.

    A job handles the event later, so that the gateway doesn't wait for it.
    """

    def __init__(self, runtime: Runtime, gateway: Gateway) -> None:
        self._runtime = runtime
        self._gateway = gateway
        self.routes = [Route(f"/webhooks/{gateway.name}", self._answer, methods=["POST"])]

    async def receive(self, body: bytes, headers: Mapping[str, str], request: Request) -> bool:
        """Stores a delivered event; False if it was stored before.

        Raises BadSignature, BadEvent, and Unavailable if the database is unavailable.
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
            return _response(413, f"A delivery can have at most {MAX_BODY_BYTES // 1024} KiB.")
        except ClientDisconnected:
            return _response(400, "The request body is incomplete.")
        except (BadSignature, BadEvent) as error:
            log.warning("webhook.refused", gateway=self._gateway.name, reason=str(error))
            return _response(400, str(error))
        except Unavailable as error:
            return _response(503, str(error), retry_after=RETRY_AFTER_SECONDS)
        return _response(200, "Stored" if is_new else "Known")


def _response(status: int, text: str, *, retry_after: int | None = None) -> Response:
    headers = {"Cache-Control": "no-store"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return JSONResponse({"message": text}, status, headers=headers)
