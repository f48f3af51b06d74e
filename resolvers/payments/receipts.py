"""Receipts for payments, numbered without gaps in each year of the venue's wall clock."""

from domain.core.local_time import zone
from domain.tenants.payment_policy import PolicyKind
from kit.ids import new_id
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.payments.payments import Payment, Receipt, next_receipt
from models.venue.rooms import Room
from resolvers.tenants.tenants import own_tenant

_LABELS = {
    PolicyKind.DEPOSIT: "Deposit",
    PolicyKind.FULL: "Payment",
    PolicyKind.CARD_HOLD: "No-show fee",
}


async def issue(scope: Scope, booking: Booking, payment: Payment) -> Receipt:
    """Issues a receipt with the next number for a payment that the venue keeps.

    The counter stays locked until this transaction ends, so a rollback leaves no gap.
    """
    assert payment.capture_minor is not None
    tenant = await own_tenant(scope)
    room: Room = await scope.loaders.related(booking, "room")
    year = scope.now().astimezone(zone(tenant.time_zone)).year
    label = f"{_LABELS[PolicyKind(payment.kind)]}: {room.name}, booking {booking.reference}"
    return scope.add(
        Receipt(
            tenant_id=scope.tenant_id,
            id=new_id(),
            payment_id=payment.id,
            year=year,
            number=await scope.value(next_receipt(scope.tenant_id, year)),
            lines=[{"label": label, "amount_minor": payment.capture_minor}],
            amount_minor=payment.capture_minor,
            currency_code=payment.currency_code,
            issued_at=scope.now(),
        )
    )
