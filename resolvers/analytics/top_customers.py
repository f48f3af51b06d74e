"""The customers whose bookings are worth most, and the rollup by which they are found."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from domain.analytics.cells import span_interval
from domain.analytics.periods import quarter_of, quarters_of
from domain.analytics.spans import DateSpan
from domain.core.local_time import zone
from kit.scope import Scope
from models.analytics.top_customers import (
    QUARTERS_OF_ALL,
    QUARTERS_OF_SOME,
    TOP_CUSTOMERS,
    TOP_OF_QUARTERS,
)
from models.tenants import Tenant
from resolvers.analytics.day_figures import CountedVenue

_BY_QUARTERS_FROM_DAYS = 45
"""Of shorter spans, counting all bookings is quicker: few of a quarter's customers come in it."""


async def top_rows(
    scope: Scope,
    tenant: Tenant,
    span: DateSpan,
    room_ids: Collection[UUID] | None,
    *,
    first: int,
    has_quarters: bool,
) -> Sequence[Any]:
    """Returns the first customers of a span, with what their bookings add up to.

    Their figures of quarters are only used if those are made (``has_quarters``).
    """
    venue_zone = zone(tenant.time_zone)
    values = {"tenant_id": scope.tenant_id, "currency": tenant.currency_code, "first": first}
    if room_ids is None and has_quarters and span.days >= _BY_QUARTERS_FROM_DAYS:
        quarters = quarters_of(span.dates())
        whole = [each for each in quarters if span.from_ <= each.from_ and each.until <= span.until]
        edges = [span_interval(each, venue_zone) for each in _edges(span, whole)]
        return await scope.fetch_prepared(
            TOP_OF_QUARTERS,
            quarters=[each.from_ for each in quarters],
            whole_quarters=[each.from_ for each in whole],
            sinces=[each.start for each in edges],
            untils=[each.end for each in edges],
            **values,
        )
    window = span_interval(span, venue_zone)
    return await scope.fetch_prepared(
        TOP_CUSTOMERS,
        room_ids=None if room_ids is None else list(room_ids),
        since=window.start,
        until=window.end,
        **values,
    )


def _edges(span: DateSpan, whole: Sequence[DateSpan]) -> list[DateSpan]:
    """Returns what consecutive quarters leave of a span, before and after them."""
    if not whole:
        return [span]
    both = DateSpan(span.from_, whole[0].from_), DateSpan(whole[-1].until, span.until)
    return [each for each in both if each.days]


async def make_quarters(
    scope: Scope,
    venue: CountedVenue,
    dates: Collection[date],
    customer_ids: Collection[UUID] | None = None,
) -> None:
    """Makes the figures of some customers, or of all, in the quarters of dates, from the rows."""
    quarters = quarters_of(dates)
    if not quarters or (customer_ids is not None and not customer_ids):
        return
    windows = [span_interval(each, venue.zone) for each in quarters]
    values = {
        "tenant_id": scope.tenant_id,
        "currency": venue.currency,
        "quarters": [each.from_ for each in quarters],
        "sinces": [each.start for each in windows],
        "untils": [each.end for each in windows],
    }
    if customer_ids is None:
        await scope.fetch_prepared(QUARTERS_OF_ALL, **values)
    else:
        await scope.fetch_prepared(QUARTERS_OF_SOME, customer_ids=list(customer_ids), **values)


def whole_quarters(made: Collection[date], left: Collection[date]) -> list[date]:
    """Returns the dates of quarters of which none is left to be made."""
    unfinished = {quarter_of(day) for day in left}
    return [day for day in made if quarter_of(day) not in unfinished]
