"""What customers have spent, by the ledger."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import BigInteger, Select, func, select
from sqlmodel import col

from domain.payments.ledger import Account
from models.bookings.bookings import Booking
from models.core.filters import is_any
from models.payments.payments import LedgerEntry


def spent_by(tenant_id: UUID, customer_ids: Sequence[UUID]) -> Select[UUID | None, str, int]:
    """Selects what customers paid less what they got back: customer, currency, minor units."""
    return (
        select(
            col(Booking.customer_id),
            col(LedgerEntry.currency_code),
            func.sum(col(LedgerEntry.amount_minor)).cast(BigInteger),
        )
        .join(
            LedgerEntry,
            (col(LedgerEntry.tenant_id) == col(Booking.tenant_id))
            & (col(LedgerEntry.booking_id) == col(Booking.id)),
        )
        .where(
            col(Booking.tenant_id) == tenant_id,
            is_any(Booking.customer_id, customer_ids),
            # What was refunded is negative.
            col(LedgerEntry.account).in_((Account.RECEIVED.value, Account.REFUNDED.value)),
        )
        .group_by(col(Booking.customer_id), col(LedgerEntry.currency_code))
        .order_by(col(Booking.customer_id), col(LedgerEntry.currency_code))
    )
