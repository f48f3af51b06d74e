"""Moves bookings to another time or room, under the terms of their cancellation.

The venue's team moves bookings without restrictions. A customer can move until a deadline. If the
new price requires a payment, the new time is held, and the booking moves once that is paid.
"""

from typing import Final

from sqlmodel import col

from domain.bookings.lifecycle import MOVABLE, Status
from domain.bookings.refusals import ChangeTooLate
from domain.core.ids import BookingId, RoomId
from domain.core.local_time import Start
from domain.core.log_events import EventType
from domain.core.money import Money
from domain.core.refusals import Invalid, Refusal, StaleVersion
from domain.payments.moves import check_change
from domain.payments.payments import TAKEN
from kit.scope import Scope
from models.bookings.bookings import Booking, bookings_of, price_columns_of
from models.core.base import snapshot
from models.payments.payments import Payment, payments_of_bookings, terms_of_booking
from models.tenants import Tenant
from permissions.policy import only_own
from permissions.roles import P
from resolvers.bookings.at_once import Changed, change_at_once
from resolvers.bookings.booking_access import (
    booking_event,
    load_visible_booking,
    record_change,
    spaces_of_move,
    state_of,
    text_refusals,
    visible_bookings,
)
from resolvers.bookings.booking_access import status as status_of
from resolvers.bookings.new_bookings import hold_end, insert_booking
from resolvers.bookings.quotas import is_unlimited, refusals_by_quotas
from resolvers.bookings.slot_claims import Claim, WantedTime, claim, claim_by_facts, expire
from resolvers.bookings.space_locks import check_spaces, lock_rooms
from resolvers.bookings.venue_facts import VenueFacts
from resolvers.core.lookups import get_at_version, raise_all
from resolvers.customers.customers import Booker
from resolvers.payments import payments, refunds
from resolvers.payments.ledger import balances_now
from resolvers.payments.pending_moves import give_up, open_payments
from resolvers.payments.places import (
    RESCHEDULE,
    Goal,
    Kind,
    agreed_of,
    change_rules,
    changed_place,
    goal_of,
    move_refusals,
    place_of,
)

MOST_UNPAID: Final = 10
"""The most moves of a booking that its customer can leave unpaid."""
_MOVED: Final = "The booking has moved here."


async def move_booking(
    scope: Scope,
    id: BookingId,
    *,
    version: int,
    room_id: RoomId | None,
    start: Start,
    duration_minutes: int | None,
    reason: str | None,
) -> list[Booking]:
    """Moves one booking, or holds its new time until that is paid. Returns the booking alone."""
    raise_all(text_refusals(reason=reason))
    seen = await load_visible_booking(scope, id)
    target = room_id or RoomId(seen.room_id)
    minutes = place_of(seen).time.minutes if duration_minutes is None else duration_minutes
    times = WantedTime(target, start, minutes, seen.party_size)
    return [await move_seen(scope, seen, times, version=version, reason=reason)]


async def move_seen(
    scope: Scope,
    seen: Booking,
    times: WantedTime,
    *,
    version: int,
    reason: str | None,
    kind: Kind = RESCHEDULE,
) -> Booking:
    """Moves a booking that was loaded before any lock, likewise."""
    by_customer = only_own(scope.actor, P.BOOKINGS_WRITE)
    at_once = await _move_at_once(
        scope, seen, times, version=version, by_customer=by_customer, reason=reason, kind=kind
    )
    if at_once is not None:
        return at_once
    held = await spaces_of_move(scope, seen)
    await lock_rooms(scope, times.room_id, spaces=[*seen.spaces, *held])
    moved = await get_at_version(
        scope, visible_bookings(scope), BookingId(seen.id), version=version, what="booking"
    )
    if moved.room_id != seen.room_id:
        raise StaleVersion(moved, path=("version",))
    check_spaces(scope, moved)
    given_up = await give_up(scope, moved)
    claimed = await claim(
        scope,
        times.room_id,
        times.start,
        duration_minutes=times.duration_minutes,
        party_size=moved.party_size,
        moving=moved,
        keeps_start=kind.keeps_start,
    )
    goal = goal_of(moved, claimed)
    tenant = claimed.tenant
    if goal.place == place_of(moved) and not given_up:
        # It is where it is asked to be, whatever the rules are by now.
        kind.check(state_of(moved, tenant), now=scope.now())
        return moved
    problems = [
        *move_refusals(scope, moved, goal, tenant, by_customer, kind=kind),
        *claimed.refusals,
    ]
    problems += await refusals_by_quotas(
        scope, tenant, moved.customer_id, claimed.wanted, without=[moved.id]
    )
    raise_all(problems)
    due = await due_first(scope, moved, goal) if by_customer else None
    if due is not None:
        return await _held_until_paid(scope, moved, claimed, goal, due, reason)
    await carry_out(
        scope,
        moved,
        goal,
        tenant,
        by_customer=by_customer,
        reason=reason,
        claimed=claimed,
        kind=kind,
    )
    return moved


async def pay_for_move(scope: Scope, booking: Booking, payment: Payment) -> bool:
    """Moves a locked booking to the time that was held for it, now that this is paid.

    Returns False if that is impossible; the booking then keeps its time.
    """
    hold = await _hold_of(scope, payment)
    can_move = status_of(scope, booking) in MOVABLE and scope.now() < booking.starts_at
    if not can_move or hold.status not in (Status.HELD, Status.EXPIRED):
        return False
    is_held = status_of(scope, hold) is Status.HELD and hold.party_size == booking.party_size
    if hold.status == Status.HELD.value:
        await expire(scope, [BookingId(hold.id)], reason=_MOVED)
    goal = Goal(
        place_of(hold), hold.space_ids, hold.seat_numbers, hold.occupied, price_columns_of(hold)
    )
    claimed = None if is_held else await _claimed_again(scope, booking, goal)
    if not is_held and claimed is None:
        return False
    tenant: Tenant = await scope.loaders.related(booking, "tenant")
    await carry_out(scope, booking, goal, tenant, by_customer=True, claimed=claimed)
    # Flushed here, so that this change is retried if the database finds the time taken.
    await scope.flush()
    return True


async def recheck(scope: Scope, booking: Booking, tenant: Tenant) -> None:
    """Gives up a pending move that the customer can't request any more after a confirmation."""
    for payment in await open_payments(scope, booking):
        hold = await _hold_of(scope, payment)
        try:
            check_change(
                change_rules(tenant),
                agreed_of(booking),
                place_of(booking),
                place_of(hold),
                now=scope.now(),
            )
        except ChangeTooLate:
            await give_up(scope, booking)


async def settle_party(scope: Scope, booking: Booking, before: Money | None) -> None:
    """Settles a price that has changed with the size of the party.

    Raises Invalid if a customer would have to pay more in advance: only the venue's team can add
    people then.
    """
    was = before.amount_minor if before else None
    if was == booking.price_minor:
        return
    by_customer = only_own(scope.actor, P.BOOKINGS_WRITE)
    if by_customer and await _due_more(scope, booking, was, booking.price_minor) is not None:
        problem = "More people have to be paid for in advance; ask the venue to add them."
        raise Invalid(problem, path=("party_size",))
    owed = (await balances_now(scope, booking)).credit
    await payments.charge_difference(scope, booking, was)
    await refunds.settle_surplus(
        scope, booking, agreed_of(booking), owed_before=owed, by_customer=by_customer
    )


# ------------------------------------------------------------------------------ steps


async def _move_at_once(
    scope: Scope,
    seen: Booking,
    times: WantedTime,
    *,
    version: int,
    by_customer: bool,
    reason: str | None,
    kind: Kind,
) -> Booking | None:
    """Moves a booking in one statement. None if it has to be decided step by step."""

    def move(booking: Booking, facts: VenueFacts) -> Changed | None:
        claimed = claim_by_facts(scope, facts, times, moving=booking)
        if claimed is None:
            return None
        tenant, goal = claimed.tenant, goal_of(booking, claimed)
        if goal.place == place_of(booking):
            return None
        if move_refusals(scope, booking, goal, tenant, by_customer, kind=kind):
            return None
        if facts.quotas and not is_unlimited(scope):
            return None
        # Its own time isn't in its way; where another's is as well, the constraint refuses it.
        takes_own = not set(booking.spaces).isdisjoint(claimed.spaces)
        overlaps_own = takes_own and booking.occupied.overlaps(goal.occupied)
        event = changed_place(
            scope,
            booking,
            goal,
            tenant,
            by_customer=by_customer,
            reason=reason,
            claimed=claimed,
            kind=kind,
        )
        return Changed([event], wanted=None if overlaps_own else goal.occupied)

    return await change_at_once(
        scope,
        seen,
        move,
        version=version,
        also_rooms=[times.room_id],
        is_listed=kind is RESCHEDULE,
    )


async def due_first(scope: Scope, booking: Booking, goal: Goal) -> Money | None:
    """Returns what a customer has to pay before the price increases; None if nothing."""
    return await _due_more(scope, booking, booking.price_minor, goal.price_minor)


async def _due_more(
    scope: Scope, booking: Booking, before_minor: int | None, after_minor: int | None
) -> Money | None:
    if booking.terms is None:
        return None
    secured = await payments.secured(scope, booking)
    policy = terms_of_booking(booking).policy
    before, after = (
        Money(minor or 0, booking.currency_code) for minor in (before_minor, after_minor)
    )
    return policy.due_more(before, after, secured=secured)


async def _held_until_paid(
    scope: Scope, booking: Booking, claimed: Claim, goal: Goal, due: Money, reason: str | None
) -> Booking:
    """Holds the new time, to which the booking moves once ``due`` is paid."""
    made = await scope.all(payments_of_bookings(scope.tenant_id, [booking.id]))
    unpaid = [each for each in made if each.hold_id is not None and each.status not in TAKEN]
    if len(unpaid) >= MOST_UNPAID:
        raise Invalid(f"You left {MOST_UNPAID} moves unpaid; contact the venue.", path=("start",))
    ends_at = min(hold_end(scope, claimed.tenant), booking.starts_at)
    hold = await insert_booking(
        scope,
        claimed,
        status=Status.HELD,
        booker=Booker(booking.customer_id, booking.contact_name, booking.contact_phone),
        hold_expires_at=ends_at,
        note=None,
        terms=booking.terms,
        moves_id=booking.id,
        # With the discount that the booking has.
        **goal.price,
    )
    scope.emit(booking_event(EventType.BOOKING_HELD, hold, claimed=claimed))
    requested = payments.request_payment(scope, booking, due, until=ends_at, hold_id=hold.id)
    return record_change(
        scope,
        EventType.PAYMENT_REQUESTED,
        booking,
        snapshot(booking),
        reason=reason,
        also=payments.logged(requested),
    )


async def _hold_of(scope: Scope, payment: Payment) -> Booking:
    """Returns the hold of the time to which a booking moves by this payment."""
    hold = await scope.one(bookings_of(scope.tenant_id).where(col(Booking.id) == payment.hold_id))
    assert hold is not None, "bookings are never removed"
    return hold


async def _claimed_again(scope: Scope, booking: Booking, goal: Goal) -> Claim | None:
    """Claims the new time again after its hold has ended; None if it isn't available."""
    try:
        claimed = await claim(
            scope,
            goal.place.room_id,
            Start(at=goal.place.time.start),
            duration_minutes=goal.place.time.minutes,
            party_size=booking.party_size,
            moving=booking,
        )
    except Refusal:
        return None
    return None if claimed.refusals else claimed


async def carry_out(
    scope: Scope,
    booking: Booking,
    goal: Goal,
    tenant: Tenant,
    *,
    by_customer: bool,
    reason: str | None = None,
    claimed: Claim | None = None,
    kind: Kind = RESCHEDULE,
) -> None:
    """Moves a booking, and settles the change of its price."""
    price_before, agreed = booking.price_minor, agreed_of(booking)
    balances = await balances_now(scope, booking) if booking.terms is not None else None
    event = changed_place(
        scope,
        booking,
        goal,
        tenant,
        by_customer=by_customer,
        has_money=balances is not None and await payments.has_money(scope, booking, balances),
        reason=reason,
        claimed=claimed,
        kind=kind,
    )
    scope.emit(event)
    if balances is not None:
        await payments.charge_difference(scope, booking, price_before)
        await refunds.settle_surplus(
            scope, booking, agreed, owed_before=balances.credit, by_customer=by_customer
        )
