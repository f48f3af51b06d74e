"""Details of dates that a process keeps: read once, until they are made anew."""

from datetime import date, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from domain.analytics.metrics import BookingMetrics, Sums
from domain.analytics.periods import Granularity
from domain.analytics.spans import DateSpan
from kit.actor import Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.analytics.span_figures import DAYS, DETAILS
from resolvers.analytics.kept_days import KeptDays, SpanDetails
from resolvers.analytics.points import KeptPoints, MetricsPoint, StretchKey
from tests.api.analytics.history import History
from tests.api.bookings.test_live import book
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import Venue, make_venue

MARCH: Final = {"from": "2027-03-01", "until": "2027-04-01"}
LEADS: Final = """
    query ($span: DateSpan!) { analytics(span: $span) {
        totals { medianLeadMinutes returningCustomers }
        series(granularity: WEEK) { metrics { medianLeadMinutes returningCustomers } }
        byWeekdayHour { weekday hour bookings }
    } }
"""


@pytest_asyncio.fixture
async def venue(runtime: Runtime, api: Api) -> Venue:
    """A venue with bookings on three dates, the last two weeks apart."""
    venue = await make_venue(runtime)
    for start in ("2027-03-02T10:00:00Z", "2027-03-03T10:00:00Z", "2027-03-16T10:00:00Z"):
        await book(api, venue, start)
    return venue


async def _count(venue: Venue, admin: asyncpg.Connection, runtime: Runtime) -> None:
    await History(venue, admin, runtime, Random(1), MONDAY_MORNING.date(), [None]).count()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of how many dates details were read, each time that they were."""
    numbers: list[int] = []
    fetch = Scope.fetch_prepared

    async def noted(scope: Scope, statement: Any, **values: Any) -> Any:
        if statement is DETAILS:
            numbers.append(len(values["dates"]))
        return await fetch(scope, statement, **values)

    monkeypatch.setattr(Scope, "fetch_prepared", noted)
    return numbers


async def test_only_dates_made_anew_are_read_again(
    api: Api, runtime: Runtime, venue: Venue, admin: asyncpg.Connection, read: list[int]
) -> None:
    async def ask() -> Any:
        return (await api(LEADS, {"span": MARCH}, token=venue.owner.token)).payload

    await _count(venue, admin, runtime)
    first, again = await ask(), await ask()
    await book(api, venue, "2027-03-16T14:00:00Z")
    await _count(venue, admin, runtime)
    after = await ask()

    assert read == [3, 1]
    assert first == again
    assert sum(each["bookings"] for each in first["byWeekdayHour"]) == 3
    assert sum(each["bookings"] for each in after["byWeekdayHour"]) == 4
    leads = [part["metrics"]["medianLeadMinutes"] for part in after["series"]]
    # From Monday, 09:00 UTC: a day or two and an hour; and 15 days and one hour, or five.
    assert leads == [36 * 60 + 60, None, 15 * 1440 + 3 * 60, None, None]


async def test_what_is_too_much_to_keep_is_read_again(
    runtime: Runtime, venue: Venue, admin: asyncpg.Connection, read: list[int]
) -> None:
    await _count(venue, admin, runtime)
    scope = Scope(runtime, venue.owner.actor, Request(new_id()))
    rows = await scope.fetch_prepared(
        DAYS, tenant_id=scope.tenant_id, from_=date(2027, 3, 1), until=date(2027, 4, 1)
    )
    versions = {row["date"]: row["made_by"] for row in rows}
    little, much = KeptDays(most_bytes=1), KeptDays()

    async def medians(kept: KeptDays) -> list[int | None]:
        details: SpanDetails = await kept.of(scope, versions)
        first = date(2027, 3, 2)
        part = DateSpan(first, first + timedelta(days=2))
        return [details.of_part(part, part.dates()).lead_median for _ in range(2)]

    found = [await medians(kept) for kept in (little, little, much, much)]
    await scope.close()

    assert read == [3, 3, 3]
    assert found == [[37 * 60, 37 * 60]] * 4


async def test_points_are_printed_anew_for_other_fields_and_after_changes(
    api: Api, runtime: Runtime, venue: Venue, admin: asyncpg.Connection
) -> None:
    async def ask(fields: str) -> Any:
        text = f"""query ($span: DateSpan!) {{ analytics(span: $span) {{
            series {{ date metrics {{ {fields} }} }} }} }}"""
        return (await api(text, {"span": MARCH}, token=venue.owner.token)).payload["series"]

    await _count(venue, admin, runtime)
    known = [await ask("bookings"), await ask("bookings"), await ask("n: bookings bookedMinutes")]
    await book(api, venue, "2027-03-16T14:00:00Z")
    await _count(venue, admin, runtime)
    after = await ask("bookings")

    assert [series[1] for series in known] == [
        {"date": "2027-03-02", "metrics": {"bookings": 1}},
        {"date": "2027-03-02", "metrics": {"bookings": 1}},
        {"date": "2027-03-02", "metrics": {"n": 1, "bookedMinutes": 60}},
    ]
    assert [day["metrics"]["bookings"] for day in (known[0][15], after[15])] == [1, 2]
    assert [each for number, each in enumerate(after) if number != 15] == [
        each for number, each in enumerate(known[0]) if number != 15
    ]


def test_no_more_points_are_kept_than_there_is_place_for() -> None:
    made: list[int] = []
    kept = KeptPoints(most_points=2)

    def ask(day: int, made_from: int) -> None:
        def make() -> list[MetricsPoint]:
            made.append(day)
            metrics = BookingMetrics(Sums(), "EUR", 0)
            return [MetricsPoint(date(2027, 3, day), date(2027, 3, day + 1), None, metrics)]

        key = StretchKey(UUID(int=1), Granularity.DAY, date(2027, 3, day), date(2027, 3, day + 1))
        kept.of(key, made_from, make)

    for day, made_from in [(1, 0), (1, 0), (1, 1), (2, 0), (1, 1), (3, 0), (1, 1), (2, 0)]:
        ask(day, made_from)

    assert made == [1, 1, 2, 3, 2]
