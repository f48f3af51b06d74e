"""Waives what a customer owes for a booking."""

from typing import Annotated

from typing_extensions import Doc

from domain.bookings.lifecycle import Status
from domain.core.ids import BookingId
from domain.core.log_events import EventType
from domain.core.money import Money
from domain.core.refusals import Invalid
from domain.payments.ledger import repriced
from kit.ids import new_id
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.core.base import snapshot
from resolvers.bookings.booking_access import (
    Reason,
    Version,
    locked_booking,
    record_change,
    text_refusals,
)
from resolvers.core.lookups import raise_all
from resolvers.payments.ledger import balances_now, post


async def waive_balance(
    scope: Scope,
    id: Annotated[BookingId, Doc("The id of the booking.")],
    *,
    version: Version,
    amount: Annotated[
        Money | None, Doc("The amount to waive; by default the whole `balanceDue`.")
    ] = None,
    reason: Reason = None,
) -> Booking:
    """Waive some or all of what a customer still owes for a booking, such as a fee.

    The `balanceDue` decreases by it; the price stays as it is.
    """
    raise_all(text_refusals(reason=reason))
    booking = await locked_booking(scope, id, version=version)
    is_due = booking.terms is not None and booking.status not in (Status.HELD, Status.EXPIRED)
    due = (await balances_now(scope, booking)).balance_due if is_due else None
    if due is None or due.amount_minor <= 0:
        raise Invalid("Nothing is due for this booking.", path=("id",))
    waived = due if amount is None else amount
    if waived.currency_code != due.currency_code:
        raise Invalid(f"The booking's currency is {due.currency_code}.", path=("amount",))
    if not 0 < waived.amount_minor <= due.amount_minor:
        problem = f"Waive more than 0 and at most the {due} that are due."
        raise Invalid(problem, path=("amount",))
    await post(scope, booking, repriced(-waived.amount_minor, new_id()))
    logged = {"waived": {"amount": waived.amount, "currencyCode": waived.currency_code}}
    before = snapshot(booking)
    return record_change(
        scope, EventType.BOOKING_UPDATED, booking, before, reason=reason, also=logged
    )
