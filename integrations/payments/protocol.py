"""The protocol of payment gateways.

GatewayError
├── Declined       the customer's bank declined; no money was moved
├── GatewayRefused the request can't be served, now or later; no money was moved
└── GatewayAway    no response, or an unclear one: it may have been done

After GatewayAway, repeat the call with the same key: it returns the first call's result, or runs
for the first time. A gateway may have stored a failure under the key; a new key is safe only once
``fetch`` shows that nothing was done.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from domain.core.money import Money

TENANT: Final = "tenant_id"
"""The key of the tenant in the metadata of payments and refunds."""


class GatewayError(Exception):
    """A call to a gateway failed."""


class Declined(GatewayError):
    """The payment was declined; ``code`` is the gateway's reason, such as ``card_declined``."""

    def __init__(self, code: str) -> None:
        super().__init__(f"The payment was declined: {code}")
        self.code = code


class GatewayRefused(GatewayError):
    """The gateway refused the call; the text is for the log, not for customers."""


class GatewayAway(GatewayError):
    """A timeout, too many requests, a gateway failure, or an unreadable response."""


class BadSignature(Exception):
    """A webhook isn't signed by the gateway, or not within five minutes of now."""


class BadEvent(Exception):
    """A signed webhook isn't a valid event."""


class AnotherGateway(Exception):
    """The event is of a gateway that isn't configured in this process, but may be in another."""


class Capture(StrEnum):
    """Whether a payment is captured when the customer pays, or only held on their card."""

    NOW = "now"
    LATER = "later"


class PaymentStatus(StrEnum):
    """The status of a payment. It stays open after a declined attempt, which may be repeated."""

    OPEN = "open"
    PROCESSING = "processing"
    HELD = "held"
    PAID = "paid"
    CANCELLED = "cancelled"


class RefundStatus(StrEnum):
    """The status of a refund; a pending one may still fail."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class Subject(StrEnum):
    """The kind of an event's object, which must be fetched: events come in any order."""

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    CHECKOUT = "checkout"
    SUBSCRIPTION = "subscription"
    INVOICE = "invoice"


@dataclass(frozen=True, slots=True)
class Order:
    """The request to create a payment.

    ``reference`` is our own id, ``metadata`` is returned with the payment and its events;
    ``customer_id`` is a customer at the gateway, ``account`` the venue's own account there.
    """

    amount: Money
    reference: str
    capture: Capture = Capture.NOW
    metadata: Mapping[str, str] = field(default_factory=dict)
    customer_id: str | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund; ``reference`` is our own id, or None if others requested it."""

    id: str
    payment_id: str
    status: RefundStatus
    amount: Money
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment at the gateway.

    ``amount`` is the amount of the order, ``received`` what was captured, before refunds;
    ``refunds`` are sorted from the oldest. ``client_secret`` lets the customer's browser pay, and
    ``checkout_url`` is the gateway's page for it, if it has one; it may be a path on this server.
    ``failure`` is the gateway's reason why the last attempt failed.
    """

    id: str
    status: PaymentStatus
    amount: Money
    received: Money
    reference: str | None
    client_secret: str | None = field(default=None, repr=False)
    checkout_url: str | None = None
    failure: str | None = None
    refunds: tuple[Refund, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def refunded(self) -> Money:
        """Returns the sum of refunds that succeeded or are pending."""
        back = [each.amount for each in self.refunds if each.status is not RefundStatus.FAILED]
        return sum(back, start=Money(0, self.amount.currency_code))


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """An event of a gateway; call ``fetch`` for the current state of its object.

    ``type`` is the gateway's own name. ``subject`` is None for an event without effect on us.
    ``ids`` are the objects it names, by kind: ``payment``, ``customer``, ``subscription``, ….
    ``account`` is the venue's account at the gateway, if it isn't ours.
    """

    gateway: str
    id: str
    type: str
    subject: Subject | None
    created_at: datetime
    object_id: str
    ids: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    account: str | None = None

    @property
    def tenant_id(self) -> UUID | None:
        """The tenant in the object's metadata."""
        try:
            return UUID(self.metadata[TENANT])
        except (KeyError, ValueError):
            return None

    @property
    def payment_id(self) -> str | None:
        return self.ids.get("payment")


class Gateway(Protocol):
    """Creates, captures and refunds payments. Each call may raise a GatewayError.

    ``key`` makes a call safe to repeat: 1 to 255 characters, the same for the same intent.
    ``account`` is that of the order.
    """

    @property
    def name(self) -> str:
        """The name in the path of its webhook: ``stripe`` or ``local``."""

    async def create(self, order: Order, *, key: str) -> Payment:
        """Creates a payment for the customer to pay."""

    async def capture(
        self, id: str, *, amount: Money, key: str, account: str | None = None
    ) -> Payment:
        """Captures up to the whole amount that is held, once; the rest is released."""

    async def cancel(self, id: str, *, key: str, account: str | None = None) -> Payment:
        """Releases a held payment, or closes one that hasn't been paid.

        Raises GatewayRefused for a paid one; cancelling a cancelled one does nothing.
        """

    async def refund(
        self,
        id: str,
        *,
        amount: Money,
        reference: str,
        key: str,
        metadata: Mapping[str, str] | None = None,
        account: str | None = None,
    ) -> Refund:
        """Refunds part of what was received. Raises GatewayRefused for more than is left."""

    async def fetch(self, id: str, *, account: str | None = None) -> Payment:
        """Returns the current state of a payment. Raises GatewayRefused for an unknown one."""

    def verify_webhook(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> None:
        """Verifies the signature and the time of a webhook. Raises BadSignature."""

    def parse_event(self, body: bytes) -> GatewayEvent:
        """Parses a verified webhook. Raises BadEvent."""

    async def close(self) -> None:
        """Closes connections."""
