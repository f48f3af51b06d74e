"""Refusals of payments: a booking is made by paying for it."""

from dataclasses import dataclass

from domain.core.refusals import Code, Refusal


@dataclass(eq=False)
class PaymentRequired(Refusal):
    """The time is booked once it is paid, and not by confirming it."""

    code = Code.PAYMENT_REQUIRED

    def __str__(self) -> str:
        return "This booking waits for a payment; pay to book it."
