"""The protocol of billing services.

Errors are those of payment gateways: Declined, GatewayRefused and GatewayAway
(``integrations/payments/protocol.py``). After GatewayAway, repeat the call with the same key: it
returns the first call's result, or runs for the first time.
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
    """A tenant as the gateway's customer; ``email`` is its owner's."""

    tenant_id: UUID
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice; ``page_url`` and ``pdf_url`` show it to people."""

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
    """The amount and the date of the next invoice."""

    amount: Money
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """The current state of a customer at the gateway.

    ``subscription`` is the newest active one, or else the newest; ``begun_at`` is when it began.
    ``superseded`` are other active ones, which should be ended.
    ``invoices`` are the latest 24, the newest first.
    """

    subscription_id: str | None = None
    subscription: Subscription | None = None
    superseded: tuple[str, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    upcoming: Upcoming | None = None


class Billing(Protocol):
    """Bills tenants for their plan. Each call may raise a GatewayError.

    ``key`` makes a call safe to repeat: 1 to 200 characters, the same for the same intent.
    ``id`` is the gateway's, of a subscription.
    """

    @property
    def name(self) -> str:
        """The name stored in rows: ``stripe`` or ``local``."""

    @property
    def is_enforced(self) -> bool:
        """Whether venues that don't pay can't take bookings; False if nobody is billed."""

    async def create_customer(self, buyer: Buyer, *, key: str) -> str:
        """Creates a customer for the tenant and returns its id."""

    async def start_trial(
        self, customer_id: str, plan: PlanCode, *, tenant_id: UUID, days: int, key: str
    ) -> None:
        """Begins a subscription with a free trial of so many days, without a card."""

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
        """Returns the URL of a page where a person subscribes with a card.

        The subscription begins when they complete it; the rest of a trial is kept.
        """

    async def change_plan(self, id: str, plan: PlanCode, *, at_once: bool, key: str) -> None:
        """Changes the plan at once or at the end of the period, and drops a scheduled change.

        At once, the difference for the rest of the period is paid now: raises Declined, and
        changes nothing, if it can't be.
        """

    async def keep_plan(self, id: str, *, key: str) -> None:
        """Drops the change that is scheduled for the end of the period."""

    async def cancel(self, id: str, *, key: str) -> None:
        """Ends the subscription with its period, and drops a scheduled change of the plan."""

    async def resume(self, id: str, *, key: str) -> None:
        """Reverts a cancellation that hasn't taken effect."""

    async def end(self, id: str, *, key: str) -> None:
        """Ends the subscription now, and credits what was paid for the rest of the period."""

    async def open_portal(self, customer_id: str, *, return_url: str) -> str:
        """Returns the URL of a page where a person changes the card; it expires soon."""

    async def fetch(self, customer_id: str) -> Account:
        """Returns the state of a customer. Raises GatewayRefused for an unknown one."""

    async def owner_of(self, customer_id: str) -> UUID | None:
        """Returns the tenant of a customer; None if it isn't ours."""

    async def close(self) -> None:
        """Closes connections."""
