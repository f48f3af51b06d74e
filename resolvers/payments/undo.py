"""Takes back the last change of a booking, unless it had effects that can't be."""

from typing import Annotated, Final
from uuid import UUID

from typing_extensions import Doc

from domain.bookings.lifecycle import OCCUPYING, Status
from domain.bookings.refusals import NothingToUndo
from domain.bookings.undo import FOLLOWING, MANAGED, state_refusal, undo_refusal
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval
from domain.core.local_time import Start, zone
from domain.core.log_events import EventType
from domain.core.refusals import Refusal
from domain.payments.ledger import repriced
from kit.ids import new_id
from kit.scope import Scope
from models.audit.log import LogEntry, last_entry
from models.bookings.bookings import Booking
from models.bookings.past_bookings import PastBooking, state_before
from models.core.base import snapshot
from models.customers.known import kept_customer
from models.payments.payments import earned_before
from permissions.policy import may, only_own, refusal
from permissions.roles import P
from resolvers.bookings import strangers
from resolvers.bookings.booking_access import (
    Version,
    load_visible_booking,
    lock_seen_booking,
    record_change,
)
from resolvers.bookings.calendars import load_venue
from resolvers.bookings.coupons import refusals_by_uses
from resolvers.bookings.edits_at_once import capacity_refusals
from resolvers.bookings.hooks import Prepayment, subscription_refusals
from resolvers.bookings.past_bookings import booking_before
from resolvers.bookings.quotas import refusals_by_quotas
from resolvers.bookings.slot_claims import Claim, claim
from resolvers.bookings.space_locks import spaces_of
from resolvers.core.lookups import raise_all
from resolvers.payments import moves, refunds
from resolvers.payments.ledger import balances_now, post
from resolvers.payments.pending_moves import give_up
from resolvers.payments.places import agreed_of, goal_of
from resolvers.tenants.usage import count_booking

_REASON: Final = "The last change was taken back."
_PLACE: Final = ("room_id", "also_room_ids", "starts_at", "ends_at")
_START: Final = ("room_id", "starts_at")
_TAKEN: Final = (*_PLACE, "seat_numbers")
_KEPT: Final = frozenset(
    {
        "tenant_id", "id", "reference", "version", "link_version", "created_at", "updated_at",
        "held_from", "guest_confirmed_at", "terms", "occupied", "space_ids",
    }
)  # fmt: skip
"""The columns that aren't what they were; the time that is taken is decided anew."""
_OF_SERIES: Final = ("series_id", "original_starts_at")


async def undo_change(
    scope: Scope,
    *,
    booking_id: Annotated[BookingId, Doc("The id of the booking.")],
    version: Version,
) -> Booking:
    """Take back the last change of a booking, within 5 minutes.

    The booking gets its former status, time, room, price, party size, customer and note, if its
    time is still free. Callers can take back what they have changed themselves, and the venue's
    team also what others have. Refunds aren't taken back: what was refunded is due again, and a
    customer who would have to pay first has to book again. Bookings that were made, payments, and
    moves of a series can't be taken back. This is a change itself: taken back, it is made again.
    """
    seen = await load_visible_booking(scope, booking_id, path=("booking_id",))
    change = await scope.read_outside(last_entry(scope.tenant_id, seen.id, besides=FOLLOWING))
    past: PastBooking | None = None
    if change is not None:
        past = await scope.read_outside(state_before(scope.tenant_id, seen.id, change.at))
    if change is None or past is None:
        raise NothingToUndo("Nothing has changed since the booking was made: cancel it instead.")
    spaces = await spaces_of(scope, UUID(past.state["room_id"]))
    booking = await lock_seen_booking(
        scope, seen, version=version, also_spaces=spaces, with_tenant=True
    )
    _check_right(scope, booking, change)
    refused = undo_refusal(
        EventType(change.type),
        change.at,
        has_terms=booking.terms is not None,
        zone=zone(booking.tenant.time_zone),
        now=scope.now(),
    )
    before = await booking_before(scope, booking.id, change.at)
    if refused is not None or before is None:
        raise refused or NothingToUndo("What the booking was before isn't known.")
    if await _was_merged(scope, before.customer_id):
        raise NothingToUndo("Its customer was merged with another one: undo the merge instead.")
    await give_up(scope, booking)
    claimed = await _decided(scope, booking, before)
    if (change.after or {}).get("counts_for_plan") is False:
        await count_booking(scope, booking.tenant)
    await _restore(scope, booking, before, claimed, change)
    return booking


async def _was_merged(scope: Scope, customer_id: UUID | None) -> bool:
    if customer_id is None:
        return False
    return await scope.one(kept_customer(scope.tenant_id, customer_id)) is not None


def _check_right(scope: Scope, booking: Booking, change: LogEntry) -> None:
    needed = P.BOOKINGS_MANAGE if change.type in MANAGED else P.BOOKINGS_WRITE
    if not may(scope.actor, needed, booking):
        raise refusal(scope.actor, needed)
    is_own = change.actor_id is not None and change.actor_id == scope.actor.id
    if only_own(scope.actor, P.BOOKINGS_WRITE) and not is_own:
        raise NothingToUndo("The last change isn't yours; contact the venue.")


async def _decided(scope: Scope, booking: Booking, before: Booking) -> Claim | None:
    """Returns the claim of the former time, None if that is the present one; raises refusals."""
    was, status = Status(before.status), Status(booking.status)
    impossible = state_refusal(was, before.hold_expires_at, status, now=scope.now())
    if impossible is None and _values(booking, _OF_SERIES) != _values(before, _OF_SERIES):
        impossible = NothingToUndo("A move of a series can't be taken back: move it again.")
    if impossible is None and (booking.moves_id or (was is Status.HELD and booking.terms)):
        impossible = NothingToUndo("The payment for this hold was cancelled: choose a time again.")
    if impossible is not None:
        raise impossible
    comes_back = was in OCCUPYING and status not in OCCUPYING
    changes_customer = before.customer_id != booking.customer_id
    if not comes_back and _values(booking, _TAKEN) == _values(before, _TAKEN):
        if before.party_size != booking.party_size:
            venue = await load_venue(scope, [RoomId(id) for id in before.room_ids])
            raise_all(capacity_refusals(venue, before))
        if changes_customer:
            raise_all(await _customer_refusals(scope, booking, before, is_used=True))
        return None
    time = Interval(before.starts_at, before.ends_at)
    claimed = await claim(
        scope,
        RoomId(before.room_id),
        Start(at=time.start),
        duration_minutes=time.minutes,
        party_size=before.party_size,
        moving=booking,
        # What was booked in time may come back later.
        keeps_start=_values(booking, _START) == _values(before, _START),
    )
    problems = [*claimed.refusals]
    problems += await _customer_refusals(
        scope, booking, before, is_used=comes_back or changes_customer
    )
    if comes_back:
        problems += await subscription_refusals(scope)
        if was is Status.HELD:
            problems += await strangers.hold_refusals(scope, claimed.tenant, before.room_id, time)
    raise_all([*problems, *await _payment_refusals(scope, before, claimed, comes_back=comes_back)])
    return claimed


async def _customer_refusals(
    scope: Scope, booking: Booking, before: Booking, *, is_used: bool
) -> list[Refusal]:
    """Returns what refuses the booking to its former customer; ``is_used``: its coupon, too."""
    tenant, customer_id = booking.tenant, before.customer_id
    time, without = Interval(before.starts_at, before.ends_at), booking.id
    refused = await refusals_by_quotas(scope, tenant, customer_id, time, without=[without])
    if is_used:
        refused += await refusals_by_uses(
            scope,
            tenant,
            before.coupon_id,
            customer_id,
            without=without,
            # Nobody needs to be named before a hold is booked.
            is_known=customer_id is not None or Status(before.status) is not Status.HELD,
            path=("booking_id",),
        )
    return refused


async def _payment_refusals(
    scope: Scope, before: Booking, claimed: Claim, *, comes_back: bool
) -> list[Refusal]:
    """Returns the refusal of what a customer would have to pay first."""
    if before.terms is None or not only_own(scope.actor, P.BOOKINGS_WRITE):
        return []
    if comes_back:
        due = scope.service(Prepayment).due(scope, before.terms, before.price)
    else:
        due = await moves.due_first(scope, before, goal_of(before, claimed))
    return [] if due is None else [NothingToUndo("It would have to be paid first: book again.")]


async def _restore(
    scope: Scope, booking: Booking, before: Booking, claimed: Claim | None, change: LogEntry
) -> None:
    logged, price_minor = snapshot(booking), booking.price_minor
    is_moved = _values(booking, _PLACE) != _values(before, _PLACE)
    comes_back = Status(booking.status) not in OCCUPYING
    agreed = agreed_of(booking)
    for name in Booking.model_fields.keys() - _KEPT:
        setattr(booking, name, getattr(before, name))
    if claimed is not None:
        booking.occupied, booking.space_ids = claimed.occupied, claimed.space_ids
        booking.seat_numbers = claimed.seat_numbers
    type = EventType.BOOKING_RESCHEDULED if is_moved else EventType.BOOKING_UPDATED
    record_change(scope, type, booking, logged, reason=_REASON, claimed=claimed)
    if booking.terms is None:
        return
    # Whatever the change charged or kept is taken back, and what earlier ones kept stays.
    balances = await balances_now(scope, booking)
    earned = await scope.value(earned_before(scope.tenant_id, booking.id, change.at))
    if more := earned + balances.revenue:
        await post(scope, booking, repriced(more, new_id()))
    if not comes_back and booking.price_minor != price_minor:
        await refunds.settle_surplus(
            scope,
            booking,
            agreed,
            owed_before=balances.credit,
            by_customer=only_own(scope.actor, P.BOOKINGS_WRITE),
        )


def _values(booking: Booking, names: tuple[str, ...]) -> list[object]:
    return [getattr(booking, name) for name in names]
