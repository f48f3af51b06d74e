"""What those do for us who bill venues for their plan, and what they tell us.

Errors are those of gateways for payments: Declined, GatewayRefused and GatewayAway
(``integrations/payments/protocol.py``). After GatewayAway the same call with the same key gives
the first one's result, or does it for the first time.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.billing.plan_subscriptions import InvoiceStatus, Subscription
from domain.core.money import Money
from domain.tenants.plans import PlanCode


@dataclass(frozen=True, slots=True)
class Buyer:
    """A tenant as the gateway is to know it; ``email`` is its owner's."""

    tenant_id: UUID
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Invoice:
    """What was, or is, to be paid. Pages for people: ``page_url`` shows it, ``pdf_url`` too."""

    id: str
    number: str | None
    status: InvoiceStatus
    total: Money
    paid: Money
    issued_at: datetime
    page_url: str | None = None
    pdf_url: str | None = None


@dataclass(frozen=True, slots=True)
class Upcoming:
    """What the next invoice will ask for, and when."""

    amount: Money
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """All that the gateway says of a customer now.

    ``subscription`` is the one that counts: the newest that lives, or else the newest.
    ``begun_at`` in it is when that one began. ``superseded`` are others that live and shouldn't.
    ``invoices`` are the latest 24, the newest first.
    """

    subscription_id: str | None = None
    subscription: Subscription | None = None
    superseded: tuple[str, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    upcoming: Upcoming | None = None


class Billing(Protocol):
    """Bills tenants for their plan. Each call may raise any GatewayError.

    ``key`` makes a call safe to repeat: 1 to 200 characters, the same for the same intent.
    ``id`` is the gateway's, of a subscription.
    """

    @property
    def name(self) -> str:
        """As rows remember it: ``stripe`` or ``local``."""

    @property
    def is_enforced(self) -> bool:
        """Whether venues that don't pay take no bookings; False where nobody is billed."""

    async def create_customer(self, buyer: Buyer, *, key: str) -> str:
        """Make the tenant known; the customer's id."""

    async def start_trial(
        self, customer_id: str, plan: PlanCode, *, tenant_id: UUID, days: int, key: str
    ) -> None:
        """Begin a subscription of which nothing is paid for so long, and no card is asked for."""

    async def start_checkout(
        self,
        customer_id: str,
        plan: PlanCode,
        *,
        tenant_id: UUID,
        trial_ends_at: datetime | None,
        success_url: str,
        cancel_url: str,
        key: str,
    ) -> str:
        """The address of a page where a person subscribes, with a card.

        The subscription begins once they have; what is left of a trial is kept.
        """

    async def change_plan(self, id: str, plan: PlanCode, *, at_once: bool, key: str) -> None:
        """Change to a plan, or at the end of the period; a change that waits is dropped.

        At once, the difference for the rest of the period is paid now: raises Declined, and
        changes nothing, where it can't be.
        """

    async def keep_plan(self, id: str, *, key: str) -> None:
        """Drop the change that waits for the end of the period."""

    async def cancel(self, id: str, *, key: str) -> None:
        """Let it end with its period; a change of the plan that waits is dropped."""

    async def resume(self, id: str, *, key: str) -> None:
        """Let it go on after all."""

    async def end(self, id: str, *, key: str) -> None:
        """End it now, and give back what was paid for the rest of the period as a credit."""

    async def open_portal(self, customer_id: str, *, return_url: str) -> str:
        """The address of a page where a person changes the card, for a short time."""

    async def fetch(self, customer_id: str) -> Account:
        """The truth. Raises GatewayRefused for a customer that there isn't."""

    async def owner_of(self, customer_id: str) -> UUID | None:
        """The tenant that a customer is; None for one of somebody else's."""

    async def close(self) -> None:
        """Let go of connections."""
