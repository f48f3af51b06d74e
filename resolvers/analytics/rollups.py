"""Keeps rollups up to date from the log, and makes them anew.

An entry of the log only says which dates it may have changed. Their figures are made from the rows
of bookings and payments, and stored with the position in the log in one transaction, under a lock
of the tenant. So each entry is counted once, and what was counted can't differ from the rows.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import Enum, auto
from itertools import groupby
from typing import Any, Final
from zoneinfo import ZoneInfo

from domain.analytics.cells import dates_of, local_date
from domain.analytics.day_figures import (
    DayFigures,
    median,
    packed,
    packed_hours,
    returning_customers,
)
from domain.analytics.metrics import SUMS, Sums, values_of
from domain.analytics.spans import DateSpan
from domain.core.intervals import Interval
from domain.core.local_time import zone
from domain.core.log_events import EventType
from kit.events.event_cursors import LogOffset
from kit.events.log_relay import BATCH
from kit.postgres.advisory_locks import advisory_key
from kit.scope import Scope
from models.analytics.counting import CHANGED, STORE, TRY_LOCK
from models.analytics.platform import SUBSCRIPTION_TYPES
from models.analytics.rollups import (
    FIGURES_VERSION,
    dates_made,
    dates_marked,
    state_of,
    state_stored,
    times_of_all,
)
from resolvers.analytics.day_figures import CountedVenue, figures_of_runs
from resolvers.analytics.subscription_days import make_subscription_days
from resolvers.analytics.top_customers import make_quarters, whole_quarters
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
        EventType.BOOKING_EXTENDED,
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
_COUNTED_NAMES: Final = [each.value for each in COUNTED_TYPES]
_SUBSCRIPTION_NAMES: Final = [each.value for each in SUBSCRIPTION_TYPES]
_MARKS_AT_ONCE: Final = 5_000
_DAY: Final = timedelta(days=1)
_NO_SUMS: Final = Sums()
_DAY_COLUMNS: Final = ("date", *SUMS, "lead_median", "returning", "hours", "leads", "gaps")
_ROOM_COLUMNS: Final = ("date", "room_id", *SUMS)


class Progress(Enum):
    """How far a call of ``count_entries`` came."""

    DONE = auto()
    MORE = auto()
    BUSY = auto()
    """Another process is at it."""


async def count_entries(scope: Scope) -> Progress:
    """Counts a batch of new entries of the tenant's log, or makes a batch of marked dates.

    A tenant without figures, or with those of another time zone or version, gets all of them.
    """
    lock = advisory_key("analytics", scope.tenant_id)
    # The holder may have read the log already: another process has to come again.
    ((is_taken,),) = await scope.fetch_prepared(TRY_LOCK, key=lock)
    if not is_taken:
        return Progress.BUSY
    (changed,) = await scope.fetch_prepared(
        CHANGED,
        tenant_id=scope.tenant_id,
        types=_COUNTED_NAMES,
        subscription_types=_SUBSCRIPTION_NAMES,
        batch=BATCH,
        most=DATES_AT_ONCE + 1,
    )
    zone_name = changed["time_zone"]
    if (
        changed["generation"] != changed["present"]
        or changed["counted_zone"] != zone_name
        or changed["figures_version"] != FIGURES_VERSION
    ):
        await _mark_all(scope)
        return Progress.MORE
    entries, marked = changed["entries"], changed["marked"]
    if not (entries or marked or changed["is_subscription_due"]):
        return Progress.DONE
    if changed["is_subscription_due"]:
        await make_subscription_days(scope)
    venue = CountedVenue(
        zone(zone_name),
        changed["currency_code"],
        timedelta(minutes=changed["longest_minutes"]),
    )
    touched = {*_dates_touched(changed["touched"] or (), venue.zone)}
    dates = sorted({*touched, *marked})
    made, left = dates[:DATES_AT_ONCE], dates[DATES_AT_ONCE:]
    figures = await figures_of_runs(scope, venue, [*_runs(made)])
    await make_quarters(scope, venue, touched, changed["customer_ids"])
    # Of marked dates nobody knows whose bookings they were: all customers are made with the last.
    await make_quarters(scope, venue, whole_quarters({*marked} & {*made}, left))
    read = LogOffset(changed["read_xid"], changed["read_position"])
    counted = LogOffset(changed["xid"], changed["position"]) if left else read
    await scope.fetch_prepared(
        STORE,
        dates=made,
        marked=left,
        **_lists("day", _DAY_COLUMNS, _day_rows(figures)),
        **_lists("room", _ROOM_COLUMNS, _room_rows(figures)),
        **_state(scope, zone_name, changed["present"], counted=counted, read=read),
        has_subscription_days=True,
    )
    return Progress.MORE if left or entries == BATCH else Progress.DONE


async def mark_all(scope: Scope) -> int:
    """Marks all dates of the tenant to be made anew, and returns how many there are."""
    await scope.advisory_lock(advisory_key("analytics", scope.tenant_id))
    return await _mark_all(scope)


async def _mark_all(scope: Scope) -> int:
    tenant = await own_tenant(scope)
    end = await end_of_log(scope)
    state = await scope.one(state_of(scope.tenant_id))
    venue_zone = zone(tenant.time_zone)
    dates = set(await scope.all(dates_made(scope.tenant_id)))
    for statement in times_of_all(scope.tenant_id):
        for start, until in await scope.rows(statement):
            dates |= _dates(start, until, venue_zone)
    ordered = sorted(dates)
    for start in range(0, len(ordered), _MARKS_AT_ONCE):
        await scope.run(dates_marked(scope.tenant_id, ordered[start : start + _MARKS_AT_ONCE]))
    counted = LogOffset(0, 0)
    if state is not None and state.generation == end.generation:
        counted = LogOffset(state.xid, state.position)
    if not dates:
        counted = end.place
    values = _state(scope, tenant.time_zone, end.generation, counted=counted, read=end.place)
    await scope.run(state_stored({**values, "has_subscription_days": False}))
    return len(dates)


def _state(
    scope: Scope, time_zone: str, generation: int, *, counted: LogOffset, read: LogOffset
) -> dict[str, object]:
    return {
        "tenant_id": scope.tenant_id,
        "time_zone": time_zone,
        "generation": generation,
        "xid": counted.xid,
        "position": counted.position,
        "read_xid": read.xid,
        "read_position": read.position,
        "figures_version": FIGURES_VERSION,
    }


def _dates_touched(touched: Iterable[Any], venue_zone: ZoneInfo) -> Iterator[date]:
    """Yields the dates of ranges of time, some of which include their end."""
    for times in touched:
        if times.upper_inc:
            yield local_date(times.upper, venue_zone)
        if times.lower < times.upper:
            yield from dates_of(Interval(times.lower, times.upper), venue_zone)


def _dates(start: datetime, end: datetime, venue_zone: ZoneInfo) -> set[date]:
    """Returns the dates from a start to an end, with that of the end: a payment is an instant."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    between = dates_of(Interval(start, end), venue_zone) if start < end else ()
    return {*between, local_date(end, venue_zone)}


# ------------------------------------------------------------------------------ stored


def _day_rows(figures: Mapping[date, DayFigures]) -> Iterator[tuple[object, ...]]:
    """Yields the columns of the dates that have any figures."""
    for day, of_day in figures.items():
        sums = Sums.total(of_day.hours)
        if sums != _NO_SUMS:
            yield (
                day,
                *values_of(sums),
                median([of_day.leads]),
                returning_customers(day, {day: of_day.gaps}),
                packed_hours(of_day),
                packed("i", of_day.leads),
                packed("i", of_day.gaps),
            )


def _room_rows(figures: Mapping[date, DayFigures]) -> Iterator[tuple[object, ...]]:
    for day, of_day in figures.items():
        for room_id, sums in of_day.rooms.items():
            if sums != _NO_SUMS:
                yield day, room_id, *values_of(sums)


def _lists(
    prefix: str, names: Sequence[str], rows: Iterable[tuple[object, ...]]
) -> dict[str, object]:
    """Returns the parameters of rows: a list for each column."""
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return {f"{prefix}_{name}": column for name, column in zip(names, columns, strict=True)}


def _runs(dates: Sequence[date]) -> Iterator[DateSpan]:
    """Yields the runs of consecutive dates in order."""
    for _, run in groupby(enumerate(dates), lambda item: item[1] - item[0] * _DAY):
        found = [day for _, day in run]
        yield DateSpan(found[0], found[-1] + _DAY)
