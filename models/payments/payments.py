"""Payments for bookings: payments, refunds, the ledger and receipts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Select,
    UniqueConstraint,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.sql.dml import ReturningInsert
from sqlmodel import Field, SQLModel, col

from domain.core.money import Money
from domain.payments.cancellation import CancellationStep
from domain.payments.fees import Fees
from domain.payments.ledger import Account, PostingKind
from domain.payments.payments import PaymentStatus, RefundCause, RefundStatus, Terms
from domain.tenants.payment_policy import PaymentPolicy, PolicyKind
from models.bookings.bookings import Booking
from models.core.base import INSTANT, Logged, TenantRow, one_of, refers_to
from models.tenants import Tenant, payment_policy_of

NO_TERMS: Final = Terms(PaymentPolicy(PolicyKind.NONE))


class Payment(TenantRow, Logged, table=True):
    """A payment for a booking, which a gateway captures or holds on a card.

    ``gateway_id`` is its id at the gateway, once it is created there; ``capture_minor`` the amount
    to capture of a hold; ``received`` what was received if it differs from ``amount``.
    """

    LOGGED: ClassVar = ("amount", "status", "kind")

    __tablename__ = "payments"
    __table_args__ = (
        refers_to("bookings", "booking_id"),
        refers_to("bookings", "hold_id"),
        UniqueConstraint("tenant_id", "gateway_id"),
        Index(None, "tenant_id", "booking_id", "id"),
        CheckConstraint("amount_minor > 0", name="amount_minor"),
        CheckConstraint("capture_minor BETWEEN 1 AND amount_minor", name="capture_minor"),
        CheckConstraint(one_of("status", PaymentStatus), name="status"),
        CheckConstraint(
            one_of("kind", (PolicyKind.DEPOSIT, PolicyKind.FULL, PolicyKind.CARD_HOLD)),
            name="kind",
        ),
    )

    booking_id: UUID
    hold_id: UUID | None = Field(
        default=None, description="Of a move: the hold of the time that the booking goes to."
    )
    kind: str
    status: str
    amount_minor: int = Field(sa_type=BigInteger)
    capture_minor: int | None = Field(default=None, sa_type=BigInteger)
    currency_code: str
    gateway_id: str | None = None
    client_secret: str | None = None
    checkout_url: str | None = None
    failure: str | None = None
    received_minor: int | None = Field(default=None, sa_type=BigInteger)
    received_currency_code: str | None = None
    expires_at: datetime = Field(sa_type=INSTANT)
    created_at: datetime = Field(sa_type=INSTANT)
    updated_at: datetime = Field(sa_type=INSTANT)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency_code)

    @property
    def received(self) -> Money | None:
        """The amount that was received, if it differs from what was requested."""
        if self.received_minor is None or self.received_currency_code is None:
            return None
        return Money(self.received_minor, self.received_currency_code)


class Refund(TenantRow, table=True):
    """A refund of one payment; a request or a cancellation may create several."""

    __tablename__ = "refunds"
    __table_args__ = (
        refers_to("bookings", "booking_id"),
        refers_to("payments", "payment_id"),
        UniqueConstraint("tenant_id", "gateway_id"),
        Index(None, "tenant_id", "booking_id", "id"),
        Index(None, "tenant_id", "payment_id"),
        CheckConstraint("amount_minor > 0", name="amount_minor"),
        CheckConstraint(one_of("status", RefundStatus), name="status"),
        CheckConstraint(one_of("cause", RefundCause), name="cause"),
    )

    booking_id: UUID
    payment_id: UUID
    status: str
    cause: str
    reason: str | None = None
    amount_minor: int = Field(sa_type=BigInteger)
    currency_code: str
    gateway_id: str | None = None
    created_at: datetime = Field(sa_type=INSTANT)
    updated_at: datetime = Field(sa_type=INSTANT)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency_code)


class LedgerEntry(TenantRow, table=True):
    """One side of a posting. Rows are never changed and never deleted.

    The database itself refuses a posting whose entries don't sum to zero, at the commit.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (
        refers_to("bookings", "booking_id"),
        UniqueConstraint("tenant_id", "source_id", "kind", "account"),
        Index(None, "tenant_id", "booking_id"),
        Index(
            "ix_ledger_entries_money",
            "tenant_id",
            "at",
            postgresql_where=text("account IN ('received', 'refunded')"),
        ),
        CheckConstraint("amount_minor <> 0", name="amount_minor"),
        CheckConstraint(one_of("account", Account), name="account"),
        CheckConstraint(one_of("kind", PostingKind), name="kind"),
    )

    booking_id: UUID
    kind: str
    source_id: UUID
    account: str
    amount_minor: int = Field(sa_type=BigInteger)
    currency_code: str
    at: datetime = Field(sa_type=INSTANT)


class Receipt(TenantRow, table=True):
    """A receipt for a payment; numbers have no gaps within a year."""

    __tablename__ = "receipts"
    __table_args__ = (
        refers_to("payments", "payment_id"),
        UniqueConstraint("tenant_id", "payment_id"),
        UniqueConstraint("tenant_id", "year", "number"),
        CheckConstraint("number >= 1", name="number"),
    )

    payment_id: UUID
    year: int
    number: int
    lines: list[Any] = Field(sa_column=Column(JSONB, nullable=False))
    amount_minor: int = Field(sa_type=BigInteger)
    currency_code: str
    issued_at: datetime = Field(sa_type=INSTANT)

    @property
    def total(self) -> Money:
        return Money(self.amount_minor, self.currency_code)

    @property
    def name(self) -> str:
        """The number as printed: '2027-000042'."""
        return f"{self.year}-{self.number:06}"

    @property
    def parts(self) -> list["ReceiptPart"]:
        """The lines of the receipt."""
        return [
            ReceiptPart(line["label"], Money(line["amount_minor"], self.currency_code))
            for line in self.lines
        ]


@dataclass(frozen=True, slots=True)
class ReceiptPart:
    """A line of a receipt."""

    label: str
    amount: Money


class ReceiptCounter(SQLModel, table=True):
    """The last receipt number of a tenant in a year."""

    __tablename__ = "receipt_counters"

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    year: int = Field(primary_key=True)
    last: int


# ------------------------------------------------------------------------------ terms


def terms_of_tenant(tenant: Tenant) -> Terms:
    """Returns the terms for new bookings."""
    fees = Fees(tenant.cancellation_fees_due, tenant.no_show_fee_percent)
    return Terms(payment_policy_of(tenant), steps_read(tenant.cancellation_steps), fees)


def terms_of_booking(booking: Booking) -> Terms:
    """Returns the terms of a booking."""
    kept = booking.terms
    return NO_TERMS if kept is None else terms_read(kept, booking.currency_code)


def terms_read(stored: Mapping[str, Any], currency_code: str) -> Terms:
    amount = stored["amount_minor"]
    policy = PaymentPolicy(
        PolicyKind(stored["policy"]),
        percent=stored["percent"],
        amount=None if amount is None else Money(amount, currency_code),
    )
    # Bookings from before there were fees have none stored.
    return Terms(policy, steps_read(stored["steps"]), Fees(*stored.get("fees", ())))


def stored_terms(terms: Terms) -> dict[str, Any] | None:
    """Returns terms in the form that is stored; None if nothing is due but the price."""
    policy, fees = terms.policy, terms.fees
    if policy.kind is PolicyKind.NONE and not fees:
        return None
    return {
        "policy": policy.kind.value,
        "percent": policy.percent,
        "amount_minor": policy.amount.amount_minor if policy.amount else None,
        "steps": stored_steps(terms.steps),
        **({"fees": [fees.cancellation, fees.no_show_percent]} if fees else {}),
    }


def stored_steps(steps: Sequence[CancellationStep]) -> list[list[int]]:
    return [[step.minutes_before, step.refund_percent] for step in steps]


def steps_read(stored: Sequence[Sequence[int]]) -> tuple[CancellationStep, ...]:
    return tuple(CancellationStep(*pair) for pair in stored)


# ------------------------------------------------------------------------------ statements


def payments_of(tenant_id: UUID) -> Select[Payment]:
    return select(Payment).where(col(Payment.tenant_id) == tenant_id)


def payments_of_bookings(tenant_id: UUID, booking_ids: Sequence[UUID]) -> Select[Payment]:
    """Selects the payments of some bookings, the oldest first."""
    return (
        payments_of(tenant_id)
        .where(col(Payment.booking_id).in_(booking_ids))
        .order_by(col(Payment.id))
    )


def refunds_of(tenant_id: UUID) -> Select[Refund]:
    return select(Refund).where(col(Refund.tenant_id) == tenant_id)


def refunds_of_bookings(tenant_id: UUID, booking_ids: Sequence[UUID]) -> Select[Refund]:
    """Selects the refunds of some bookings, the oldest first."""
    return (
        refunds_of(tenant_id)
        .where(col(Refund.booking_id).in_(booking_ids))
        .order_by(col(Refund.id))
    )


def receipts_of_payments(tenant_id: UUID, payment_ids: Sequence[UUID]) -> Select[Receipt]:
    return select(Receipt).where(
        col(Receipt.tenant_id) == tenant_id, col(Receipt.payment_id).in_(payment_ids)
    )


def account_sums(tenant_id: UUID, booking_ids: Sequence[UUID]) -> Select[UUID, str, int]:
    """Selects the balances of some bookings: booking, account, minor units."""
    return (
        select(
            col(LedgerEntry.booking_id),
            col(LedgerEntry.account),
            func.sum(col(LedgerEntry.amount_minor)).cast(BigInteger),
        )
        .where(
            col(LedgerEntry.tenant_id) == tenant_id,
            col(LedgerEntry.booking_id).in_(booking_ids),
        )
        .group_by(col(LedgerEntry.booking_id), col(LedgerEntry.account))
    )


def earned_before(tenant_id: UUID, booking_id: UUID, before: datetime) -> Select[int]:
    """Sums up what a booking had earned before an instant, in minor units."""
    return select(
        func.coalesce(-func.sum(col(LedgerEntry.amount_minor)), 0).cast(BigInteger)
    ).where(
        col(LedgerEntry.tenant_id) == tenant_id,
        col(LedgerEntry.booking_id) == booking_id,
        col(LedgerEntry.account) == Account.REVENUE.value,
        col(LedgerEntry.at) < before,
    )


def next_receipt(tenant_id: UUID, year: int) -> ReturningInsert[int]:
    """Takes the next number of a year; other transactions wait until this one ends."""
    row = {"tenant_id": tenant_id, "year": year, "last": 1}
    counter = insert(ReceiptCounter).values(row)
    return counter.on_conflict_do_update(
        index_elements=["tenant_id", "year"], set_={"last": col(ReceiptCounter.last) + 1}
    ).returning(col(ReceiptCounter.last))
