"""Moves bookings to another time or room, under the terms of their cancellation.

The venue's team moves bookings without restrictions. A customer can move until a deadline. If the
new price requires a payment, the new time is held, and the booking moves once that is paid.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy.dialects.postgresql import Range
from sqlmodel import col

from domain.bookings.lifecycle import MOVABLE, BookingState, Status, check_status_in
from domain.bookings.refusals import ChangeTooLate, InvalidTransition
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval
from domain.core.local_time import Start, zone
from domain.core.log_events import Event, EventType
from domain.core.money import Money
from domain.core.refusals import Invalid, Refusal, StaleVersion
from domain.payments.moves import Agreed, ChangeRules, Place, check_change, needs_confirmation
from domain.payments.payments import TAKEN
from kit.scope import Scope
from models.bookings.bookings import Booking, bookings_of, price_columns, price_columns_of
from models.core.base import snapshot
from models.payments.payments import Payment, payments_of_bookings, terms_of_booking
from models.tenants import Tenant
from permissions.policy import only_own
from permissions.roles import P
from resolvers.bookings.at_once import Changed, change_at_once
from resolvers.bookings.booking_access import (
    booking_event,
    change_event,
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
from resolvers.bookings.slot_claims import (
    Claim,
    WantedTime,
    check_spaces,
    claim,
    claim_by_facts,
    expire,
    lock_rooms,
)
from resolvers.bookings.standing import approval_expiry, move_deadlines
from resolvers.bookings.venue_facts import VenueFacts
from resolvers.core.lookups import get_at_version, raise_all
from resolvers.customers.customers import Booker
from resolvers.payments import payments, refunds
from resolvers.payments.ledger import balances_now
from resolvers.payments.pending_moves import give_up, open_payments

MOST_UNPAID: Final = 10
"""The most moves of a booking that its customer can leave unpaid."""
_MOVED: Final = "The booking has moved here."


@dataclass(frozen=True, slots=True)
class Goal:
    """The new time and room of a booking, and the columns of its price."""

    place: Place
    space_ids: list[UUID] | None
    seat_numbers: list[int] | None
    occupied: Range[datetime]
    price: Mapping[str, Any]

    @property
    def price_minor(self) -> int | None:
        minor: int | None = self.price["price_minor"]
        return minor


class Check(Protocol):
    """Raises what refuses a change of a booking because of its state."""

    def __call__(self, life: BookingState, *, now: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to change a booking's place, with the event that is logged.

    ``check`` raises the refusals of a booking in another state, and ``keeps_start`` marks one that
    only changes its end. ``ends``: the booking is completed by it.
    """

    event: EventType
    check: Check
    keeps_start: bool = False
    ends: bool = False


RESCHEDULE: Final = Kind(EventType.BOOKING_RESCHEDULED, partial(check_status_in, statuses=MOVABLE))


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
    minutes = _place(seen).time.minutes if duration_minutes is None else duration_minutes
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
    await give_up(scope, moved)
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
        _place(hold), hold.space_ids, hold.seat_numbers, hold.occupied, price_columns_of(hold)
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
                _rules(tenant), agreed_of(booking), _place(booking), _place(hold), now=scope.now()
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


def move_refusals(
    scope: Scope,
    moved: Booking,
    goal: Goal,
    tenant: Tenant,
    by_customer: bool,
    *,
    kind: Kind = RESCHEDULE,
) -> list[Refusal]:
    """Returns the refusals of a move by the booking's own rules."""
    try:
        kind.check(state_of(moved, tenant), now=scope.now())
        if by_customer:
            rules = _rules(tenant)
            check_change(rules, agreed_of(moved), _place(moved), goal.place, now=scope.now())
    except (InvalidTransition, ChangeTooLate) as refusal:
        return [refusal]
    return []


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


def changed_place(
    scope: Scope,
    booking: Booking,
    goal: Goal,
    tenant: Tenant,
    *,
    by_customer: bool,
    has_money: bool = False,
    reason: str | None,
    claimed: Claim | None,
    kind: Kind,
) -> Event:
    """Gives a booking its new place, and returns the event to log."""
    before, left, terms_start = snapshot(booking), _place(booking), booking.terms_start
    is_earlier = has_money and terms_start < goal.place.time.start
    booking.earliest_start = terms_start if is_earlier else None
    booking.room_id = goal.place.room_id
    booking.space_ids = claimed.space_ids if claimed else goal.space_ids
    move_deadlines(booking, goal.place.time.start)
    booking.seat_numbers = claimed.seat_numbers if claimed else goal.seat_numbers
    booking.starts_at = goal.place.time.start
    booking.ends_at = goal.place.time.end
    booking.occupied = claimed.occupied if claimed else goal.occupied
    for name, value in goal.price.items():
        setattr(booking, name, value)
    is_confirmed = booking.status == Status.CONFIRMED.value
    if by_customer and is_confirmed and needs_confirmation(_rules(tenant), left, goal.place):
        booking.status = Status.PENDING.value
        booking.was_confirmed = True
        booking.approval_expires_at = approval_expiry(scope, tenant, booking.starts_at)
    if kind.ends:
        booking.status, booking.release_at = Status.COMPLETED.value, None
    return change_event(scope, kind.event, booking, before, reason=reason, claimed=claimed)


def goal_of(moved: Booking, claimed: Claim) -> Goal:
    """Returns where a booking goes, and what it then costs.

    It keeps its price if the venue's rules ask as much for the time that it leaves.
    """
    left, wanted = _place(moved), Place(RoomId(claimed.room.id), claimed.wanted)
    agreed, by = moved.breakdown, wanted.time.start - left.time.start
    spaces = claimed.space_ids, claimed.seat_numbers
    if _costs_the_same(left, wanted, claimed):
        kept = price_columns(agreed.moved(by)) if agreed else price_columns_of(moved)
        return Goal(wanted, *spaces, claimed.occupied, kept)
    price = claimed.price
    if price is not None and agreed is not None and agreed.discount.amount_minor:
        price = price.less(agreed.discount)
    return Goal(wanted, *spaces, claimed.occupied, price_columns(price))


def _costs_the_same(left: Place, wanted: Place, claimed: Claim) -> bool:
    if (wanted.room_id, wanted.time.minutes) != (left.room_id, left.time.minutes):
        return False
    if not claimed.has_price_rules:
        return True
    before = claimed.price_at(left.time)
    by = wanted.time.start - left.time.start
    return (before.moved(by) if before else None) == claimed.price


def _place(booking: Booking) -> Place:
    return Place(RoomId(booking.room_id), Interval(booking.starts_at, booking.ends_at))


def agreed_of(booking: Booking) -> Agreed:
    steps = terms_of_booking(booking).steps
    return Agreed(steps, booking.terms_start, is_confirmed=payments.is_agreed(booking))


def _rules(tenant: Tenant) -> ChangeRules:
    return ChangeRules(
        zone(tenant.time_zone),
        minutes_before=tenant.change_minutes_before,
        reconfirms=tenant.requires_confirmation and tenant.reconfirms_changes,
        notice_minutes=tenant.min_change_notice_minutes,
    )
