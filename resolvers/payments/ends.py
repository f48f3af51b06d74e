"""Changes when bookings end: later, or at once, with what that changes of their price."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from sqlalchemy.dialects.postgresql import Range
from typing_extensions import Doc

from domain.bookings.ends import check_early_end, check_extendable, early_end, minutes_more
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval
from domain.core.local_time import Start
from domain.core.log_events import EventType, Snapshot
from domain.core.refusals import Refusal, StaleVersion, refusals_in
from domain.payments.moves import Place
from domain.tenants.settings import EarlyEndPrice
from kit.scope import Scope
from models.bookings.bookings import Booking, price_columns_of
from models.core.base import snapshot
from models.tenants import Tenant
from permissions.policy import may
from permissions.policy import refusal as forbidden
from permissions.roles import P
from resolvers.bookings.at_once import Changed, change_at_once
from resolvers.bookings.booking_access import (
    Reason,
    Version,
    load_visible_booking,
    lock_seen_booking,
    state_of,
    text_refusals,
)
from resolvers.bookings.hooks import BookingChange
from resolvers.bookings.slot_claims import Claim, WantedTime, claim, claim_by_facts
from resolvers.bookings.venue_facts import VenueFacts
from resolvers.core.hooks import Hooks, run_handlers
from resolvers.core.lookups import raise_all
from resolvers.payments import moves
from resolvers.payments.moves import carry_out
from resolvers.payments.places import Goal, Kind, changed_place, goal_of

_EXTENSION: Final = Kind(EventType.BOOKING_EXTENDED, check_extendable, keeps_start=True)
_EARLY_END: Final = Kind(EventType.BOOKING_COMPLETED, check_early_end, keeps_start=True, ends=True)


async def extend_booking(
    scope: Scope,
    id: Annotated[BookingId, Doc("The id of the booking.")],
    *,
    version: Version,
    until: Annotated[
        datetime | None, Doc("The new end, later than the current one: a whole minute.")
    ] = None,
    minutes: Annotated[
        int | None, Doc("By how many minutes to put off the end: 1 to 44,640.")
    ] = None,
    reason: Reason = None,
) -> Booking:
    """Put off the end of a booking that hasn't ended, also while it takes place.

    Give either `until` or `minutes`. The additional time has to be free, and the venue's rules
    apply to the whole booking, except that its start is fine as it is. The price is that of the new
    duration, as when a booking is moved; what it costs more is due.
    """
    if not may(scope.actor, P.BOOKINGS_WRITE):
        raise forbidden(scope.actor, P.BOOKINGS_WRITE)
    raise_all(text_refusals(reason=reason))
    seen = await load_visible_booking(scope, id)
    time = Interval(seen.starts_at, seen.ends_at)
    if seen.version != version:
        # Otherwise somebody who extends twice is told that the new end must be later.
        raise StaleVersion(seen, path=("version",))
    path = "minutes" if until is None else "until"
    more = minutes_more(time, until=until, minutes=minutes)
    times = _times(seen, time.minutes + more)
    try:
        return await moves.move_seen(
            scope, seen, times, version=version, reason=reason, kind=_EXTENSION
        )
    except* Refusal as group:
        for refusal in refusals_in(group):
            if refusal.path in (("start",), ("duration_minutes",)):
                refusal.path = (path,)
        raise


async def end_booking_early(
    scope: Scope, id: Annotated[BookingId, Doc("The id of the booking.")], *, version: Version
) -> Booking:
    """End a booking that takes place, and free the rest of its time at once.

    It ends at the next whole minute, and is COMPLETED. Whether the price stays as it is or follows
    the time that was used is a setting of the venue, `earlyEndPrice`.
    """
    seen = await load_visible_booking(scope, id)
    time = _time_used(seen, scope.now())
    at_once = await _end_at_once(scope, seen, time, version=version)
    if at_once is not None:
        return at_once
    booking = await lock_seen_booking(scope, seen, version=version, with_tenant=True)
    tenant, before = booking.tenant, snapshot(booking)
    check_early_end(state_of(booking, tenant), now=scope.now())
    claimed = await _claimed(scope, booking, time) if _follows_use(booking, tenant) else None
    goal = _goal(booking, time, claimed)
    await carry_out(scope, booking, goal, tenant, by_customer=False, kind=_EARLY_END)
    await run_handlers(scope, _change(booking, tenant, before))
    return booking


async def _end_at_once(
    scope: Scope, seen: Booking, time: Interval, *, version: int
) -> Booking | None:
    """Ends a booking in one statement. None if it has to be decided step by step."""

    def end(booking: Booking, facts: VenueFacts) -> Changed | None:
        tenant, before = facts.venue.tenant, snapshot(booking)
        check_early_end(state_of(booking, tenant), now=scope.now())
        claimed = None
        if _follows_use(booking, tenant):
            times = _times(booking, time.minutes)
            claimed = claim_by_facts(scope, facts, times, moving=booking)
            if claimed is None:
                return None
        event = changed_place(
            scope,
            booking,
            _goal(booking, time, claimed),
            tenant,
            by_customer=False,
            reason=None,
            claimed=None,
            kind=_EARLY_END,
        )
        if scope.service(Hooks).concern(_change(booking, tenant, before)):
            return None
        return Changed([event])

    return await change_at_once(scope, seen, end, version=version)


async def _claimed(scope: Scope, booking: Booking, used: Interval) -> Claim | None:
    """Claims the time that a booking has used, only to know its price.

    None if its rooms can't be booked together any more: then the agreed price stays.
    """
    claimed = None
    try:
        claimed = await claim(
            scope,
            RoomId(booking.room_id),
            Start(at=used.start),
            duration_minutes=used.minutes,
            party_size=booking.party_size,
            moving=booking,
            keeps_start=True,
        )
    except* Refusal:
        pass
    return claimed


def _time_used(booking: Booking, now: datetime) -> Interval:
    time = Interval(booking.starts_at, booking.ends_at)
    return Interval(time.start, early_end(time, now=now))


def _follows_use(booking: Booking, tenant: Tenant) -> bool:
    """Returns whether the price of a booking that is ended early depends on the time used."""
    return tenant.early_end_price == EarlyEndPrice.USED and bool(booking.price_minor)


def _goal(booking: Booking, used: Interval, claimed: Claim | None) -> Goal:
    """Returns the time that a booking has used, at its price: by the claim, if that is lower."""
    occupied = booking.occupied
    assert occupied.lower is not None and occupied.upper is not None
    price: Mapping[str, Any] = price_columns_of(booking)
    if claimed is not None and claimed.price is not None:
        current = goal_of(booking, claimed)
        if (current.price_minor or 0) < (booking.price_minor or 0):
            price = current.price
    return Goal(
        Place(RoomId(booking.room_id), used),
        booking.space_ids,
        booking.seat_numbers,
        Range(occupied.lower, occupied.upper - (booking.ends_at - used.end)),
        price,
    )


def _change(booking: Booking, tenant: Tenant, before: Snapshot) -> BookingChange:
    return BookingChange(
        type=EventType.BOOKING_COMPLETED, booking=booking, tenant=tenant, before=before
    )


def _times(booking: Booking, minutes: int) -> WantedTime:
    start = Start(at=booking.starts_at)
    return WantedTime(RoomId(booking.room_id), start, minutes, booking.party_size, keeps_start=True)
