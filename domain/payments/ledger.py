"""The money of a booking in double entries: every amount shown is a sum of them.

The accounts of a booking, in minor units of one currency, what came in or is owed to the venue
above zero:

RECEIVABLE     what the customer owes: the price, less what was paid, plus what goes back
REVENUE        what the venue has earned, below zero
RECEIVED       what has arrived at the gateway
REFUNDS_DUE    what is set aside to go back, below zero
REFUNDED       what has gone back, below zero
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self
from uuid import UUID

from domain.core.money import Money
from domain.core.refusals import Invalid, Path


class Account(StrEnum):
    """Where money is; the value is how it is stored."""

    RECEIVABLE = "receivable"
    REVENUE = "revenue"
    RECEIVED = "received"
    REFUNDS_DUE = "refunds_due"
    REFUNDED = "refunded"


class PostingKind(StrEnum):
    """Why money moved; the value is how it is stored."""

    CHARGE = "charge"
    ADJUSTMENT = "adjustment"
    PAYMENT = "payment"
    REFUND_RESERVED = "refund_reserved"
    REFUND_SENT = "refund_sent"
    REFUND_FAILED = "refund_failed"


@dataclass(frozen=True, slots=True)
class Posting:
    """One movement: amounts in minor units by account, which sum to zero.

    ``source_id`` is what caused it (the booking, the payment, the refund): of one source, a kind
    of posting is made once. Raises ValueError where the entries don't sum to zero.
    """

    kind: PostingKind
    source_id: UUID
    entries: Mapping[Account, int]

    def __post_init__(self) -> None:
        if sum(self.entries.values()) != 0 or not any(self.entries.values()):
            raise ValueError("The entries of a posting sum to zero, and aren't all zero.")


@dataclass(frozen=True, slots=True)
class Balances:
    """The sums of a booking's accounts, in minor units."""

    currency_code: str
    receivable: int = 0
    revenue: int = 0
    received: int = 0
    refunds_due: int = 0
    refunded: int = 0

    @classmethod
    def of(cls, currency_code: str, sums: Mapping[str, int]) -> Self:
        """From the sums as they are stored, by the accounts' values."""
        return cls(currency_code, **{account.value: sums.get(account, 0) for account in Account})

    def after(self, posting: Posting) -> Self:
        """The balances once it is posted."""
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
        """All that has arrived, whatever of it went back."""
        return self._money(self.received)

    @property
    def amount_refunded(self) -> Money:
        """All that has gone back."""
        return self._money(-self.refunded)

    @property
    def held(self) -> Money:
        """What arrived and neither went back nor is about to: the most that can be refunded."""
        return self._money(self.received + self.refunds_due + self.refunded)

    @property
    def credit(self) -> Money:
        """What is held and owed to the customer: nobody has sent it yet."""
        return self._money(max(0, min(-self.receivable, self.held.amount_minor)))

    def paid_for(self, price_minor: int) -> Money:
        """What is held for a price, without what moves have kept beyond it: that was given up."""
        kept = max(0, -self.revenue - price_minor)
        return self._money(max(0, self.held.amount_minor - kept))

    def returnable(self, price_minor: int) -> Money:
        """What a cancellation counts its percentage of: the credit is owed anyhow."""
        paid = self.paid_for(price_minor).amount_minor
        return self._money(max(0, paid - self.credit.amount_minor))

    def _money(self, amount_minor: int) -> Money:
        return Money(amount_minor, self.currency_code)


# ------------------------------------------------------------------------------ postings


def charge(price_minor: int, source_id: UUID) -> Posting:
    """The customer owes the price."""
    entries = {Account.RECEIVABLE: price_minor, Account.REVENUE: -price_minor}
    return Posting(PostingKind.CHARGE, source_id, entries)


def repriced(by_minor: int, source_id: UUID) -> Posting:
    """The customer owes so much more, or less where it is below zero."""
    entries = {Account.RECEIVABLE: by_minor, Account.REVENUE: -by_minor}
    return Posting(PostingKind.ADJUSTMENT, source_id, entries)


def received(amount_minor: int, source_id: UUID) -> Posting:
    """So much has arrived from the customer."""
    entries = {Account.RECEIVED: amount_minor, Account.RECEIVABLE: -amount_minor}
    return Posting(PostingKind.PAYMENT, source_id, entries)


def refund_reserved(
    balances: Balances, amount_minor: int, source_id: UUID, *, path: Path = ()
) -> Posting:
    """Set so much aside to go back. Raises Invalid for more than is held, and for nothing."""
    if not 0 < amount_minor <= balances.held.amount_minor:
        raise Invalid(_too_much(balances), path=path)
    entries = {Account.RECEIVABLE: amount_minor, Account.REFUNDS_DUE: -amount_minor}
    return Posting(PostingKind.REFUND_RESERVED, source_id, entries)


def refund_sent(amount_minor: int, source_id: UUID) -> Posting:
    """What was set aside has gone back."""
    entries = {Account.REFUNDS_DUE: amount_minor, Account.REFUNDED: -amount_minor}
    return Posting(PostingKind.REFUND_SENT, source_id, entries)


def refund_failed(amount_minor: int, source_id: UUID) -> Posting:
    """What was set aside could not go back, and is held again."""
    entries = {Account.REFUNDS_DUE: amount_minor, Account.RECEIVABLE: -amount_minor}
    return Posting(PostingKind.REFUND_FAILED, source_id, entries)


def refund_returned(amount_minor: int, source_id: UUID) -> Posting:
    """What had gone back has come back, and is held again."""
    entries = {Account.REFUNDED: amount_minor, Account.RECEIVABLE: -amount_minor}
    return Posting(PostingKind.REFUND_FAILED, source_id, entries)


def refunded_elsewhere(amount_minor: int, source_id: UUID) -> Posting:
    """Somebody gave so much back at the gateway itself."""
    entries = {Account.RECEIVABLE: amount_minor, Account.REFUNDED: -amount_minor}
    return Posting(PostingKind.REFUND_SENT, source_id, entries)


def _too_much(balances: Balances) -> str:
    if balances.held.amount_minor <= 0:
        return "There is nothing to refund."
    return f"More than nothing, and at most {balances.held}."
