"""Makes the figures of dates from bookings and payments, as these are now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from domain.analytics.cells import day_bounds, local_date, span_interval
from domain.analytics.day_figures import DayFigures
from domain.analytics.metrics import SUMS, Sums
from domain.analytics.spans import DateSpan
from domain.core.local_time import zone
from kit.scope import Scope
from models.analytics.counting import FIGURES
from models.tenants import Tenant

# Where the sums are in a row.
_SUMS: Final = slice(3, 3 + len(SUMS))


@dataclass(frozen=True, slots=True)
class CountedVenue:
    """What figures depend on beside bookings; none of these is longer than ``longest``."""

    zone: ZoneInfo
    currency: str
    longest: timedelta


async def figures_of(scope: Scope, tenant: Tenant, span: DateSpan) -> Mapping[date, DayFigures]:
    """Returns the figures of each date of a span."""
    longest = timedelta(minutes=tenant.longest_minutes)
    venue = CountedVenue(zone(tenant.time_zone), tenant.currency_code, longest)
    return await figures_of_runs(scope, venue, [span])


async def figures_of_runs(
    scope: Scope, venue: CountedVenue, runs: Sequence[DateSpan]
) -> Mapping[date, DayFigures]:
    """Returns the figures of each date of spans that are in order and don't touch."""
    dates = [day for run in runs for day in run.dates()]
    if not dates:
        return {}
    numbers = {day: number for number, day in enumerate(dates, 1)}
    bounds: list[datetime] = []
    cells: list[tuple[date, int]] = []
    windows = [span_interval(run, venue.zone) for run in runs]
    for run, window in zip(runs, windows, strict=True):
        for day in run.dates():
            *hours, _ = day_bounds(day, venue.zone)
            bounds += hours
            cells += ((day, hour) for hour in range(len(hours)))
        # From here to the next run nothing is wanted.
        bounds.append(window.end)
        cells.append((run.until, 0))
    rows = await scope.fetch_prepared(
        FIGURES,
        tenant_id=scope.tenant_id,
        currency=venue.currency,
        bounds=bounds,
        days=[numbers.get(day, 0) for day, _ in cells[:-1]],
        sinces=[window.start for window in windows],
        untils=[window.end for window in windows],
        earliests=[window.start - venue.longest for window in windows],
        afters=[windows[0].start - venue.longest, *(window.end for window in windows[:-1])],
    )
    figures = {day: DayFigures() for day in dates}
    for row in rows:
        sums = Sums(*row[_SUMS])
        if row["cell"] is None:
            figures[dates[row["day"] - 1]].rooms[row["room_id"]] = sums
            continue
        day, hour = cells[row["cell"] - 1]
        before = [local_date(at, venue.zone) for at in row["previous"] or ()]
        figures[day].add_hour(
            hour, sums, row["came_back"], row["leads"] or (), ((day - each).days for each in before)
        )
    return figures
