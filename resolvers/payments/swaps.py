"""Swaps of two bookings, which exchange their rooms and starts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Annotated

from typing_extensions import Doc

from domain.bookings.refusals import Busy
from domain.bookings.seats import set_of
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval
from domain.core.refusals import Invalid, Refusal, StaleVersion, refusals_in
from kit.scope import Scope
from models.bookings.bookings import Booking
from permissions.policy import only_own
from permissions.roles import P
from resolvers.bookings.booking_access import (
    load_visible_booking,
    spaces_of_move,
    visible_bookings,
)
from resolvers.bookings.calendars import load_calendar, load_venue, wish_of
from resolvers.bookings.customer_tags import customer_tags
from resolvers.bookings.quotas import refusals_by_quotas
from resolvers.bookings.slot_claims import Claim, customer_of, decide, expire
from resolvers.bookings.space_locks import check_spaces, lock_rooms
from resolvers.bookings.venue_facts import Venue
from resolvers.core.lookups import get_at_version, raise_all
from resolvers.payments import moves
from resolvers.payments.moves_together import move_together
from resolvers.payments.pending_moves import give_up
from resolvers.payments.places import goal_of, move_refusals


@dataclass(frozen=True, slots=True)
class Swap:
    """Two bookings that have exchanged their places."""

    first: Booking
    second: Booking


async def swap_bookings(
    scope: Scope,
    *,
    first_id: Annotated[BookingId, Doc("The id of the first booking.")],
    first_version: Annotated[int, Doc("The version of the first booking that you read.")],
    second_id: Annotated[BookingId, Doc("The id of the second booking.")],
    second_version: Annotated[int, Doc("The version of the second booking that you read.")],
) -> Swap:
    """Exchange the rooms and starts of two bookings, although each alone would be in the way.

    Their durations stay, and so do their prices, unless the rooms differ. Otherwise each is moved
    as by `rescheduleBooking`: both, or none. The error's path says which booking is refused.
    """
    if first_id == second_id:
        raise Invalid("Choose two bookings.", path=("second_id",))
    seen = [
        await load_visible_booking(scope, id, path=(name,))
        for id, name in ((first_id, "first_id"), (second_id, "second_id"))
    ]
    spaces = [
        space for each in seen for space in (*each.spaces, *await spaces_of_move(scope, each))
    ]
    await lock_rooms(scope, *(each.room_id for each in seen), spaces=spaces)
    first = await _locked(scope, seen[0], first_version, "first_version")
    second = await _locked(scope, seen[1], second_version, "second_version")
    for each, name in ((first, "first_id"), (second, "second_id")):
        if each.also_room_ids:
            raise Invalid("A booking of several rooms can't be swapped: move it.", path=(name,))
        await give_up(scope, each)
    venue = await load_venue(scope, [RoomId(each.room_id) for each in (first, second)])
    check_spaces(scope, *venue.rooms.values())
    with _about("first_id"):
        to_second = await _claimed(scope, venue, first, second)
    with _about("second_id"):
        to_first = await _claimed(scope, venue, second, first, other=to_second)
    await move_together(scope, [(first, to_second), (second, to_first)], to_first.tenant)
    return Swap(first, second)


async def _locked(scope: Scope, seen: Booking, version: int, name: str) -> Booking:
    try:
        locked = await get_at_version(
            scope, visible_bookings(scope), seen.id, version=version, what="booking"
        )
    except StaleVersion as stale:
        stale.path = (name,)
        raise
    if locked.room_id != seen.room_id:
        raise StaleVersion(locked, path=(name,))
    check_spaces(scope, locked)
    return locked


@contextmanager
def _about(name: str) -> Iterator[None]:
    """Leads refusals to the argument of a booking."""
    try:
        yield
    except* Refusal as group:
        found = list(refusals_in(group))
        for each in found:
            each.path = (name,)
        raise ExceptionGroup("refused", found) from None


async def _claimed(
    scope: Scope, venue: Venue, booking: Booking, left: Booking, *, other: Claim | None = None
) -> Claim:
    """Returns the claim of the place that another booking leaves. Raises all that refuses it.

    ``other`` is the new time of that booking, once it is known.
    """
    minutes = Interval(booking.starts_at, booking.ends_at).minutes
    wish = wish_of(
        scope,
        venue,
        duration_minutes=minutes,
        party_size=booking.party_size,
        customer_tags=await customer_tags(scope, venue.prices, customer_of(booking)),
    )
    wanted = wish.interval(left.starts_at)
    calendar = await load_calendar(scope, venue, wanted, wish)
    facts, both = calendar.facts[RoomId(left.room_id)], [booking.id, left.id]
    busy = [each for each in facts.busy if each.booking_id not in both]
    if other is not None and not set(other.room.spaces).isdisjoint(venue.rooms[facts.id].spaces):
        busy.append(_busy(facts.id, left, other))
    claimed = decide(venue, replace(facts, busy=tuple(busy)), wanted.start, wish)
    by_customer, goal = only_own(scope.actor, P.BOOKINGS_WRITE), goal_of(booking, claimed)
    problems = [
        *move_refusals(scope, booking, goal, claimed.tenant, by_customer),
        *claimed.refusals,
        *await refusals_by_quotas(scope, claimed.tenant, booking.customer_id, wanted, without=both),
    ]
    if by_customer and not problems and await moves.due_first(scope, booking, goal) is not None:
        problems.append(Invalid("The new price has to be paid first: move them one by one."))
    raise_all(problems)
    await expire(scope, calendar.stale)
    return claimed


def _busy(room_id: RoomId, booking: Booking, claimed: Claim) -> Busy:
    occupied = claimed.occupied
    assert occupied.lower is not None and occupied.upper is not None
    return Busy(
        room_id,
        BookingId(booking.id),
        claimed.wanted,
        Interval(occupied.lower, occupied.upper),
        set_of(claimed.seat_numbers or ()),
    )
