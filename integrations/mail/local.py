"""Stores mail in the local outbox, for development."""

from datetime import UTC, datetime
from typing import Final

from integrations.mail.composition import as_email, recipient_of
from integrations.mail.protocol import Message
from integrations.outbox import Outbox, OutboxKind

SENDER: Final = "no-reply@localhost"


class LocalMail:
    """Stores messages as .eml files."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def send(self, message: Message) -> str:
        now = datetime.now(UTC)
        email = as_email(message, recipient_of(message), sender=SENDER, at=now)
        await self._outbox.store(OutboxKind.MAIL, email.as_bytes(), at=now)
        return str(email["Message-ID"])
