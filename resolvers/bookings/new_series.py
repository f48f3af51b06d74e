"""Books series: one decision about all of their occurrences, and one statement to store them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from typing_extensions import Doc

from domain.bookings.availability import RoomCalendar
from domain.bookings.recurrence import MOST_OCCURRENCES, occurrences
from domain.bookings.recurrence_text import parse_rule
from domain.bookings.refusals import OccurrenceConflict, SeriesConflict
from domain.bookings.series import ConflictPolicy, Recurrence
from domain.core.ids import BookingId, BookingSeriesId, CustomerId, RoomId
from domain.core.local_time import Start, resolve_start
from domain.core.log_events import EventType
from domain.core.refusals import Invalid, LimitReached, NotFound, Refusal
from domain.customers.customers import CustomerChoice
from kit.errors import Unavailable
from kit.scope import Scope
from kit.time_slice import TimeSlice
from models.bookings.bookings import Booking
from models.bookings.new_series import STORE_SERIES
from models.bookings.series_bookings import number_of_bookings
from permissions.policy import is_guest
from resolvers.bookings.booking_access import booking_event, text_refusals
from resolvers.bookings.calendars import load_venue, wish_of
from resolvers.bookings.customer_tags import customer_tags
from resolvers.bookings.hooks import BookingChange, Prepayment, subscription_refusals
from resolvers.bookings.new_bookings import BookingWish, insert_booking
from resolvers.bookings.quotas import refusals_by_quotas
from resolvers.bookings.recurrence import decided
from resolvers.bookings.series import locked_series, touch
from resolvers.bookings.series_at_once import book_series_at_once
from resolvers.bookings.series_rows import NewSeries, SeriesTerms, new_series
from resolvers.bookings.slot_claims import (
    Claim,
    WantedTime,
    claim,
    claim_of,
    customer_of,
    expire,
    price_refusals,
)
from resolvers.bookings.space_locks import check_spaces, lock_rooms
from resolvers.bookings.standing import booked_status
from resolvers.bookings.venue_facts import Venue
from resolvers.core.hooks import run_handlers
from resolvers.core.lookups import raise_all
from resolvers.customers.customers import Booker, chosen_booker
from resolvers.tenants.usage import booking_refusals, count_booking

_NOT_PREPAID: Final = "Bookings that you pay in advance can't repeat; book each time by itself."


@dataclass(frozen=True, slots=True)
class _Planned:
    """The times of a series: those that can be booked, in order, and the others.

    ``stale`` are holds past their time that are not yet stored as expired.
    """

    venue: Venue
    claims: Sequence[Claim]
    conflicts: tuple[OccurrenceConflict, ...]
    stale: Sequence[BookingId]

    @property
    def number(self) -> int:
        return len(self.claims) + len(self.conflicts)


async def book_series(
    scope: Scope, wanted: WantedTime, wish: BookingWish, recurrence: Recurrence
) -> Booking:
    """Books a time and its repetitions, and returns the first booking.

    Raises everything that refuses it, and conflicts unless they are skipped.
    """
    if is_guest(scope.actor):
        raise Invalid("Log in to book a series; guests book single times.", path=("recurrence",))
    rule = parse_rule(recurrence.rrule, path=("recurrence", "rrule"))
    booked = await book_series_at_once(scope, wanted, wish, recurrence, rule)
    if booked is not None:
        return booked
    await lock_rooms(scope, wanted.room_id)
    venue = await load_venue(scope, [wanted.room_id])
    if wanted.room_id not in venue.rooms:
        raise NotFound("room", path=("room_id",))
    check_spaces(scope, *venue.rooms.values())
    starts_at = resolve_start(wanted.start, venue.zone)
    found = occurrences(
        rule,
        starts_at,
        venue.zone,
        except_dates=frozenset(recurrence.except_dates),
        path=("recurrence",),
    )
    booker, unknown = await chosen_booker(scope, wish.customer)
    starts = [each.starts_at for each in found]
    planned = await _planned(scope, venue, wanted, starts, customer_id=booker.customer_id)
    await _check(scope, planned, wish, recurrence, unknown)
    await expire(scope, planned.stale)
    terms = SeriesTerms(wanted, wish, recurrence, rule, starts_at, booker)
    return await _store(scope, await new_series(scope, terms, planned.claims, planned.conflicts))


async def add_occurrence(
    scope: Scope,
    *,
    series_id: Annotated[BookingSeriesId, Doc("The id of the series.")],
    version: Annotated[
        int,
        Doc(
            "The version of the series that you read. If it has changed since, the mutation is "
            "refused with STALE_VERSION."
        ),
    ],
    start: Annotated[Start, Doc("When the new booking starts.")],
) -> Booking:
    """Book another time for a series, such as one that was skipped because of a conflict.

    The room, duration, customer, party size and note are those of the series; the price is the
    current one. A series has at most 366 bookings.
    """
    series = await locked_series(scope, series_id, version=version)
    claimed = await claim(
        scope,
        RoomId(series.room_id),
        start,
        duration_minutes=series.duration_minutes,
        party_size=series.party_size,
        customer=customer_of(series),
    )
    tenant, prepayment = claimed.tenant, scope.service(Prepayment)
    problems = list(claimed.refusals)
    problems += await refusals_by_quotas(scope, tenant, series.customer_id, claimed.wanted)
    price = claimed.price.total if claimed.price else None
    if prepayment.due(scope, prepayment.terms(tenant), price) is not None:
        problems.append(Invalid(_NOT_PREPAID, path=("start",)))
    used = await scope.value(number_of_bookings(scope.tenant_id, series.id))
    if used >= MOST_OCCURRENCES:
        problems.append(LimitReached("bookings of this series", MOST_OCCURRENCES, used))
    problems += await subscription_refusals(scope)
    if problems:
        problems += await booking_refusals(scope, tenant)
    raise_all(problems)
    await count_booking(scope, tenant)
    made = await insert_booking(
        scope,
        claimed,
        status=booked_status(tenant),
        booker=Booker(series.customer_id, series.contact_name, series.contact_phone),
        hold_expires_at=None,
        note=series.note,
        series_id=series.id,
        original_starts_at=claimed.wanted.start,
    )
    touch(scope, series)
    scope.emit(booking_event(EventType.BOOKING_CREATED, made, claimed=claimed))
    change = BookingChange(type=EventType.BOOKING_CREATED, booking=made, tenant=tenant)
    await run_handlers(scope, change)
    return made


# ------------------------------------------------------------------------------ steps


async def _planned(
    scope: Scope,
    venue: Venue,
    wanted: WantedTime,
    starts: Sequence[datetime],
    *,
    customer_id: UUID | None,
) -> _Planned:
    """Decides on all times of a series."""
    customer = CustomerChoice(id=CustomerId(customer_id) if customer_id else None)
    request = wish_of(
        scope,
        venue,
        duration_minutes=wanted.duration_minutes,
        party_size=wanted.party_size,
        customer_tags=await customer_tags(scope, venue.prices, customer),
    )
    times = [request.interval(each) for each in starts]
    calendar, against = await decided(
        scope, venue, wanted.room_id, times, request, customer_id=customer_id
    )
    facts = calendar.facts[wanted.room_id]
    room = RoomCalendar.of_times(facts, times, request)
    claims, conflicts = [], []
    for time, reasons in zip(times, against, strict=True):
        if reasons:
            conflicts.append(OccurrenceConflict(time.start, reasons))
            continue
        seat_numbers = room.seat_numbers(time, request.party_size)
        claims.append(claim_of(venue, facts, time, request, seat_numbers=seat_numbers))
    return _Planned(venue, claims, tuple(conflicts), calendar.stale)


async def _check(
    scope: Scope,
    planned: _Planned,
    wish: BookingWish,
    recurrence: Recurrence,
    unknown: Sequence[Refusal],
) -> None:
    """Raises everything that refuses a series; ``unknown`` is what is wrong with its customer."""
    tenant, prepayment = planned.venue.tenant, scope.service(Prepayment)
    problems: list[Refusal] = [*text_refusals(note=wish.note), *unknown]
    fails = recurrence.conflict_policy is ConflictPolicy.FAIL_ALL or not planned.claims
    if planned.conflicts and fails:
        zone = planned.venue.zone
        conflicts, path = planned.conflicts, ("recurrence",)
        problems.append(SeriesConflict(conflicts, planned.number, zone, path=path))
    prices = {each.price.total if each.price else None for each in planned.claims}
    terms = prepayment.terms(tenant)
    if any(prepayment.due(scope, terms, price) is not None for price in prices):
        problems.append(Invalid(_NOT_PREPAID, path=("recurrence",)))
    for price in prices:
        problems += price_refusals(wish.expected_total, price)
    problems += await subscription_refusals(scope)
    if problems:
        # Storing would refuse it too; checked here so that all refusals are listed at once.
        problems += await booking_refusals(scope, tenant, len(planned.claims))
    raise_all(problems)


async def _store(scope: Scope, series: NewSeries) -> Booking:
    """Stores a series with its bookings, and logs each of these. Raises PlanLimitReached."""
    if not await scope.fetch_prepared(STORE_SERIES, **series.values):
        raise_all(await booking_refusals(scope, series.tenant, len(series.bookings)))
        # Bookings that counted a moment ago were cancelled since.
        raise Unavailable("Too many changes at once; try again.")
    turn = TimeSlice()
    for event, change in zip(series.events, series.changes, strict=True):
        scope.emit(event)
        await run_handlers(scope, change)
        if turn.is_over:
            await turn.give_way()
    return series.bookings[0]
