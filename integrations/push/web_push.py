"""Sends web pushes to the services of browsers: encrypted for each (RFC 8291), signed by VAPID."""

import asyncio
from typing import Final
from urllib.parse import urlsplit

import structlog

from integrations.delivery import Busy, DeliveryError, OutcomeUnknown, Undeliverable
from integrations.outbound.client import (
    AddressRefused,
    Outbound,
    OutboundAnswer,
    OutboundError,
    TimedOut,
)
from integrations.push.protocol import (
    MAX_PAYLOAD_BYTES,
    PushSubscriptionKeys,
    SubscriptionGone,
)
from integrations.push.vapid import VapidKey
from kit.clock import Clock

TIMEOUT_SECONDS: Final = 10.0

_GONE: Final = frozenset({404, 410})
_BUSY: Final = frozenset({429, 503})
_SUCCESS: Final = range(200, 300)
_SERVER_ERROR: Final = range(500, 600)

log = structlog.get_logger(__name__)


class WebPush:
    """Sends pushes to endpoints that clients name, so by requests to public addresses only."""

    def __init__(self, key: VapidKey, outbound: Outbound, *, clock: Clock) -> None:
        self._key = key
        self._outbound = outbound
        self._clock = clock

    @property
    def public_key(self) -> str:
        return self._key.public_key

    async def send(
        self, subscription: PushSubscriptionKeys, payload: bytes, *, ttl_seconds: int
    ) -> None:
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise Undeliverable("the payload is too long")
        body = await asyncio.to_thread(_encrypted, subscription, payload)
        parts = urlsplit(subscription.endpoint)
        origin = f"{parts.scheme}://{parts.netloc}"
        headers = {
            "Authorization": self._key.authorization(origin, now=self._clock()),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(ttl_seconds),
        }
        answer = await self._post(subscription.endpoint, headers, body)
        if answer.status not in _SUCCESS:
            raise _refusal(answer)
        log.info("push.sent")

    async def _post(self, url: str, headers: dict[str, str], body: bytes) -> OutboundAnswer:
        try:
            async with self._outbound.session() as session:
                return await session.post(url, headers=headers, body=body, seconds=TIMEOUT_SECONDS)
        except AddressRefused as error:
            raise Undeliverable(str(error)) from error
        except TimedOut as error:
            raise OutcomeUnknown(str(error)) from error
        except OutboundError as error:
            raise DeliveryError(str(error)) from error


def _refusal(answer: OutboundAnswer) -> DeliveryError:
    text = f"the push service answers {answer.status}"
    if answer.status in _GONE:
        return SubscriptionGone(text)
    if answer.status in _BUSY:
        return Busy(text)
    return DeliveryError(text) if answer.status in _SERVER_ERROR else Undeliverable(text)


def _encrypted(subscription: PushSubscriptionKeys, payload: bytes) -> bytes:
    # Imported here: it imports two HTTP clients, which take a second.
    from pywebpush import WebPusher

    keys = {"p256dh": subscription.p256dh, "auth": subscription.auth}
    pusher = WebPusher({"endpoint": subscription.endpoint, "keys": keys})
    body: bytes = pusher.encode(payload)["body"]
    return body
