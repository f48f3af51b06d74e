"""Stores SMS in the local outbox, for development."""

from datetime import UTC, datetime

from integrations.outbox import Outbox, OutboxKind
from integrations.sms.protocol import SmsMessage


class LocalSms:
    """Stores messages as JSON."""

    auth_token: str | None = None

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def send(self, message: SmsMessage) -> str:
        fields = {"to": message.to, "text": message.text}
        await self._outbox.store_fields(OutboxKind.SMS, fields, at=datetime.now(UTC))
        return f"local-{message.key}"

    async def close(self) -> None:
        """Does nothing: it has no connections."""
