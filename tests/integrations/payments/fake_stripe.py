"""A server that speaks Stripe's protocol for payments, with idempotency keys and with faults."""

import asyncio
import hmac
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kit.settings import Settings
from tests.support.serving import serving

SECRET = "whsec_of_the_tests"
KEY = "sk_test_of_the_tests"

Objects = dict[str, dict[str, Any]]


class Fault(StrEnum):
    """A fault of a request.

    After ``LOST``, ``CUT`` and ``DRIPPING`` it has been carried out; ``KEPT`` is a failure that the
    server tells again whenever it hears the key.
    """

    SILENT = "silent"
    LOST = "lost"
    CUT = "cut"
    BUSY = "busy"
    BROKEN = "broken"
    KEPT = "kept"
    PAGE = "page"
    SHAPELESS = "shapeless"
    IN_USE = "in use"
    DRIPPING = "dripping"


@dataclass(frozen=True, slots=True)
class StripeRequest:
    """A received request."""

    method: str
    path: str
    key: str | None
    account: str | None
    version: str | None
    given: Mapping[str, str]


class Refused(Exception):
    """An error response."""

    def __init__(self, status: int, type: str, **details: object) -> None:
        super().__init__(type)
        self.status = status
        self.body = {"error": {"type": type, **details}}


@dataclass
class FakeStripe:
    """Payments and refunds by account, in memory; the methods are customers' actions.

    ``before_each`` is done when a request has come in, before it is answered.
    """

    address: str = ""
    requests: list[StripeRequest] = field(default_factory=list)
    faults: deque[Fault | None] = field(default_factory=deque)
    before_each: Callable[[], Awaitable[None]] | None = None
    intents: dict[str | None, Objects] = field(default_factory=dict)
    refunds: dict[str | None, Objects] = field(default_factory=dict)
    _replies: dict[tuple[str | None, str], tuple[object, int, Any]] = field(default_factory=dict)
    _numbers: Any = field(default_factory=count)

    def fail(self, fault: Fault, *, times: int = 2) -> None:
        """Makes the next requests fail; the client retries each once."""
        self.faults.extend([fault] * times)

    def fail_later(self, fault: Fault, *, passed: int, times: int = 2) -> None:
        """Makes requests fail after a number of successful ones."""
        self.faults.extend([None] * passed)
        self.fail(fault, times=times)

    def pay(self, id: str, account: str | None = None) -> None:
        """Pays with a valid card."""
        intent = self.intents[account][id]
        intent["last_payment_error"] = None
        if intent["capture_method"] == "manual":
            intent["status"] = "requires_capture"
        else:
            intent |= {"status": "succeeded", "amount_received": intent["amount"]}

    def decline(self, id: str) -> None:
        """Declines the customer's card."""
        self.intents[None][id]["last_payment_error"] = {
            "code": "card_declined",
            "decline_code": "insufficient_funds",
        }

    def all_refunds(self, account: str | None = None) -> list[dict[str, Any]]:
        return list(self.refunds.get(account, {}).values())

    # ------------------------------------------------------------------ its way of answering

    async def answer(self, request: Request) -> Response:
        body = (await request.body()).decode()
        received = StripeRequest(
            request.method,
            request.url.path,
            request.headers.get("idempotency-key"),
            request.headers.get("stripe-account"),
            request.headers.get("stripe-version"),
            dict(parse_qsl(body or request.url.query)),
        )
        self.requests.append(received)
        if self.before_each is not None:
            await self.before_each()
        fault = self.faults.popleft() if self.faults else None
        match fault:
            case Fault.SILENT:
                await _until_gone(request)
            case Fault.BUSY:
                return _error(Refused(429, "rate_limit_error", code="rate_limit"))
            case Fault.IN_USE:
                return _error(Refused(409, "idempotency_error", code="idempotency_key_in_use"))
            case Fault.PAGE:
                return Response("<html>Bad gateway</html>", 200, media_type="text/html")
            case Fault.SHAPELESS:
                return JSONResponse({"object": "payment_intent", "status": ["?"]})
            case Fault.BROKEN:
                return _error(Refused(503, "api_error"))
            case Fault.KEPT:
                # Kept under the key, as Stripe does: whoever comes again with it hears the same.
                return self._replied(received, lambda: _raise(Refused(500, "api_error")))
        reply = self._replied(received, lambda: self._do(received))
        match fault:
            case Fault.LOST:
                await _until_gone(request)
            case Fault.CUT:
                return Response(bytes(reply.body)[:20], 200, media_type="application/json")
            case Fault.DRIPPING:
                return _Dripping()
        return reply

    def _replied(self, received: StripeRequest, do: Any) -> Response:
        """Returns the stored response of an idempotency key, or a new one."""
        if received.key is None:
            return _reply(*_carried_out(do))
        same = (received.method, received.path, tuple(sorted(received.given.items())))
        place = (received.account, received.key)
        if place not in self._replies:
            self._replies[place] = (same, *_carried_out(do))
        first, status, body = self._replies[place]
        if first != same:
            return _error(Refused(400, "idempotency_error", message="A key is for one request"))
        return _reply(status, body)

    # ------------------------------------------------------------------ its objects

    def _do(self, received: StripeRequest) -> dict[str, Any]:
        intents = self.intents.setdefault(received.account, {})
        refunds = self.refunds.setdefault(received.account, {})
        match [received.method, *received.path.removeprefix("/v1/").split("/")]:
            case ["POST", "payment_intents"]:
                return self._opened(intents, received.given)
            case ["GET", "payment_intents", id]:
                return _found(intents, id)
            case ["POST", "payment_intents", id, "capture"]:
                return _captured(_found(intents, id), int(received.given["amount_to_capture"]))
            case ["POST", "payment_intents", id, "cancel"]:
                return _cancelled(_found(intents, id))
            case ["POST", "refunds"]:
                intent = _found(intents, received.given["payment_intent"])
                return self._refunded(refunds, intent, received.given)
            case ["GET", "refunds"]:
                return _listed(refunds, received.given)
        raise Refused(404, "invalid_request_error", message="Unrecognized request URL")

    def _opened(self, intents: Objects, given: Mapping[str, str]) -> dict[str, Any]:
        assert given["payment_method_types[0]"] == "card"
        id = f"pi_{next(self._numbers)}"
        intents[id] = {
            "id": id,
            "object": "payment_intent",
            "amount": int(given["amount"]),
            "amount_received": 0,
            "currency": given["currency"],
            "capture_method": given["capture_method"],
            "client_secret": f"{id}_secret_1",
            "customer": given.get("customer"),
            "status": "requires_payment_method",
            "last_payment_error": None,
            "metadata": _metadata(given),
        }
        return intents[id]

    def _refunded(
        self, refunds: Objects, intent: Mapping[str, Any], given: Mapping[str, str]
    ) -> dict[str, Any]:
        of_it = [each for each in refunds.values() if each["payment_intent"] == intent["id"]]
        left = intent["amount_received"] - sum(each["amount"] for each in of_it)
        if int(given["amount"]) > left:
            raise Refused(400, "invalid_request_error", message="More than is left")
        id = f"re_{next(self._numbers)}"
        refunds[id] = {
            "id": id,
            "object": "refund",
            "amount": int(given["amount"]),
            "currency": intent["currency"],
            "payment_intent": intent["id"],
            "status": "succeeded",
            "metadata": _metadata(given),
        }
        return refunds[id]


@asynccontextmanager
async def running_fake_stripe() -> AsyncIterator[FakeStripe]:
    """Runs the server on loopback."""
    fake = FakeStripe()
    app = Starlette(routes=[Route("/{path:path}", fake.answer, methods=["GET", "POST"])])
    async with serving(app) as address:
        fake.address = address
        yield fake


def known_to(settings: Settings, stripe: FakeStripe, *, webhook_secrets: str = SECRET) -> Settings:
    """Returns the settings of an installation that has this server for Stripe."""
    own = {
        "stripe_secret_key": KEY,
        "stripe_webhook_secret": webhook_secrets,
        "stripe_api_base": stripe.address,
    }
    return Settings(_env_file=None, **settings.model_dump(exclude_none=True) | own)


def event(type: str, seen: Mapping[str, Any], **more: Any) -> bytes:
    """Returns the body of a delivery, as Stripe writes it."""
    given = {
        "id": "evt_1",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": 1_800_000_000,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": type,
        "data": {"object": seen},
    }
    return json.dumps({**given, **more}, indent=2).encode()


def signature(body: bytes, at: datetime, *, secret: str = SECRET) -> str:
    """Returns the header of a delivery, written from Stripe's manual and not by our own code."""
    seconds = str(int(at.astimezone(UTC).timestamp()))
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, "sha256").hexdigest()
    return f"t={seconds},v1={digest},v0={'0' * 64}"


class _Dripping(Response):
    """Sends byte after byte, and never ends."""

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        with suppress(OSError):
            for _ in range(600):
                await send({"type": "http.response.body", "body": b" ", "more_body": True})
                await asyncio.sleep(0.05)


async def _until_gone(request: Request) -> None:
    async with asyncio.timeout(60):
        assert (await request.receive())["type"] == "http.disconnect"


def _carried_out(do: Any) -> tuple[int, Any]:
    try:
        return 200, dict(do())
    except Refused as refused:
        return refused.status, refused.body


def _raise(error: Exception) -> None:
    raise error


def _reply(status: int, body: Any) -> Response:
    return JSONResponse(body, status, headers={"Request-Id": "req_1"})


def _error(refused: Refused) -> Response:
    return _reply(refused.status, refused.body)


def _found(objects: Objects, id: str) -> dict[str, Any]:
    if id not in objects:
        raise Refused(404, "invalid_request_error", code="resource_missing")
    return objects[id]


def _captured(intent: dict[str, Any], amount: int) -> dict[str, Any]:
    if intent["status"] != "requires_capture" or amount > intent["amount"]:
        raise Refused(400, "invalid_request_error", code="payment_intent_unexpected_state")
    return _changed(intent, status="succeeded", amount_received=amount)


def _cancelled(intent: dict[str, Any]) -> dict[str, Any]:
    if intent["status"] in ("succeeded", "canceled"):
        raise Refused(400, "invalid_request_error", code="payment_intent_unexpected_state")
    return _changed(intent, status="canceled")


def _changed(found: dict[str, Any], **fields: object) -> dict[str, Any]:
    found |= fields
    return found


def _listed(refunds: Objects, given: Mapping[str, str]) -> dict[str, Any]:
    found = [each for each in refunds.values() if each["payment_intent"] == given["payment_intent"]]
    found.reverse()
    ids = [each["id"] for each in found]
    start = ids.index(given["starting_after"]) + 1 if "starting_after" in given else 0
    page = found[start : start + int(given["limit"])]
    has_more = len(found) > start + len(page)
    return {"object": "list", "url": "/v1/refunds", "has_more": has_more, "data": page}


def _metadata(given: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix("metadata[").removesuffix("]"): value
        for name, value in given.items()
        if name.startswith("metadata[")
    }
