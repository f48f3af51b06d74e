"""The ledger against a model of a few plain numbers, over thousands of sequences of events."""

from dataclasses import dataclass, field
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.core.money import Money
from domain.core.refusals import Invalid
from domain.payments.ledger import (
    Account,
    Balances,
    Posting,
    PostingKind,
    charge,
    received,
    refund_failed,
    refund_reserved,
    refund_returned,
    refund_sent,
    refunded_elsewhere,
    repriced,
)
from kit.ids import new_id

SOURCE = UUID(int=1)

# What happens, with an amount that means something to some of it.
EVENTS = st.tuples(
    st.sampled_from(
        ("charge", "reprice", "pay", "pay again", "refund", "send", "fail", "return", "elsewhere",
         "close")
    ),
    st.integers(0, 12_000),
)  # fmt: skip


@dataclass
class Naive:
    """The same in plain numbers; ``waiting`` and ``gone`` are refunds."""

    price: int = 0
    paid: int = 0
    waiting: list[tuple[UUID, int]] = field(default_factory=list)
    gone: list[tuple[UUID, int]] = field(default_factory=list)
    outside: int = 0

    @property
    def refunded(self) -> int:
        return sum(amount for _, amount in self.gone) + self.outside

    @property
    def held(self) -> int:
        return self.paid - self.refunded - sum(amount for _, amount in self.waiting)

    @property
    def due(self) -> int:
        return self.price - self.held


@dataclass
class Book:
    """A booking's ledger beside the plain numbers; ``postings`` as the database takes them."""

    balances: Balances = field(default_factory=lambda: Balances("EUR"))
    naive: Naive = field(default_factory=Naive)
    postings: dict[tuple[UUID, PostingKind], Posting] = field(default_factory=dict)
    last_payment: tuple[UUID, int] | None = None

    def post(self, posting: Posting) -> None:
        # What was posted of a source is not posted again: the table has a unique key for it.
        if (posting.source_id, posting.kind) not in self.postings:
            self.postings[posting.source_id, posting.kind] = posting
            self.balances = self.balances.after(posting)

    def happens(self, event: str, amount: int) -> None:
        naive = self.naive
        match event:
            case "charge" if amount and naive.price == 0:
                naive.price += amount
                self.post(charge(amount, new_id()))
            case "reprice" if amount != naive.price:
                self.post(repriced(amount - naive.price, new_id()))
                naive.price = amount
            case "pay" if amount:
                self.last_payment = (new_id(), amount)
                naive.paid += amount
                self.post(received(amount, self.last_payment[0]))
            case "pay again" if self.last_payment:
                # The same webhook once more.
                id, same = self.last_payment
                self.post(received(same, id))
            case "refund":
                self.refunds(amount)
            case "send" if naive.waiting:
                id, sent = naive.waiting.pop()
                naive.gone.append((id, sent))
                self.post(refund_sent(sent, id))
                self.post(refund_sent(sent, id))
            case "fail" if naive.waiting:
                id, failed = naive.waiting.pop()
                self.post(refund_failed(failed, id))
            case "return" if naive.gone:
                id, returned = naive.gone.pop()
                self.post(refund_returned(returned, id))
            case "elsewhere" if 0 < amount <= naive.held:
                naive.outside += amount
                self.post(refunded_elsewhere(amount, new_id()))
            case "close" if self.balances.receivable:
                naive.price -= self.balances.receivable
                self.post(repriced(-self.balances.receivable, new_id()))

    def refunds(self, amount: int) -> None:
        id = new_id()
        if 0 < amount <= self.naive.held:
            self.naive.waiting.append((id, amount))
            self.post(refund_reserved(self.balances, amount, id))
        else:
            with pytest.raises(Invalid):
                refund_reserved(self.balances, amount, id)


@given(st.lists(EVENTS, max_size=40))
def test_every_balance_is_what_plain_numbers_say(events: list[tuple[str, int]]) -> None:
    book = Book()
    for event, amount in events:
        book.happens(event, amount)

        balances, naive = book.balances, book.naive
        assert sum(getattr(balances, account.value) for account in Account) == 0
        assert balances.amount_paid == Money(naive.paid, "EUR")
        assert balances.amount_refunded == Money(naive.refunded, "EUR")
        assert balances.held == Money(naive.held, "EUR")
        assert balances.balance_due == Money(naive.due, "EUR")
        assert 0 <= naive.refunded <= naive.paid
        assert naive.held >= 0


def test_a_posting_sums_to_zero() -> None:
    with pytest.raises(ValueError, match="sum to zero"):
        Posting(PostingKind.PAYMENT, SOURCE, {Account.RECEIVED: 5, Account.RECEIVABLE: -4})


def test_a_posting_moves_something() -> None:
    with pytest.raises(ValueError, match="sum to zero"):
        received(0, SOURCE)


@pytest.mark.parametrize("amount", [0, -1, 3001])
def test_no_more_goes_back_than_is_held(amount: int) -> None:
    paid = Balances("EUR").after(received(3000, SOURCE))

    with pytest.raises(Invalid, match=r"at most 30\.00 EUR"):
        refund_reserved(paid, amount, SOURCE)


def test_what_is_set_aside_is_not_refunded_twice() -> None:
    paid = Balances("EUR").after(received(3000, SOURCE))

    after = paid.after(refund_reserved(paid, 2000, SOURCE))

    assert after.held == Money(1000, "EUR")
    with pytest.raises(Invalid):
        refund_reserved(after, 1001, SOURCE)


def test_without_money_there_is_nothing_to_refund() -> None:
    with pytest.raises(Invalid, match="nothing to refund"):
        refund_reserved(Balances("EUR"), 1, SOURCE)
