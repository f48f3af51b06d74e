"""Double-entry bookkeeping of a booking's money: every amount shown is a sum of entries.

The accounts of a booking, in minor units of one currency. Amounts received by the venue or owed to
it are positive:

RECEIVABLE     what the customer owes: the price, less payments, plus refunds
REVENUE        what the venue has earned, negative
RECEIVED       what the gateway has received
REFUNDS_DUE    what is reserved for refunds, negative
REFUNDED       what has been refunded, negative
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self
from uuid import UUID

from domain.core.money import Money
from domain.core.refusals import Invalid, Path


class Account(StrEnum):
    """An account of a booking; the value is stored."""

    RECEIVABLE = "receivable"
    REVENUE = "revenue"
    RECEIVED = "received"
    REFUNDS_DUE = "refunds_due"
    REFUNDED = "refunded"


class PostingKind(StrEnum):
    """The reason for a posting; the value is stored."""

    CHARGE = "charge"
    ADJUSTMENT = "adjustment"
    PAYMENT = "payment"
    REFUND_RESERVED = "refund_reserved"
    REFUND_SENT = "refund_sent"
    REFUND_FAILED = "refund_failed"


@dataclass(frozen=True, slots=True)
class Posting:
    """A posting: amounts in minor units by account, which sum to zero.

    ``source_id`` is the booking, payment or refund that caused it; a source has one posting of a
    kind. Raises ValueError if the entries don't sum to zero.
    """

    kind: PostingKind
    source_id: UUID
    entries: Mapping[Account, int]

    def __post_init__(self) -> None:
        if sum(self.entries.values()) != 0 or not any(self.entries.values()):
            raise ValueError("The entries of a posting sum to zero, and aren't all zero.")


@dataclass(frozen=True, slots=True)
class Balances:
    """The balances of a booking's accounts, in minor units."""

    currency_code: str
    receivable: int = 0
    revenue: int = 0
    received: int = 0
    refunds_due: int = 0
    refunded: int = 0

    @classmethod
    def of(cls, currency_code: str, sums: Mapping[str, int]) -> Self:
        """Returns the balances from stored sums by account."""
        return cls(currency_code, **{account.value: sums.get(account, 0) for account in Account})

    def after(self, posting: Posting) -> Self:
        """Returns the balances after a posting."""
        sums = {
            account.value: getattr(self, account.value) + amount
            for account, amount in posting.entries.items()
        }
        return replace(self, **sums)

    @property
    def balance_due(self) -> Money:
        """What the customer still owes."""
        return self._money(self.receivable)

    @property
    def amount_paid(self) -> Money:
        """What the gateway has received, including what was refunded."""
        return self._money(self.received)

    @property
    def amount_refunded(self) -> Money:
        """What has been refunded."""
        return self._money(-self.refunded)

    @property
    def held(self) -> Money:
        """What was received, less refunds made or reserved: the most that can be refunded."""
        return self._money(self.received + self.refunds_due + self.refunded)

    @property
    def credit(self) -> Money:
        """What is held, owed to the customer and not refunded yet."""
        return self._money(max(0, min(-self.receivable, self.held.amount_minor)))

    def paid_for(self, price_minor: int) -> Money:
        """Returns what is held for a price, without the fees that moves have kept beyond it."""
        kept = max(0, -self.revenue - price_minor)
        return self._money(max(0, self.held.amount_minor - kept))

    def returnable(self, price_minor: int) -> Money:
        """Returns what a cancellation's percentage applies to; the credit is owed in any case."""
        paid = self.paid_for(price_minor).amount_minor
        return self._money(max(0, paid - self.credit.amount_minor))

    def _money(self, amount_minor: int) -> Money:
        return Money(amount_minor, self.currency_code)


# ------------------------------------------------------------------------------ postings


def charge(price_minor: int, source_id: UUID) -> Posting:
    """Charges the customer the price."""
    entries = {Account.RECEIVABLE: price_minor, Account.REVENUE: -price_minor}
    return Posting(PostingKind.CHARGE, source_id, entries)


def repriced(by_minor: int, source_id: UUID) -> Posting:
    """Charges the customer a difference in price, which may be negative."""
    entries = {Account.RECEIVABLE: by_minor, Account.REVENUE: -by_minor}
    return Posting(PostingKind.ADJUSTMENT, source_id, entries)


def received(amount_minor: int, source_id: UUID) -> Posting:
    """Records a payment of the customer."""
    entries = {Account.RECEIVED: amount_minor, Account.RECEIVABLE: -amount_minor}
    return Posting(PostingKind.PAYMENT, source_id, entries)


def refund_reserved(
    balances: Balances, amount_minor: int, source_id: UUID, *, path: Path = ()
) -> Posting:
    """Reserves a refund. Raises Invalid for more than is held, and for zero."""
    if not 0 < amount_minor <= balances.held.amount_minor:
        raise Invalid(_too_much(balances), path=path)
    entries = {Account.RECEIVABLE: amount_minor, Account.REFUNDS_DUE: -amount_minor}
    return Posting(PostingKind.REFUND_RESERVED, source_id, entries)


def refund_sent(amount_minor: int, source_id: UUID) -> Posting:
    """Records that a reserved refund was made."""
    entries = {Account.REFUNDS_DUE: amount_minor, Account.REFUNDED: -amount_minor}
    return Posting(PostingKind.REFUND_SENT, source_id, entries)


def refund_failed(amount_minor: int, source_id: UUID) -> Posting:
    """Records that a reserved refund failed: the amount is held again."""
    entries = {Account.REFUNDS_DUE: amount_minor, Account.RECEIVABLE: -amount_minor}
    return Posting(PostingKind.REFUND_FAILED, source_id, entries)


def refund_returned(amount_minor: int, source_id: UUID) -> Posting:
    """Records that a refund was returned: the amount is held again."""
    entries = {Account.REFUNDED: amount_minor, Account.RECEIVABLE: -amount_minor}
    return Posting(PostingKind.REFUND_FAILED, source_id, entries)


def refunded_elsewhere(amount_minor: int, source_id: UUID) -> Posting:
    """Records a refund made at the gateway itself."""
    entries = {Account.RECEIVABLE: amount_minor, Account.REFUNDED: -amount_minor}
    return Posting(PostingKind.REFUND_SENT, source_id, entries)


def _too_much(balances: Balances) -> str:
    if balances.held.amount_minor <= 0:
        return "There is nothing to refund."
    return f"More than nothing, and at most {balances.held}."
