"""Refusals of payments: the booking has to be paid first."""

from dataclasses import dataclass

from domain.core.refusals import Code, Refusal


@dataclass(eq=False)
class PaymentRequired(Refusal):
    """The booking is confirmed by paying for it, not by confirmGuestBooking."""

    code = Code.PAYMENT_REQUIRED

    def __str__(self) -> str:
        return "This booking waits for a payment; pay to book it."
