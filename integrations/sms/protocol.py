"""SMS: messages, and what sends them."""

from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SmsMessage:
    """A text for one number, in E.164. ``key`` is the same when a message is sent again.

    ``receipt_url`` is where the provider reports what has become of it, if we can be told.
    """

    to: str = field(repr=False)
    text: str = field(repr=False)
    key: UUID
    receipt_url: str | None = None


class Sms(Protocol):
    """Sends SMS.

    ``auth_token`` is what Twilio signs its requests to us with, or None if nobody sends any.
    """

    auth_token: str | None

    async def send(self, message: SmsMessage) -> str:
        """Sends a message, and returns the provider's id of it.

        Raises Undeliverable, OutcomeUnknown, Busy, and other errors if a retry may succeed.
        """
        ...

    async def close(self) -> None:
        """Closes the connections to the provider."""
        ...
