"""Recurring bookings before they are made: their dates, and what speaks against each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from typing_extensions import Doc

from domain.bookings.availability import RoomCalendar
from domain.bookings.recurrence import Occurrence, occurrences, require_gaps
from domain.bookings.recurrence_text import parse_rule
from domain.bookings.refusals import Reason
from domain.bookings.slot_facts import SlotRequest
from domain.bookings.slots import SlotState, slot_state
from domain.core.ids import RoomId
from domain.core.intervals import Interval
from domain.core.local_time import (
    LocalPeriod,
    LocalStart,
    RRule,
    Start,
    local_period,
    resolve_start,
)
from kit.scope import Scope
from kit.time_slice import TimeSlice
from resolvers.bookings.calendars import Calendar, load_calendar, load_venue, wish_of
from resolvers.bookings.quotas import exceeded_quotas, is_unlimited
from resolvers.bookings.venue_facts import Venue


@dataclass(frozen=True, slots=True)
class OccurrencePreview:
    """An occurrence of a series that isn't booked yet; its state is None without a room."""

    occurrence: Occurrence
    interval: Interval
    local: LocalPeriod
    state: SlotState | None = None
    reasons: tuple[Reason, ...] = ()

    @property
    def starts_at(self) -> datetime:
        return self.interval.start

    @property
    def ends_at(self) -> datetime:
        return self.interval.end

    @property
    def moved(self) -> bool:
        return self.occurrence.moved


@dataclass(frozen=True, slots=True)
class RecurrencePreview:
    """The occurrences of a rule, in order; ``conflict_count`` is None without a room."""

    rrule: RRule
    occurrences: tuple[OccurrencePreview, ...]
    conflict_count: int | None


async def preview_recurrence(
    scope: Scope,
    *,
    rrule: Annotated[RRule, Doc("The rule by which the booking would repeat.")],
    start: Annotated[
        LocalStart, Doc("When the first occurrence starts; the rule must include its date.")
    ],
    duration_minutes: Annotated[
        int, Doc("The duration of each occurrence in minutes: 1 to 44,700.")
    ],
    room_id: Annotated[
        RoomId | None, Doc("The room to check for conflicts. Without it, none are checked.")
    ] = None,
    party_size: Annotated[int, Doc("The number of people.")] = 1,
    except_dates: Annotated[
        tuple[date, ...], Doc("Local dates of the rule to leave out: at most 100.")
    ] = (),
) -> RecurrencePreview | None:
    """List the dates of a recurring booking, and every reason against each, without booking.

    The local time is kept when the clock changes. A time that the clock skips moves forward by the
    gap; of a repeated one, it is the first. Null if there is no such room.
    """
    venue = await load_venue(scope, [] if room_id is None else [room_id])
    if room_id is not None and room_id not in venue.rooms:
        return None
    starts_at = resolve_start(Start(local=start), venue.zone)
    wish = wish_of(scope, venue, duration_minutes=duration_minutes, party_size=party_size)
    rule = parse_rule(rrule)
    found = occurrences(rule, starts_at, venue.zone, except_dates=frozenset(except_dates))
    times = [wish.interval(each.starts_at) for each in found]
    against: Sequence[tuple[Reason, ...]] = [()] * len(times)
    if room_id is None:
        require_gaps(times, minutes=0)
    else:
        own_id = scope.actor.own_id
        _, against = await decided(scope, venue, room_id, times, wish, customer_id=own_id)
    return RecurrencePreview(
        RRule(str(rule)),
        tuple(
            OccurrencePreview(
                each,
                time,
                local_period(time, venue.zone),
                state=None if room_id is None else slot_state(reasons),
                reasons=reasons,
            )
            for each, time, reasons in zip(found, times, against, strict=True)
        ),
        conflict_count=None if room_id is None else sum(map(bool, against)),
    )


async def decided(
    scope: Scope,
    venue: Venue,
    room_id: RoomId,
    times: Sequence[Interval],
    wish: SlotRequest,
    *,
    customer_id: UUID | None,
) -> tuple[Calendar, list[tuple[Reason, ...]]]:
    """Returns what is booked around the times of a series, and what refuses each of them.

    The times are in order. Those that would exceed a quota of the customer are refused by it.
    Raises Invalid if they are too close to each other.
    """
    starts = Interval(times[0].start, times[-1].end)
    calendar = await load_calendar(scope, venue, starts, wish)
    facts = calendar.facts[room_id]
    require_gaps(times, minutes=facts.buffer_before_minutes + facts.buffer_after_minutes)
    room = RoomCalendar.of_times(facts, times, wish)
    against = []
    turn = TimeSlice()
    for time in times:
        against.append(room.reasons_against(time))
        if turn.is_over:
            await turn.give_way()
    if is_unlimited(scope):
        return calendar, against
    free = [time for time, reasons in zip(times, against, strict=True) if not reasons]
    over = await exceeded_quotas(scope, venue.tenant, customer_id, free)
    return calendar, [
        reasons or tuple(each.as_reason() for each in over.get(time, ()))
        for time, reasons in zip(times, against, strict=True)
    ]
