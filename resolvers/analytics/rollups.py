"""Keeps rollups up to date from the log, and makes them anew.

An entry of the log only says which dates it may have changed. Their figures are made from the rows
of bookings and payments, and stored with the position in the log in one transaction, under a lock
of the tenant. So each entry is counted once, and what was counted can't differ from the rows.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import Enum, auto
from itertools import groupby, zip_longest
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, select

from domain.analytics.cells import dates_of, local_date, span_interval
from domain.analytics.day_figures import (
    CountedBooking,
    CountedPayment,
    DayFigures,
    figures_by_date,
    median,
    packed,
    packed_hours,
    returning_customers,
)
from domain.analytics.metrics import Sums
from domain.analytics.spans import DateSpan
from domain.core.intervals import Interval
from domain.core.local_time import zone
from domain.core.log_events import EventType
from kit.events.event_cursors import LogOffset
from kit.events.log_relay import BATCH, Entry, entries_of, read_after
from kit.postgres.advisory_locks import advisory_key
from kit.scope import Scope
from models.analytics.rollups import (
    COUNTED_BOOKINGS,
    COUNTED_PAYMENTS,
    TOUCHED,
    AnalyticsDay,
    AnalyticsRoomDay,
    AnalyticsState,
    dates_made,
    dates_marked,
    dates_to_make,
    figures_removed,
    marks_removed,
    state_of,
    state_stored,
    times_of_all,
)
from models.audit.log import READ_AFTER
from models.tenants import Tenant
from resolvers.audit.log_position import end_of_log
from resolvers.tenants.tenants import own_tenant

DATES_AT_ONCE: Final = 31
"""So many dates are made in one transaction; the rest is marked."""
COUNTED_TYPES: Final = frozenset(
    {
        EventType.BOOKING_CREATED,
        EventType.BOOKING_CONFIRMED,
        EventType.BOOKING_REJECTED,
        EventType.BOOKING_RESCHEDULED,
        EventType.BOOKING_CANCELLED,
        EventType.BOOKING_CHECKED_IN,
        EventType.BOOKING_COMPLETED,
        EventType.BOOKING_NO_SHOW,
        EventType.BOOKING_EXPIRED,
        EventType.BOOKING_UPDATED,
        EventType.PAYMENT_RECEIVED,
        EventType.REFUND_SENT,
        EventType.REFUND_FAILED,
    }
)
"""The types of events after which figures may be other ones; their subject is a booking."""
_MARKS_AT_ONCE: Final = 5_000
_DAY: Final = timedelta(days=1)
_NO_SUMS: Final = Sums()


class Progress(Enum):
    """How far a call of ``count_entries`` came."""

    DONE = auto()
    MORE = auto()
    BUSY = auto()
    """Another process is at it."""


async def count_entries(scope: Scope) -> Progress:
    """Counts a batch of new entries of the tenant's log, or makes a batch of marked dates.

    A tenant without figures, or with those of another time zone, gets all of them.
    """
    lock = advisory_key("analytics", scope.tenant_id)
    # The holder may have read the log already: whoever comes meanwhile has to come again.
    if not await scope.value(select(func.pg_try_advisory_xact_lock(lock))):
        return Progress.BUSY
    tenant = await own_tenant(scope)
    end = await end_of_log(scope)
    state = await scope.one(state_of(scope.tenant_id))
    if state is None or state.generation != end.generation or state.time_zone != tenant.time_zone:
        await _mark_all(scope, tenant, state, read=end.place, generation=end.generation)
        return Progress.MORE
    place = LogOffset(state.read_xid, state.read_position)
    rows = await scope.fetch_prepared(READ_AFTER, **read_after({scope.tenant_id: place}))
    entries = list(entries_of(rows))
    touched = await _dates_touched(scope, entries, tenant)
    marked = await scope.all(dates_to_make(scope.tenant_id, DATES_AT_ONCE + 1))
    if not entries and not marked:
        return Progress.DONE
    dates = sorted({*touched, *marked})
    await _make(scope, tenant, dates[:DATES_AT_ONCE])
    left = dates[DATES_AT_ONCE:]
    await _mark(scope, left)
    if entries:
        place = entries[-1].place
    counted = LogOffset(state.xid, state.position) if left else place
    await scope.run(state_stored(_state(tenant, end.generation, counted=counted, read=place)))
    return Progress.MORE if left or len(entries) == BATCH else Progress.DONE


async def mark_all(scope: Scope) -> int:
    """Marks all dates of the tenant to be made anew, and returns how many there are."""
    await scope.advisory_lock(advisory_key("analytics", scope.tenant_id))
    tenant = await own_tenant(scope)
    end = await end_of_log(scope)
    state = await scope.one(state_of(scope.tenant_id))
    return await _mark_all(scope, tenant, state, read=end.place, generation=end.generation)


async def _mark_all(
    scope: Scope, tenant: Tenant, state: AnalyticsState | None, *, read: LogOffset, generation: int
) -> int:
    venue_zone = zone(tenant.time_zone)
    dates = set(await scope.all(dates_made(scope.tenant_id)))
    for statement in times_of_all(scope.tenant_id):
        for start, until in await scope.rows(statement):
            dates |= _dates(start, until, venue_zone)
    await _mark(scope, sorted(dates))
    counted = LogOffset(0, 0)
    if state is not None and state.generation == generation:
        counted = LogOffset(state.xid, state.position)
    if not dates:
        counted = read
    await scope.run(state_stored(_state(tenant, generation, counted=counted, read=read)))
    return len(dates)


async def _mark(scope: Scope, dates: Sequence[date]) -> None:
    for start in range(0, len(dates), _MARKS_AT_ONCE):
        await scope.run(dates_marked(scope.tenant_id, dates[start : start + _MARKS_AT_ONCE]))


def _state(
    tenant: Tenant, generation: int, *, counted: LogOffset, read: LogOffset
) -> dict[str, object]:
    return {
        "tenant_id": tenant.id,
        "time_zone": tenant.time_zone,
        "generation": generation,
        "xid": counted.xid,
        "position": counted.position,
        "read_xid": read.xid,
        "read_position": read.position,
    }


# ------------------------------------------------------------------------------ what has changed


@dataclass(slots=True)
class _Former:
    """What a booking was before some entries: nothing where that didn't change."""

    customers: set[UUID] = field(default_factory=set)
    starts: set[datetime] = field(default_factory=set)
    ends: set[datetime] = field(default_factory=set)


async def _dates_touched(scope: Scope, entries: Iterable[Entry], tenant: Tenant) -> set[date]:
    """Returns the dates whose figures may be other ones after these entries."""
    former: defaultdict[UUID, _Former] = defaultdict(_Former)
    for entry in entries:
        if entry.type not in COUNTED_TYPES:
            continue
        known, before = former[entry.subject_id], entry.before or {}
        if (customer := before.get("customer_id")) is not None:
            known.customers.add(UUID(customer))
        for name, times in (("starts_at", known.starts), ("ends_at", known.ends)):
            if (time := before.get(name)) is not None:
                times.add(datetime.fromisoformat(time).astimezone(UTC))
    if not former:
        return set()
    pairs = [
        (id, customer, start)
        for id, known in former.items()
        for customer, start in zip_longest(known.customers, known.starts)
    ]
    rows = await scope.fetch_prepared(
        TOUCHED,
        tenant_id=scope.tenant_id,
        booking_ids=list(former),
        former_ids=[id for id, _, _ in pairs],
        former_customers=[customer for _, customer, _ in pairs],
        former_starts=[start for _, _, start in pairs],
    )
    longest, venue_zone = timedelta(minutes=tenant.longest_minutes), zone(tenant.time_zone)
    dates: set[date] = set()
    for row in rows:
        known = former[row["id"]] if row["id"] is not None else _Former()
        # Which of its ends a former start had is in another entry, if it isn't the present one.
        for start in (row["start"], *known.starts):
            for end in (row["end"], *known.ends):
                if timedelta() <= end - start <= longest:
                    dates |= _dates(start, end, venue_zone)
    return dates


def _dates(start: datetime, end: datetime, venue_zone: ZoneInfo) -> set[date]:
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if start >= end:
        return {local_date(start, venue_zone)}
    return {*dates_of(Interval(start, end), venue_zone)}


# ------------------------------------------------------------------------------ made anew


async def _make(scope: Scope, tenant: Tenant, dates: Sequence[date]) -> None:
    """Makes the figures of dates from the rows as they are now, and removes their marks."""
    if not dates:
        return
    days: dict[date, DayFigures] = {}
    for span in _runs(dates):
        days.update(await figures_of(scope, tenant, span))
    for statement in figures_removed(scope.tenant_id, dates):
        await scope.run(statement)
    venue = [_day_row(scope.tenant_id, day, figures) for day, figures in days.items()]
    if kept := [row for row in venue if row is not None]:
        await scope.run(insert(AnalyticsDay), kept)
    rooms = [
        {"tenant_id": scope.tenant_id, "date": day, "room_id": room_id, **asdict(sums)}
        for day, figures in days.items()
        for room_id, sums in figures.rooms.items()
        if sums != _NO_SUMS
    ]
    if rooms:
        await scope.run(insert(AnalyticsRoomDay), rooms)
    await scope.run(marks_removed(scope.tenant_id, dates))


async def figures_of(scope: Scope, tenant: Tenant, span: DateSpan) -> Mapping[date, DayFigures]:
    """Returns the figures of each date of a span, from the rows as they are now."""
    venue_zone = zone(tenant.time_zone)
    window = span_interval(span, venue_zone)
    values = {
        "tenant_id": scope.tenant_id,
        "currency": tenant.currency_code,
        "since": window.start,
        "until": window.end,
    }
    earliest = window.start - timedelta(minutes=tenant.longest_minutes)
    bookings = await scope.fetch_prepared(COUNTED_BOOKINGS, earliest=earliest, **values)
    payments = await scope.fetch_prepared(COUNTED_PAYMENTS, **values)
    return figures_by_date(
        span,
        venue_zone,
        [CountedBooking(*row) for row in bookings],
        [CountedPayment(*row) for row in payments],
    )


def _day_row(tenant_id: UUID, day: date, figures: DayFigures) -> Mapping[str, Any] | None:
    sums = Sums.total(figures.hours)
    if sums == _NO_SUMS:
        return None
    return {
        "tenant_id": tenant_id,
        "date": day,
        **asdict(sums),
        "lead_median": median([figures.leads]),
        "returning": returning_customers(day, {day: figures.gaps}),
        "hours": packed_hours(figures),
        "leads": packed("i", figures.leads),
        "gaps": packed("i", figures.gaps),
    }


def _runs(dates: Sequence[date]) -> Iterator[DateSpan]:
    """Yields the runs of consecutive dates in order."""
    for _, run in groupby(enumerate(dates), lambda item: item[1] - item[0] * _DAY):
        found = [day for _, day in run]
        yield DateSpan(found[0], found[-1] + _DAY)
