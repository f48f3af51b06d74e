"""Stores web pushes in the local outbox, for development."""

from datetime import UTC, datetime

from integrations.delivery import Undeliverable
from integrations.outbox import Outbox, OutboxKind
from integrations.push.protocol import MAX_PAYLOAD_BYTES, PushSubscriptionKeys


class LocalPush:
    """Stores pushes as JSON, with their payload as text."""

    def __init__(self, outbox: Outbox, *, public_key: str) -> None:
        self._outbox = outbox
        self._public_key = public_key

    @property
    def public_key(self) -> str:
        return self._public_key

    async def send(
        self, subscription: PushSubscriptionKeys, payload: bytes, *, ttl_seconds: int
    ) -> None:
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise Undeliverable("the payload is too long")
        fields = {
            "endpoint": subscription.endpoint,
            "ttl_seconds": ttl_seconds,
            "payload": payload.decode(errors="replace"),
        }
        await self._outbox.store_fields(OutboxKind.PUSH, fields, at=datetime.now(UTC))
