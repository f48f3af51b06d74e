"""What was paid in advance for bookings made online, and given back: with logs and ledgers."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from commands.demo.history import History, id_made_at
from commands.demo.venues import HOLD_MINUTES
from domain.bookings.lifecycle import Status
from domain.core.log_events import Event, EventType
from domain.core.money import Money
from domain.payments.cancellation import quote
from domain.payments.ledger import (
    Balances,
    Posting,
    charge,
    received,
    refund_reserved,
    refund_sent,
)
from domain.payments.payments import PaymentStatus, RefundCause, RefundStatus, Terms
from models.bookings.bookings import Booking
from models.payments.payments import Payment, Refund, stored_terms
from resolvers.payments.payments import logged

_PAID_AFTER: Final = timedelta(minutes=2)


class Till:
    """Takes the money of a venue's bookings by its terms."""

    def __init__(self, history: History, terms: Terms) -> None:
        self.payments: list[Payment] = []
        self.refunds: list[Refund] = []
        self.ledger: list[dict[str, Any]] = []
        self._history = history
        self._terms = terms
        self._dice = Random(f"{history.venue.subdomain} till")  # noqa: S311 - reproducible

    def take(self, booking: Booking) -> None:
        """Takes what was due for a booking that has ended, and gives back what its end says."""
        price = booking.price
        due = price and self._terms.policy.due(price)
        if not price or not due or not due.amount_minor:
            return
        booking.terms = stored_terms(self._terms)
        balances = Balances(booking.currency_code)
        balances = self._post(
            booking, balances, charge(price.amount_minor, booking.id), booking.created_at
        )
        at = booking.created_at + _PAID_AFTER
        payment = Payment(
            **self._values(booking, at, due),
            kind=self._terms.policy.kind.value,
            status=PaymentStatus.SUCCEEDED.value,
            capture_minor=due.amount_minor,
            expires_at=booking.created_at + timedelta(minutes=HOLD_MINUTES),
        )
        payment.gateway_id = f"demo_{payment.id}"
        self.payments.append(payment)
        balances = self._post(booking, balances, received(due.amount_minor, payment.id), at)
        self._log(EventType.PAYMENT_RECEIVED, booking, payment, at)
        if booking.status == Status.CANCELLED:
            self._give_back(booking, payment, balances)

    def _give_back(self, booking: Booking, payment: Payment, balances: Balances) -> None:
        at = booking.updated_at
        back = quote(self._terms.steps, balances.held, start=booking.starts_at, now=at).refund
        if not back.amount_minor:
            return
        refund = Refund(
            **self._values(booking, at, back),
            payment_id=payment.id,
            status=RefundStatus.SUCCEEDED.value,
            cause=RefundCause.CANCELLATION.value,
        )
        refund.gateway_id = f"demo_{refund.id}"
        self.refunds.append(refund)
        reserved = refund_reserved(balances, back.amount_minor, refund.id)
        balances = self._post(booking, balances, reserved, at)
        self._post(booking, balances, refund_sent(back.amount_minor, refund.id), at)
        self._log(EventType.REFUND_SENT, booking, refund, at)

    def _values(self, booking: Booking, at: datetime, amount: Money) -> Mapping[str, Any]:
        return {
            "tenant_id": booking.tenant_id,
            "id": id_made_at(at, self._dice),
            "booking_id": booking.id,
            "amount_minor": amount.amount_minor,
            "currency_code": amount.currency_code,
            "created_at": at,
            "updated_at": at,
        }

    def _post(
        self, booking: Booking, balances: Balances, posting: Posting, at: datetime
    ) -> Balances:
        self.ledger += [
            {
                "tenant_id": booking.tenant_id,
                "id": id_made_at(at, self._dice),
                "booking_id": booking.id,
                "kind": posting.kind.value,
                "source_id": posting.source_id,
                "account": account.value,
                "amount_minor": amount,
                "currency_code": booking.currency_code,
                "at": at,
            }
            for account, amount in posting.entries.items()
            if amount
        ]
        return balances.after(posting)

    def _log(
        self, type: EventType, booking: Booking, about: Payment | Refund, at: datetime
    ) -> None:
        event = Event(type, "Booking", booking.id, after=logged(about))
        self._history.add_event(event, at=at, by=None)
