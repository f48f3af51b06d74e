"""What a gateway for payments does for us, whoever runs it, and what it tells us.

GatewayError
├── Declined       the customer's bank said no; nothing was moved
├── GatewayRefused the request can't be served, now or later; nothing was moved
└── GatewayAway    no answer, or one that says nothing: it may have been done

After GatewayAway the same call is made again with the same key, which gives the first call's
result or does it for the first time. A gateway may have kept a failure under the key; a new key is
safe only once ``fetch`` shows that nothing was done.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from domain.core.money import Money

TENANT: Final = "tenant_id"
"""The key in the metadata of payments and refunds that says whose they are."""


class GatewayError(Exception):
    """A call to a gateway that didn't give what was asked for."""


class Declined(GatewayError):
    """``code`` is the gateway's word for why, ``card_declined`` for example."""

    def __init__(self, code: str) -> None:
        super().__init__(f"The payment was declined: {code}")
        self.code = code


class GatewayRefused(GatewayError):
    """The text is for the log, not for customers."""


class GatewayAway(GatewayError):
    """A timeout, too many requests, a failure of theirs, or an answer that can't be read."""


class BadSignature(Exception):
    """A delivery that the gateway didn't sign, or not within five minutes of now."""


class BadEvent(Exception):
    """A delivery that is no event, though the gateway signed it."""


class AnotherGateway(Exception):
    """An event of a gateway that this process doesn't know; one that does has to act upon it."""


class Capture(StrEnum):
    """Whether the customer's money is taken when they pay, or only held on their card."""

    NOW = "now"
    LATER = "later"


class PaymentStatus(StrEnum):
    """Where a payment stands. A declined attempt leaves it open: the customer may try again."""

    OPEN = "open"
    PROCESSING = "processing"
    HELD = "held"
    PAID = "paid"
    CANCELLED = "cancelled"


class RefundStatus(StrEnum):
    """Where a refund stands; a pending one may still fail."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class Subject(StrEnum):
    """What an event is about: the object to look at again, for events come in any order."""

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    CHECKOUT = "checkout"
    SUBSCRIPTION = "subscription"
    INVOICE = "invoice"


@dataclass(frozen=True, slots=True)
class Order:
    """A payment to be made.

    ``reference`` is our own id of it, ``metadata`` comes back with the payment and its events;
    ``customer_id`` is a customer that the gateway knows, ``account`` the venue's own at it.
    """

    amount: Money
    reference: str
    capture: Capture = Capture.NOW
    metadata: Mapping[str, str] = field(default_factory=dict)
    customer_id: str | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back. ``reference`` is our own id of it; None where others asked for it."""

    id: str
    payment_id: str
    status: RefundStatus
    amount: Money
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """What the gateway says of a payment.

    ``amount`` is what was ordered, ``received`` what has been taken, before refunds; ``refunds``
    are all of them, the oldest first. ``client_secret`` lets the customer's browser pay, and
    ``checkout_url`` is a page that does, where the gateway has one; it may be a path on this
    server. ``failure`` is the gateway's word for why the last attempt failed.
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
        """What went back, or is on its way."""
        back = [each.amount for each in self.refunds if each.status is not RefundStatus.FAILED]
        return sum(back, start=Money(0, self.amount.currency_code))


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """Something happened at a gateway; the truth is what ``fetch`` says of its object now.

    ``type`` is the gateway's own word. ``subject`` is None for what concerns us in no way.
    ``ids`` are other objects it names, by kind: ``payment``, ``customer``, ``subscription``, ….
    ``account`` is the venue's at the gateway, where it isn't ours.
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
        """The tenant that the object's metadata names."""
        try:
            return UUID(self.metadata[TENANT])
        except (KeyError, ValueError):
            return None

    @property
    def payment_id(self) -> str | None:
        return self.ids.get("payment")


class Gateway(Protocol):
    """Moves money. Each call may raise any GatewayError.

    ``key`` makes a call safe to repeat: 1 to 255 characters, the same for the same intent.
    ``account`` is that of the order.
    """

    @property
    def name(self) -> str:
        """As in the path of its webhook: ``stripe`` or ``local``."""

    async def create(self, order: Order, *, key: str) -> Payment:
        """Open a payment, for the customer to make."""

    async def capture(
        self, id: str, *, amount: Money, key: str, account: str | None = None
    ) -> Payment:
        """Take money that is held, up to all of it, once; the rest is let go."""

    async def cancel(self, id: str, *, key: str, account: str | None = None) -> Payment:
        """Let go of what is held, or close a payment that nobody has made.

        Raises GatewayRefused for one that is paid; a cancelled one stays what it is.
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
        """Give back some of what was received. Raises GatewayRefused for more than is left."""

    async def fetch(self, id: str, *, account: str | None = None) -> Payment:
        """The truth about a payment. Raises GatewayRefused for one that there isn't."""

    def verify_webhook(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> None:
        """Check who sent a delivery, and when. Raises BadSignature."""

    def parse_event(self, body: bytes) -> GatewayEvent:
        """Read a delivery that has been verified. Raises BadEvent."""

    async def close(self) -> None:
        """Let go of connections."""
