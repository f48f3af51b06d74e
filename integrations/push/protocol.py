"""Web push: what browsers show although no page is open (RFC 8030, 8291, 8292)."""

from dataclasses import dataclass, field
from typing import Final, Protocol

from integrations.delivery import DeliveryError

MAX_PAYLOAD_BYTES: Final = 3_993
"""The longest payload that every push service takes, before it is encrypted (RFC 8291, 4)."""


@dataclass(frozen=True, slots=True)
class PushSubscriptionKeys:
    """A browser's subscription, as its `PushSubscription.toJSON()` has it."""

    endpoint: str = field(repr=False)
    p256dh: str = field(repr=False)
    auth: str = field(repr=False)


class SubscriptionGone(DeliveryError):
    """The browser has ended the subscription, so that nothing can ever be sent to it."""


class Push(Protocol):
    """Sends web pushes."""

    @property
    def public_key(self) -> str:
        """The `applicationServerKey` of subscriptions, in base64url."""
        ...

    async def send(
        self, subscription: PushSubscriptionKeys, payload: bytes, *, ttl_seconds: int
    ) -> None:
        """Sends a payload of at most 3,993 bytes, kept for ``ttl_seconds`` if the browser is away.

        Raises SubscriptionGone, Undeliverable, OutcomeUnknown, Busy, and other errors if a retry
        may succeed.
        """
        ...
