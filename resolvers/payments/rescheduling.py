"""Moves bookings on request: one by itself, or a part of a series together with its rule."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from typing_extensions import Doc

from domain.bookings.availability import RoomCalendar
from domain.bookings.lifecycle import MOVABLE, check_status_in
from domain.bookings.quotas import Exceeded
from domain.bookings.recurrence import require_gaps
from domain.bookings.refusals import OccurrenceConflict, SeriesConflict
from domain.bookings.series import SeriesScope, continued_from, shifted, shifted_start
from domain.bookings.slot_facts import RoomFacts, SlotRequest
from domain.core.ids import BookingId, RoomId
from domain.core.intervals import Interval
from domain.core.local_time import Start, resolve_start
from domain.core.refusals import Invalid, NotFound, Refusal
from domain.payments.moves import Place
from kit.scope import Scope
from kit.time_slice import TimeSlice
from models.bookings.bookings import Booking
from models.bookings.series import BookingSeries
from permissions.policy import only_own
from permissions.roles import P
from resolvers.bookings.booking_access import (
    Reason,
    Version,
    load_visible_booking,
    state_of,
    text_refusals,
)
from resolvers.bookings.calendars import load_calendar, load_venue, wish_of
from resolvers.bookings.customer_tags import customer_tags
from resolvers.bookings.quotas import exceeded_quotas, is_unlimited
from resolvers.bookings.series import SeriesPart, end_series, locked_part, rule_of, touch
from resolvers.bookings.slot_claims import Claim, claim_of, customer_of, expire
from resolvers.bookings.space_locks import check_spaces
from resolvers.bookings.venue_facts import Venue
from resolvers.core.lookups import raise_all
from resolvers.payments import moves
from resolvers.payments.moves_together import move_together
from resolvers.payments.places import goal_of, move_refusals, place_of


async def reschedule_booking(
    scope: Scope,
    id: Annotated[BookingId, Doc("The id of the booking.")],
    *,
    version: Version,
    room_id: Annotated[
        RoomId | None,
        Doc(
            "The new room; the current one by default. Of several rooms, it replaces the first; "
            "the others stay."
        ),
    ] = None,
    start: Annotated[Start, Doc("The new start.")],
    duration_minutes: Annotated[
        int | None, Doc("The new duration in minutes; the current one by default.")
    ] = None,
    reason: Reason = None,
    scope_: Annotated[
        SeriesScope, Doc("Which bookings of its series to move; only this one by default.")
    ] = SeriesScope.THIS,
) -> list[Booking]:
    """Move a pending or confirmed booking to another time or room. Its id and reference stay the
    same.

    The price stays the same unless the room or the duration changes. Customers can move a booking
    until the time that the venue's settings allow. If a customer has to pay more for the new price,
    the booking stays where it is, with a `pendingMove`, and moves when its `payment` is made.

    With a `scope` other than THIS, the bookings of that part of the series that haven't begun get
    the new local time, room and duration, as many days later or earlier as this one, and the rule
    follows; earlier ones stay in a series of their own. A booking that was moved by itself stays
    where it is, unless it is in the way. All are moved, or none.
    """
    if scope_ is SeriesScope.THIS:
        return await moves.move_booking(
            scope,
            id,
            version=version,
            room_id=room_id,
            start=start,
            duration_minutes=duration_minutes,
            reason=reason,
        )
    raise_all(text_refusals(reason=reason))
    seen = await load_visible_booking(scope, id)
    target = room_id or RoomId(seen.room_id)
    part = await locked_part(scope, seen, scope_, version=version, also_rooms=[target])
    minutes = _minutes(part.booking) if duration_minutes is None else duration_minutes
    plan = await _planned(scope, part, target, start, minutes)
    if all(place_of(each) == Place(target, time) for each, time in plan.moved):
        return [part.booking, *(each for each, _ in plan.moved if each is not part.booking)]
    claims = await _checked(scope, plan)
    await _move_rule(scope, plan)
    await move_together(scope, claims, plan.venue.tenant, reason=reason)
    moved = [booking for booking, _ in claims]
    return sorted(moved, key=lambda each: each is not part.booking)


@dataclass(frozen=True, slots=True)
class _Shift:
    """How a series changes: what was to start at ``original`` starts at ``starts_at`` instead."""

    zone: ZoneInfo
    original: datetime
    starts_at: datetime

    @property
    def days(self) -> int:
        before, after = (each.astimezone(self.zone) for each in (self.original, self.starts_at))
        return (after.date() - before.date()).days

    def start_of(self, original: datetime) -> datetime:
        """Returns the new start of what was to start at an instant by the rule."""
        if original == self.original:
            return self.starts_at
        to = self.starts_at.astimezone(self.zone).time()
        return shifted_start(original, self.zone, days=self.days, to=to)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A part of a series with its new times.

    ``cut`` is the original start from which on the series changes. ``moved`` are the bookings to
    move with their new times, in order of these, and ``room`` doesn't have them.
    """

    part: SeriesPart
    shift: _Shift
    cut: datetime
    venue: Venue
    room: RoomFacts
    wish: SlotRequest
    stale: Sequence[BookingId]
    moved: Sequence[tuple[Booking, Interval]]


async def _planned(
    scope: Scope, part: SeriesPart, target: RoomId, start: Start, minutes: int
) -> _Plan:
    """Returns where the bookings of a part go. Raises what makes that impossible to say."""
    chosen, now = part.booking, scope.now()
    check_status_in(state_of(chosen, part.tenant), MOVABLE, now=now)
    if chosen.starts_at <= now:
        raise Invalid("This booking has begun; choose one that hasn't.", path=("id",))
    venue = await load_venue(scope, [target])
    if target not in venue.rooms:
        raise NotFound("room", path=("room_id",))
    check_spaces(scope, *venue.rooms.values())
    shift = _Shift(part.zone, _original(chosen), resolve_start(start, venue.zone))
    ahead = [each for each in part.bookings if each.starts_at > now]
    movable = [each for each in ahead if each.status in MOVABLE]
    largest = max(each.party_size for each in movable)
    wish = wish_of(
        scope,
        venue,
        duration_minutes=minutes,
        party_size=largest,
        customer_tags=await customer_tags(scope, venue.prices, customer_of(part.series)),
    )
    times = {each.id: wish.interval(shift.start_of(_original(each))) for each in movable}
    first, last = min(times.values()), max(times.values())
    calendar = await load_calendar(scope, venue, Interval(first.start, last.end), wish)
    room = calendar.facts[target]
    kept = [each for each in movable if each is not chosen and _is_exception(each, part.series)]
    moved = times.keys() - {each.id for each in kept}
    while in_the_way := [
        each
        for each in kept
        if not set(each.spaces).isdisjoint(venue.rooms[target].spaces)
        and _is_in_the_way(each, room, [times[id] for id in moved])
    ]:
        kept = [each for each in kept if each not in in_the_way]
        moved |= {each.id for each in in_the_way}
    return _Plan(
        part,
        shift,
        cut=min(map(_original, ahead)),
        venue=venue,
        room=replace(room, busy=tuple(each for each in room.busy if each.booking_id not in moved)),
        wish=wish,
        stale=calendar.stale,
        moved=sorted(
            ((each, times[each.id]) for each in movable if each.id in moved),
            key=lambda move: move[1],
        ),
    )


async def _checked(scope: Scope, plan: _Plan) -> list[tuple[Booking, Claim]]:
    """Returns the claims of all new times, once nothing refuses any; raises all that does."""
    times, tenant = [time for _, time in plan.moved], plan.venue.tenant
    require_gaps(times, minutes=plan.room.buffer_before_minutes + plan.room.buffer_after_minutes)
    calendar = RoomCalendar.of_times(plan.room, times, plan.wish)
    by_customer = only_own(scope.actor, P.BOOKINGS_WRITE)
    over: Mapping[Interval, Sequence[Exceeded]] = {}
    if not is_unlimited(scope):
        chosen, moved = plan.part.booking, [booking.id for booking, _ in plan.moved]
        over = await exceeded_quotas(scope, tenant, chosen.customer_id, times, without=moved)
    claims: list[tuple[Booking, Claim]] = []
    conflicts: list[OccurrenceConflict] = []
    too_late: list[Refusal] = []
    needs_payment = False
    turn = TimeSlice()
    for booking, time in plan.moved:
        reasons = calendar.reasons_against(time)
        reasons += tuple(each.as_reason() for each in over.get(time, ()))
        if reasons:
            conflicts.append(OccurrenceConflict(time.start, reasons))
        wish = replace(plan.wish, party_size=booking.party_size)
        seat_numbers = calendar.seat_numbers(time, booking.party_size)
        claimed = claim_of(plan.venue, plan.room, time, wish, seat_numbers=seat_numbers)
        claims.append((booking, claimed))
        goal = goal_of(booking, claimed)
        too_late += move_refusals(scope, booking, goal, tenant, by_customer)
        if by_customer and await moves.due_first(scope, booking, goal) is not None:
            needs_payment = True
        if turn.is_over:
            await turn.give_way()
    problems = too_late[:1]
    if needs_payment:
        problem = "The new price has to be paid first; move the bookings one by one."
        problems.append(Invalid(problem, path=("start",)))
    if conflicts:
        zone = plan.venue.zone
        problems.append(SeriesConflict(tuple(conflicts), len(times), zone, path=("start",)))
    raise_all(problems)
    await expire(scope, plan.stale)
    return claims


async def _move_rule(scope: Scope, plan: _Plan) -> None:
    """Changes the rule from the cut on: that of the series, or else of a new one for the rest."""
    series, shift = plan.part.series, plan.shift
    rule, found = rule_of(series)
    following = [each for each in found if each.starts_at >= plan.cut]
    if not following:
        problem = "This booking was added to its series; move it by itself, or an earlier one."
        raise Invalid(problem, path=("id",))
    changed = shifted(continued_from(rule, found, plan.cut), found, shift.days)
    first_day = plan.cut.astimezone(shift.zone).date()
    excluded = [each for each in series.except_dates if each >= first_day]
    values = {
        "rrule": str(changed),
        "starts_at": shift.start_of(following[0].starts_at),
        "except_dates": [each + timedelta(days=shift.days) for each in excluded],
        "room_id": plan.room.id,
        "duration_minutes": plan.wish.duration_minutes,
    }
    if len(following) == len(found):
        for name, value in values.items():
            setattr(series, name, value)
        touch(scope, series)
        rest = series
    else:
        kept = series.model_dump(exclude={"id", "version", "created_at", "updated_at", "skipped"})
        times = {"created_at": scope.now(), "updated_at": scope.now()}
        rest = scope.add(BookingSeries(**{**kept, **values, **times, "skipped": []}))
        series.except_dates = [each for each in series.except_dates if each < first_day]
        end_series(scope, series, plan.cut)
    await scope.flush()
    for each in plan.part.bookings:
        if _original(each) >= plan.cut:
            each.series_id = rest.id
            each.original_starts_at = shift.start_of(_original(each))


def _original(booking: Booking) -> datetime:
    assert booking.original_starts_at is not None, "it belongs to a series"
    return booking.original_starts_at


def _minutes(booking: Booking) -> int:
    return Interval(booking.starts_at, booking.ends_at).minutes


def _is_exception(booking: Booking, series: BookingSeries) -> bool:
    """Returns whether a booking has been moved by itself."""
    now = booking.starts_at, booking.room_id, _minutes(booking)
    return now != (_original(booking), series.room_id, series.duration_minutes)


def _is_in_the_way(booking: Booking, room: RoomFacts, times: Iterable[Interval]) -> bool:
    """Returns whether a booking and one of the room at any of the times would be too close.

    Never of a room with seats, where there may be some for both.
    """
    if room.seats is not None:
        return False
    lower, upper = booking.occupied.lower, booking.occupied.upper
    assert lower is not None and upper is not None
    padded = map(room.padded, times)
    return any(lower < each.end and each.start < upper for each in padded)
