"""Answers what happened at a venue: figures of its bookings over spans of dates."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

from typing_extensions import Doc

from domain.analytics.cells import local_date
from domain.analytics.metrics import BookingMetrics
from domain.analytics.periods import Granularity, points_problem, week_of
from domain.analytics.spans import Comparison, DateSpan, compared_with, span_problem
from domain.core.local_time import zone
from domain.core.money import Money
from domain.core.refusals import Invalid
from domain.tenants.plans import Feature
from kit.events.event_cursors import EventCursor, LogOffset, LogPosition, encode_cursor
from kit.graphql.selected import Selected
from kit.scope import Scope
from models.analytics.filters import AnalyticsFilter
from models.analytics.rollups import COUNTED
from models.customers.customers import Customer, customers_among
from models.tenants import Tenant
from permissions.reads import check_reads
from resolvers.analytics.open_time import KeptOpenTime, VenueOpenTime
from resolvers.analytics.points import MetricsPoint
from resolvers.analytics.span_figures import (
    RoomMetrics,
    SpanFigures,
    Wanted,
    WeekdayHour,
)
from resolvers.analytics.top_customers import top_rows
from resolvers.audit.log_position import end_of_log
from resolvers.tenants.features import check_included

MAX_ROOMS: Final = 250
MAX_CATEGORIES: Final = 100
MAX_CUSTOMERS: Final = 100


@dataclass(frozen=True, slots=True)
class CustomerMetrics:
    """The figures of one customer."""

    customer: Customer
    bookings: int
    no_shows: int
    booked_value: Money


@dataclass(frozen=True, slots=True)
class Analytics:
    """The figures of a span, and the totals of the span that it is compared with."""

    figures: SpanFigures
    totals: BookingMetrics
    compared: BookingMetrics | None
    as_of: EventCursor
    is_all_made: bool


async def analytics(
    scope: Scope,
    *,
    span: Annotated[DateSpan, Doc("The dates to count: at most 800.")],
    compare_to: Annotated[
        Comparison | None, Doc("The earlier dates whose totals to return as well; none by default.")
    ] = None,
    filter: Annotated[
        AnalyticsFilter | None, Doc("Restricts all figures to some rooms; all rooms by default.")
    ] = None,
    selected: Selected,
) -> Analytics:
    """The figures of the venue's bookings on some dates.

    Changes are counted within 2 seconds; `asOf` is how far. On a plan without analytics, only the
    totals of today and of the current week are available, without a comparison or filter.
    """
    check_reads(scope.actor, {"filter": filter})
    check_span(span)
    counted = await _counted(scope)
    tenant = counted.tenant
    _check_plan(scope, tenant, span, needs_all=compare_to is not None or filter is not None)
    wanted = Wanted(
        leads="medianLeadMinutes" in selected,
        customers="returningCustomers" in selected,
        hours="byWeekdayHour" in selected,
    )
    figures = await figures_of(scope, tenant, span, filter, wanted)
    compared = None
    if compare_to is not None and "compared" in selected:
        earlier = compared_with(span, compare_to)
        totals_only = Wanted(wanted.leads, wanted.customers, hours=False)
        compared = await (await figures_of(scope, tenant, earlier, filter, totals_only)).totals()
    return Analytics(
        figures,
        await figures.totals(),
        compared,
        encode_cursor(counted.until),
        counted.is_all_made,
    )


def check_span(span: DateSpan) -> None:
    """Raises Invalid for a span that can't be queried."""
    if (problem := span_problem(span)) is not None:
        raise Invalid(problem, path=("span", "until"))


def _check_plan(scope: Scope, tenant: Tenant, span: DateSpan, *, needs_all: bool) -> None:
    """Raises Forbidden unless the plan includes figures of the span.

    Every plan includes those of today and of the current week.
    """
    today = local_date(scope.now(), zone(tenant.time_zone))
    if needs_all or span not in (DateSpan(today, today + timedelta(days=1)), week_of(today)):
        check_included(tenant, Feature.ANALYTICS)


@dataclass(frozen=True, slots=True)
class CountedTotals:
    """The totals of a span, and the position in the log up to which all events are counted."""

    bookmark: LogPosition
    totals: BookingMetrics

    @property
    def cursor(self) -> EventCursor:
        return encode_cursor(self.bookmark)


async def counted_totals(
    scope: Scope, span: DateSpan, filter: AnalyticsFilter | None
) -> CountedTotals:
    """Returns the totals of a span in this snapshot. Raises Forbidden and Invalid."""
    check_reads(scope.actor, {"filter": filter})
    counted = await _counted(scope)
    _check_plan(scope, counted.tenant, span, needs_all=filter is not None)
    wanted = Wanted(leads=True, customers=True, hours=False)
    figures = await figures_of(scope, counted.tenant, span, filter, wanted)
    return CountedTotals(counted.until, await figures.totals())


async def counted_until(scope: Scope) -> LogPosition:
    """Returns the position in the log up to which all events are counted."""
    return (await _counted(scope)).until


@dataclass(frozen=True, slots=True)
class _Counted:
    """How far the figures of the caller's tenant are made; ``is_all_made`` if no date is left."""

    tenant: Tenant
    until: LogPosition
    is_all_made: bool


async def _counted(scope: Scope) -> _Counted:
    (tenant,), states = await scope.fetch_batch(COUNTED, tenant_id=scope.tenant_id)
    if states:
        (state,) = states
        generation, place = state.generation, LogOffset(state.xid, state.position)
    else:
        generation, place = (await end_of_log(scope)).generation, LogOffset(0, 0)
    until = LogPosition(scope.tenant_id, generation, place)
    return _Counted(tenant, until, bool(states) and state.is_all_made)


async def figures_of(
    scope: Scope,
    tenant: Tenant,
    span: DateSpan,
    filter: AnalyticsFilter | None,
    wanted: Wanted,
) -> SpanFigures:
    """Reads the figures of a span. Raises Invalid for rooms that don't exist."""
    open_time = await scope.service(KeptOpenTime).of(scope, tenant, span)
    figures = SpanFigures(scope, span, open_time, _room_ids(open_time, filter), wanted)
    await figures.load()
    return figures


def _room_ids(open_time: VenueOpenTime, filter: AnalyticsFilter | None) -> frozenset[UUID] | None:
    """Returns the rooms of a filter; None for all rooms. Raises Invalid."""
    if filter is None or (filter.room_ids is None and filter.categories is None):
        return None
    if filter.room_ids is not None and len(filter.room_ids) > MAX_ROOMS:
        raise Invalid(f"At most {MAX_ROOMS} rooms.", path=("filter", "room_ids"))
    if filter.categories is not None and len(filter.categories) > MAX_CATEGORIES:
        raise Invalid(f"At most {MAX_CATEGORIES} categories.", path=("filter", "categories"))
    rooms = open_time.rooms
    if any(id not in rooms for id in filter.room_ids or ()):
        raise Invalid("There is no such room.", path=("filter", "room_ids"))
    found = frozenset(rooms if filter.room_ids is None else filter.room_ids)
    if filter.categories is not None:
        found = frozenset(id for id in found if rooms[id].category in filter.categories)
    return None if len(found) == len(rooms) else found


async def series(
    _: Scope,
    analytics: Analytics,
    *,
    granularity: Annotated[Granularity, Doc("How long each part is.")] = Granularity.DAY,
) -> Iterable[MetricsPoint]:
    """The figures of each part of the span, in order: at most 1,000 points."""
    check_included(analytics.figures.open_time.tenant, Feature.ANALYTICS)
    if (problem := points_problem(analytics.figures.span, granularity)) is not None:
        raise Invalid(problem, path=("granularity",))
    return await analytics.figures.series(granularity)


async def by_room(_: Scope, analytics: Analytics) -> list[RoomMetrics]:
    """The figures of each room in use, and of archived rooms that have any, sorted by name."""
    check_included(analytics.figures.open_time.tenant, Feature.ANALYTICS)
    return await analytics.figures.by_room()


async def by_weekday_hour(_: Scope, analytics: Analytics) -> list[WeekdayHour]:
    """The figures of each hour of the week, in order, where there are any.

    A booking is counted in the hour in which it starts, its minutes in the hours in which they are.
    """
    check_included(analytics.figures.open_time.tenant, Feature.ANALYTICS)
    return await analytics.figures.by_weekday_hour()


async def top_customers(
    scope: Scope,
    analytics: Analytics,
    *,
    first: Annotated[int, Doc("The number of customers: 1 to 100.")] = 10,
) -> list[CustomerMetrics]:
    """The customers whose bookings are worth most; of those, the ones with most bookings."""
    check_included(analytics.figures.open_time.tenant, Feature.ANALYTICS)
    if not 1 <= first <= MAX_CUSTOMERS:
        problem = f"`first` must be 1 to {MAX_CUSTOMERS}; got {first}."
        raise Invalid(problem, path=("first",))
    figures = analytics.figures
    rows = await top_rows(
        scope,
        figures.open_time.tenant,
        figures.span,
        figures.room_ids,
        first=first,
        has_quarters=analytics.is_all_made,
    )
    ids = [row["customer_id"] for row in rows]
    known = {each.id: each for each in await scope.all(customers_among(scope.tenant_id, ids))}
    return [
        CustomerMetrics(
            known[row["customer_id"]],
            row["bookings"],
            row["no_shows"],
            Money(row["value_minor"], figures.currency),
        )
        for row in rows
        # Without those who were merged into others, until the rollup has followed.
        if row["customer_id"] in known
    ]
