"""Stores a new series in one statement, where kept facts and other bookings refuse none of it.

As ``new_bookings`` does for single bookings: if anything else refuses, or is to be skipped, nothing
is stored, and the series is decided step by step, by what is stored.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from domain.bookings.availability import RoomCalendar
from domain.bookings.recurrence import RecurrenceRule, occurrences, require_gaps
from domain.bookings.series import Recurrence
from domain.core.intervals import Interval
from domain.core.local_time import resolve_start
from domain.core.refusals import Refusal
from kit.scope import Scope
from kit.time_slice import TimeSlice
from models.bookings.bookings import Booking
from models.bookings.new_series import STORE_SERIES_AT_ONCE
from resolvers.bookings.at_once import DecidedChange, store_by_facts
from resolvers.bookings.booking_access import text_refusals
from resolvers.bookings.calendars import wish_of
from resolvers.bookings.hooks import BookingPermit, Prepayment
from resolvers.bookings.new_bookings import BookingWish, booker_at_once
from resolvers.bookings.series_rows import SeriesTerms, new_series
from resolvers.bookings.slot_claims import Claim, WantedTime, claim_of, price_refusals
from resolvers.bookings.venue_facts import VenueFacts, venue_facts
from resolvers.core.hooks import Hooks


async def book_series_at_once(
    scope: Scope,
    wanted: WantedTime,
    wish: BookingWish,
    recurrence: Recurrence,
    rule: RecurrenceRule,
) -> Booking | None:
    """Returns the first booking; None if the series has to be decided step by step."""
    if not scope.may_write_at_once or text_refusals(note=wish.note):
        return None

    async def decide(facts: VenueFacts) -> DecidedChange | None:
        if not scope.service(BookingPermit).is_given(scope, facts.permit):
            return None
        has_customer = wish.customer is not None or scope.actor.own_id is not None
        if has_customer and facts.quotas:
            return None
        try:
            starts_at, claims = await _claims(scope, facts, wanted, recurrence, rule)
        except Refusal:
            return None
        if not claims or _are_refused(scope, claims, wish):
            return None
        found = await booker_at_once(scope, wish.customer)
        if found is None or found[1] is not None:
            return None
        terms = SeriesTerms(wanted, wish, recurrence, rule, starts_at, booker=found[0])
        series = await new_series(scope, terms, claims)
        if any(map(scope.service(Hooks).concern, series.changes)):
            return None
        first = series.bookings[0]
        return DecidedChange(STORE_SERIES_AT_ONCE, first, series.values, series.events, {})

    facts = await venue_facts(scope)
    if facts is None:
        return None

    def spaces(facts: VenueFacts) -> Sequence[UUID]:
        return facts.spaces_of(wanted.room_id)

    booked: Booking | None = await store_by_facts(scope, facts, spaces, decide)
    return booked


async def _claims(
    scope: Scope,
    facts: VenueFacts,
    wanted: WantedTime,
    recurrence: Recurrence,
    rule: RecurrenceRule,
) -> tuple[datetime, Sequence[Claim]]:
    """Returns the first start by the rule, and the claims of all times; none if one is refused."""
    venue, room = facts.venue, facts.rooms.get(wanted.room_id)
    starts_at = resolve_start(wanted.start, venue.zone)
    # Only statements of single bookings pick seats; the tags of a customer are read.
    if room is None or room.seats is not None or venue.prices.uses_tags:
        return starts_at, []
    excepted = frozenset(recurrence.except_dates)
    found = occurrences(rule, starts_at, venue.zone, except_dates=excepted)
    request = wish_of(
        scope,
        venue,
        duration_minutes=wanted.duration_minutes,
        party_size=wanted.party_size,
    )
    times = [request.interval(each.starts_at) for each in found]
    require_gaps(times, minutes=room.buffer_before_minutes + room.buffer_after_minutes)
    window = Interval(times[0].start, times[-1].end)
    if not facts.covers(window):
        return starts_at, []
    calendar = RoomCalendar.of_times(room.within(window), times, request)
    claims, turn = list[Claim](), TimeSlice()
    for time in times:
        if turn.is_over:
            await turn.give_way()
        if calendar.reasons_against(time):
            return starts_at, []
        claims.append(claim_of(venue, room, time, request, seat_numbers=None))
    return starts_at, claims


def _are_refused(scope: Scope, claims: Sequence[Claim], wish: BookingWish) -> bool:
    """Returns whether the price of any booking is due now, or isn't the expected one."""
    prepayment = scope.service(Prepayment)
    terms = prepayment.terms(claims[0].tenant)
    totals = {each.price.total if each.price else None for each in claims}
    return any(
        prepayment.due(scope, terms, total) is not None
        or price_refusals(wish.expected_total, total)
        for total in totals
    )
