"""Refunds: reserved under the room's lock, then sent by the gateway."""

from collections import defaultdict
from typing import Annotated, assert_never
from uuid import UUID

from typing_extensions import Doc

from domain.bookings.lifecycle import CancellationRefund, Status
from domain.core.card_amounts import step_refusals
from domain.core.ids import BookingId
from domain.core.log_events import EventType
from domain.core.money import Money
from domain.core.refusals import Invalid
from domain.payments.cancellation import quote
from domain.payments.fees import no_show_due
from domain.payments.ledger import Balances, refund_reserved, repriced
from domain.payments.moves import Agreed
from domain.payments.payments import PaymentStatus, RefundCause, RefundStatus
from kit.ids import new_id
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.payments.payments import (
    Payment,
    Refund,
    payments_of_bookings,
    refunds_of_bookings,
    terms_of_booking,
)
from permissions.policy import may
from permissions.roles import P
from resolvers.bookings.booking_access import Reason, Version, locked_booking, text_refusals
from resolvers.core.lookups import raise_all
from resolvers.payments.ledger import balances_now, post
from resolvers.payments.payments import (
    SOON,
    came_to_nothing,
    close,
    let_go,
    log_event,
    quoted,
    settle_later,
    take_held_card,
)


async def refund_booking(
    scope: Scope,
    id: Annotated[BookingId, Doc("The id of the booking.")],
    *,
    version: Version,
    amount: Annotated[
        Money | None,
        Doc("The amount to refund; by default everything that has been paid and not refunded."),
    ] = None,
    is_goodwill: Annotated[
        bool,
        Doc(
            "Whether the customer needn't pay again what is refunded, as after a complaint. By "
            "default, it is due again for a booking that isn't cancelled."
        ),
    ] = False,
    reason: Reason = None,
) -> Booking:
    """Refund some or all of what was paid for a booking, regardless of its cancellation policy.

    To send a `credit`, give it as the `amount`. The money is reserved at once and sent afterwards;
    `amountRefunded` increases when the payment service has sent it.
    """
    raise_all(text_refusals(reason=reason))
    booking = await locked_booking(scope, id, version=version)
    if amount is not None and amount.currency_code != booking.currency_code:
        raise Invalid(f"The booking's currency is {booking.currency_code}.", path=("amount",))
    raise_all(list(step_refusals(amount, path=("amount",))) if amount else [])
    balances = await balances_now(scope, booking)
    back = amount or balances.held
    await reserve(scope, booking, back, RefundCause.REQUEST, reason=reason)
    if came_to_nothing(booking):
        # A fee that is due stays due.
        due = Money(max(0, balances.receivable), booking.currency_code)
        await close(scope, booking, owed=due, credit=less(balances.credit, back))
    elif is_goodwill:
        again = back.amount_minor - balances.credit.amount_minor
        if again > 0:
            await post(scope, booking, repriced(-again, new_id()))
    # Without an idempotency key, a repeated request is refused by its version.
    booking.version += 1
    booking.updated_at = scope.now()
    return booking


async def reserve(
    scope: Scope,
    booking: Booking,
    amount: Money,
    cause: RefundCause,
    *,
    reason: str | None = None,
    of: Payment | None = None,
) -> list[Refund]:
    """Reserves and enqueues refunds of a locked booking: of one payment, or the oldest first.

    Raises Invalid for more than is held, and for zero.
    """
    # Before anything is stored, so that a refusal leaves nothing behind.
    refund_reserved(
        await balances_now(scope, booking), amount.amount_minor, new_id(), path=("amount",)
    )
    made = []
    rest = amount.amount_minor
    for payment, left in await _left(scope, booking):
        part = min(left, rest)
        if part <= 0 or (of is not None and payment.id != of.id):
            continue
        refund = scope.add(_refund(scope, payment, part, cause, reason))
        balances = await balances_now(scope, booking)
        await post(scope, booking, refund_reserved(balances, part, refund.id))
        log_event(scope, EventType.REFUND_REQUESTED, booking, refund)
        made.append(refund)
        rest -= part
    assert rest == 0, "what is held is what is left of the payments"
    settle_later(scope, booking, scope.now() + SOON)
    return made


async def end_payments(
    scope: Scope,
    booking: Booking,
    *,
    was: Status,
    refund: CancellationRefund,
    waives_fee: bool = False,
) -> None:
    """Settles the payments of a locked booking that has just ended.

    ``was`` is the earlier status, to which the terms apply; ``refund`` is how much a cancellation
    refunds; ``waives_fee`` releases a no-show's card without a charge.
    """
    if booking.terms is None:
        return
    match Status(booking.status):
        case Status.CANCELLED:
            back, owed = await _of_cancellation(scope, booking, refund, was=was)
            await _give_back(scope, booking, back, RefundCause.CANCELLATION, owed=owed)
        case Status.REJECTED | Status.EXPIRED:
            held = (await balances_now(scope, booking)).held
            await _give_back(scope, booking, held, RefundCause.REJECTION)
        case Status.NO_SHOW:
            balances = await balances_now(scope, booking)
            due = None if waives_fee else await _of_no_show(scope, booking, balances)
            await let_go(scope, booking)
            await close(scope, booking, owed=due, credit=balances.credit)
        case Status.COMPLETED:
            await let_go(scope, booking)
        case Status.HELD | Status.PENDING | Status.CONFIRMED | Status.CHECKED_IN:
            return
        case never:
            assert_never(never)


async def settle_surplus(
    scope: Scope, booking: Booking, agreed: Agreed, *, owed_before: Money, by_customer: bool
) -> None:
    """Refunds the surplus of a booking whose price is now lower than what was paid.

    A customer who moves gets what cancelling that part would refund now; the venue keeps the rest.
    A move by the venue refunds all of it if the caller may refund, and otherwise leaves it as
    credit. ``owed_before`` is the credit from before.
    """
    surplus = (await balances_now(scope, booking)).credit
    if by_customer:
        new = less(surplus, owed_before)
        back = quote(
            agreed.steps,
            new,
            start=agreed.terms_start,
            now=scope.now(),
            is_confirmed=agreed.is_confirmed,
        ).refund
        kept = less(new, back)
    else:
        back = surplus if may(scope.actor, P.PAYMENTS_REFUND) else less(surplus, surplus)
        kept = less(surplus, surplus)
    if back.amount_minor:
        await reserve(scope, booking, back, RefundCause.LOWER_PRICE)
    if kept.amount_minor:
        await post(scope, booking, repriced(kept.amount_minor, new_id()))


def less(amount: Money, by: Money) -> Money:
    """Returns the difference of two amounts, at least zero."""
    rest = max(0, amount.amount_minor - by.amount_minor)
    return Money(rest, amount.currency_code)


async def _of_cancellation(
    scope: Scope, booking: Booking, refund: CancellationRefund, *, was: Status
) -> tuple[Money, Money | None]:
    """Returns what a cancellation refunds, and what is still to be paid."""
    balances = await balances_now(scope, booking)
    match refund:
        case CancellationRefund.FULL:
            return balances.held, None
        case CancellationRefund.POLICY:
            said = quoted(booking, balances, status=was, now=scope.now())
            return said.refund, said.due
        case CancellationRefund.NONE:
            return Money(0, booking.currency_code), None
        case never:
            assert_never(never)


async def _of_no_show(scope: Scope, booking: Booking, balances: Balances) -> Money | None:
    """Charges a held card, and returns what is still to be paid."""
    on_card = await take_held_card(scope, booking)
    if booking.price is None:
        return on_card
    paid = balances.paid_for(booking.price.amount_minor)
    fees = terms_of_booking(booking).fees
    return no_show_due(fees, booking.price, paid=paid, on_card=on_card)


async def _give_back(
    scope: Scope,
    booking: Booking,
    amount: Money,
    cause: RefundCause,
    *,
    owed: Money | None = None,
) -> None:
    balances = await balances_now(scope, booking)
    if amount.amount_minor > 0:
        await reserve(scope, booking, amount, cause)
    await let_go(scope, booking)
    # Credit from before is still owed, unless it is part of the refund.
    rest = less(balances.held, amount)
    credit = min(balances.credit, rest, key=lambda money: money.amount_minor)
    await close(scope, booking, owed=owed, credit=credit)


async def _left(scope: Scope, booking: Booking) -> list[tuple[Payment, int]]:
    """Returns the successful payments, and how much of each is neither refunded nor reserved."""
    back: defaultdict[UUID, int] = defaultdict(int)
    for refund in await scope.all(refunds_of_bookings(scope.tenant_id, [booking.id])):
        if refund.status != RefundStatus.FAILED.value:
            back[refund.payment_id] += refund.amount_minor
    payments = await scope.all(payments_of_bookings(scope.tenant_id, [booking.id]))
    return [
        (payment, payment.capture_minor - back[payment.id])
        for payment in payments
        if payment.status == PaymentStatus.SUCCEEDED.value and payment.capture_minor is not None
    ]


def _refund(
    scope: Scope, payment: Payment, amount_minor: int, cause: RefundCause, reason: str | None
) -> Refund:
    return Refund(
        tenant_id=scope.tenant_id,
        id=new_id(),
        booking_id=payment.booking_id,
        payment_id=payment.id,
        status=RefundStatus.PENDING.value,
        cause=cause.value,
        reason=reason,
        amount_minor=amount_minor,
        currency_code=payment.currency_code,
        created_at=scope.now(),
        updated_at=scope.now(),
    )
