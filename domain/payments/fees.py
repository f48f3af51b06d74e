"""Fees that are due although they were not paid in advance: of cancellations and of no-shows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from domain.core.money import Money
from domain.core.refusals import Invalid, Refusal


@dataclass(frozen=True, slots=True)
class Fees:
    """What a cancellation or a no-show costs, as agreed when the booking was made.

    ``cancellation``: what the cancellation policy doesn't refund of the price is due, whatever was
    paid. ``no_show_percent`` is the part of the price that is due if nobody comes.
    """

    cancellation: bool = False
    no_show_percent: int = 0

    def __bool__(self) -> bool:
        return self.cancellation or self.no_show_percent > 0


NO_FEES: Final = Fees()


def due_beyond(fee: Money, paid: Money) -> Money:
    """Returns what is still to be paid of a fee."""
    return Money(max(0, fee.amount_minor - paid.amount_minor), fee.currency_code)


def no_show_due(fees: Fees, price: Money, *, paid: Money, on_card: Money | None) -> Money | None:
    """Returns what a no-show still owes; None if nothing.

    ``paid`` is what the venue has of it, and ``on_card`` what is charged to a held card, which is
    owed until that has happened.
    """
    due = due_beyond(price.percent(fees.no_show_percent), paid)
    owed = max(filter(None, (due, on_card)), key=lambda each: each.amount_minor, default=None)
    return owed if owed is not None and owed.amount_minor else None


def fee_refusals(fees: Fees) -> Iterator[Refusal]:
    """Yields the reasons to refuse fees, at the names of the settings."""
    if not 0 <= fees.no_show_percent <= 100:
        yield Invalid("The percentage must be 0 to 100.", path=("no_show_fee_percent",))
