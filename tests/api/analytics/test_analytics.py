"""Analytics as a client asks for them: plans, permissions, spans, and what follows changes."""

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import asyncpg
import pytest

from domain.tenants.plans import PlanCode
from kit.runtime import Runtime
from kit.scope import Scope
from models.analytics.recounts import RECOUNT
from tests.api.accounts.test_api_keys import create as create_key
from tests.api.analytics.history import History
from tests.api.bookings.test_live import book
from tests.support.client import Answer, Api, live
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import Venue, api_id, make_booking, make_venue

WEEK: Final = {"from": "2027-03-01", "until": "2027-03-08"}
TOTALS: Final = """
    query ($span: DateSpan!, $filter: AnalyticsFilter) {
        analytics(span: $span, filter: $filter) { totals { bookings bookedMinutes } asOf }
    }
"""
FIELDS: Final = "bookings cancelled noShows completed bookedMinutes openMinutes revenue { amount }"
ALL_TOTALS: Final = f"""
    query ($span: DateSpan!) {{ analytics(span: $span) {{
        totals {{ {FIELDS} medianLeadMinutes newCustomers returningCustomers }} asOf
    }} }}
"""
CHANGED: Final = f"""
    subscription ($span: DateSpan!, $after: EventCursor) {{
        analyticsChanged(span: $span, after: $after) {{
            __typename
            ... on AnalyticsChanged {{
                cursor totals {{ {FIELDS} medianLeadMinutes newCustomers returningCustomers }}
            }}
            ... on ResyncRequired {{ cursor reason }}
        }}
    }}
"""
NOT_INCLUDED: Final = "The plan doesn't include analytics; the Professional plan does."


async def _asked(api: Api, venue: Venue, span: dict[str, str], fields: str, **more: str) -> Any:
    given = "".join(f", {name}: {text}" for name, text in more.items())
    text = f"query ($span: DateSpan!) {{ analytics(span: $span{given}) {{ {fields} }} }}"
    return await api(text, {"span": span}, token=venue.manager.token)


def _history(venue: Venue, admin: asyncpg.Connection, runtime: Runtime) -> History:
    customers = [None, venue.customer.id, venue.other_customer.id]
    first = MONDAY_MORNING.date()
    return History(venue, admin, runtime, Random(1), first, customers)


# ------------------------------------------------------------------------------ who and what


async def test_starter_has_the_totals_of_today_and_of_this_week(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, plan=PlanCode.STARTER)

    today = await _asked(api, venue, {"from": "2027-03-01", "until": "2027-03-02"}, "asOf")
    week = await _asked(api, venue, WEEK, "totals { bookings openMinutes }")
    month = await _asked(api, venue, {"from": "2027-03-01", "until": "2027-04-01"}, "asOf")
    series = await _asked(api, venue, WEEK, "series { date }")
    compared = await _asked(api, venue, WEEK, "asOf", compareTo="PREVIOUS_YEAR")

    assert today.payload and week.payload["totals"] == {"bookings": 0, "openMinutes": 2 * 7 * 1440}
    for refused in (month, series, compared):
        assert refused.codes == ["FORBIDDEN"]
        assert refused.errors[0]["message"] == NOT_INCLUDED


async def test_managers_and_up_may_and_customers_need_their_own_permission(
    api: Api, runtime: Runtime
) -> None:
    venue = await make_venue(runtime)
    staff = await api(TOTALS, {"span": WEEK}, token=venue.staff.token)
    key = (await create_key(api, venue.owner.token, "analytics:read")).payload["secret"]
    text = "query ($span: DateSpan!) { analytics(span: $span) { SELECTED } }"

    async def select(fields: str) -> Answer:
        return await api(text.replace("SELECTED", fields), {"span": WEEK}, token=key)

    wide = await select("totals { bookings } byRoom { roomId }")
    customers = await select("topCustomers { bookings }")
    room = await select("byRoom { room { name } }")
    filtered = await api(TOTALS, {"span": WEEK, "filter": {"categories": ["x"]}}, token=key)

    assert staff.codes == ["FORBIDDEN"]
    assert len(wide.payload["byRoom"]) == 2
    assert customers.codes == ["FORBIDDEN"] and customers.partial["analytics"] == {
        "topCustomers": None
    }
    assert set(room.codes) == {"FORBIDDEN"}
    assert filtered.codes == ["FORBIDDEN"]


@pytest.mark.parametrize(
    ("span", "fields", "argument", "problem"),
    [
        (
            ("2027-03-08", "2027-03-01"),
            "asOf",
            ["span", "until"],
            "`until` must be 1 to 800 days after `from`.",
        ),
        (
            ("2027-03-08", "2027-03-08"),
            "asOf",
            ["span", "until"],
            "`until` must be 1 to 800 days after `from`.",
        ),
        (
            ("2025-01-01", "2027-03-13"),
            "asOf",
            ["span", "until"],
            "`until` must be 1 to 800 days after `from`.",
        ),
        (
            ("2027-03-01", "2027-04-12"),
            "series(granularity: HOUR) { date }",
            ["granularity"],
            "At most 1,000 points: `until` must be at most 41 days after `from` for granularity "
            "HOUR.",
        ),
        (
            ("2027-03-01", "2027-04-12"),
            "topCustomers(first: 101) { bookings }",
            ["first"],
            "`first` must be 1 to 100; got 101.",
        ),
    ],
)
async def test_what_is_too_much_is_refused_with_its_limit(
    api: Api,
    runtime: Runtime,
    span: tuple[str, str],
    fields: str,
    argument: list[str],
    problem: str,
) -> None:
    venue = await make_venue(runtime)

    answer = await _asked(api, venue, {"from": span[0], "until": span[1]}, fields)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.errors[0]["message"] == problem
    assert answer.errors[0]["extensions"]["argumentPath"] == argument


async def test_rooms_of_others_are_unknown(api: Api, runtime: Runtime) -> None:
    venue, other = await make_venue(runtime), await make_venue(runtime)
    given = {"span": WEEK, "filter": {"roomIds": [api_id(other.rooms[0])]}}

    answer = await api(TOTALS, given, token=venue.owner.token)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.errors[0]["message"] == "There is no such room."
    assert answer.errors[0]["extensions"]["argumentPath"] == ["filter", "roomIds"]


PARTS: Final = """
    query ($span: DateSpan!, $filter: AnalyticsFilter) { analytics(span: $span, filter: $filter) {
        totals { medianLeadMinutes returningCustomers }
        series { metrics { medianLeadMinutes returningCustomers } }
        weeks: series(granularity: WEEK) { metrics { medianLeadMinutes newCustomers } }
        hours: series(granularity: HOUR) { hour metrics { bookings } }
        byWeekdayHour { weekday hour bookings }
    } }
"""


async def test_all_parts_of_a_filtered_query_share_one_count_of_bookings(
    api: Api, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue = await make_venue(runtime)
    await book(api, venue, "2027-03-02T10:00:00Z")
    statements: list[Any] = []
    fetch = Scope.fetch_prepared

    async def noted(scope: Scope, statement: Any, **values: object) -> Any:
        statements.append(statement)
        return await fetch(scope, statement, **values)

    monkeypatch.setattr(Scope, "fetch_prepared", noted)
    given = {"span": WEEK, "filter": {"roomIds": [api_id(venue.rooms[0])]}}

    answer = (await api(PARTS, given, token=venue.owner.token)).payload

    assert statements.count(RECOUNT) == 1
    assert sum(each["bookings"] for each in answer["byWeekdayHour"]) == 1
    assert sum(each["metrics"]["bookings"] for each in answer["hours"]) == 1


# ------------------------------------------------------------------------------ kept and live


async def test_a_booking_is_counted_by_the_worker_and_as_of_tells(
    api: Api, runtime: Runtime
) -> None:
    venue = await make_venue(runtime)
    await book(api, venue, "2027-03-02T10:00:00Z")
    counted = {"bookings": 1, "bookedMinutes": 60}
    answer: Any = {}

    for _ in range(100):
        answer = (await api(TOTALS, {"span": WEEK}, token=venue.owner.token)).payload
        if answer["totals"] == counted:
            break
        await asyncio.sleep(0.1)

    assert answer["totals"] == counted
    cursor = "{ bookings(first: 0) { eventCursor } }"
    now = (await api(cursor, token=venue.owner.token)).payload["eventCursor"]
    assert answer["asOf"] == now


@pytest.mark.parametrize("changes", [60, pytest.param(1_000, marks=pytest.mark.soak)])
async def test_rollups_equal_a_rebuild_whatever_changes(
    api: Api, runtime: Runtime, admin: asyncpg.Connection, changes: int
) -> None:
    history = _history(await make_venue(runtime, rooms=4), admin, runtime)
    await history.fill(40)
    await history.rebuild()
    for number in range(changes):
        await history.change()
        if number % 7 == 0:
            await history.count()
    await history.count()
    kept = await history.rollups()

    await history.rebuild()

    assert await history.rollups() == kept
    assert len(kept[0]) > 20


async def test_a_payment_at_midnight_belongs_to_the_date_that_begins(
    api: Api, runtime: Runtime, admin: asyncpg.Connection
) -> None:
    venue = await make_venue(runtime)
    history = _history(venue, admin, runtime)
    booking_id = (await make_booking(runtime, venue, MONDAY_MORNING)).id
    for at in ("2027-03-01T20:00:00Z", "2027-03-01T23:00:00Z"):
        await history.pay(booking_id, "EUR", datetime.fromisoformat(at))

    await history.rebuild()

    dates = "SELECT date::text FROM analytics_days WHERE revenue_minor <> 0 AND tenant_id = $1"
    paid = await admin.fetch(f"{dates} ORDER BY date", venue.tenant.id)
    assert [row["date"] for row in paid] == ["2027-03-01", "2027-03-02"]


async def test_another_time_zone_makes_all_figures_anew(
    api: Api, runtime: Runtime, admin: asyncpg.Connection
) -> None:
    history = _history(await make_venue(runtime, rooms=4), admin, runtime)
    await history.fill(40)
    await history.rebuild()
    before = await history.rollups()
    await admin.execute(
        "UPDATE tenants SET time_zone = 'Asia/Kathmandu' WHERE id = $1", history.venue.tenant.id
    )

    await history.count()
    kept = await history.rollups()
    await history.rebuild()

    assert await history.rollups() == kept != before


@pytest.mark.parametrize("changes", [30, pytest.param(1_000, marks=pytest.mark.soak)])
async def test_what_a_client_was_sent_equals_a_fresh_query(
    api: Api,
    server: str,
    runtime: Runtime,
    admin: asyncpg.Connection,
    changes: int,
) -> None:
    history = _history(await make_venue(runtime, rooms=4), admin, runtime)
    token = history.venue.owner.token
    await history.fill(40)
    await history.rebuild()
    span = {"from": "2027-02-15", "until": "2027-05-01"}
    first = (await api(ALL_TOTALS, {"span": span}, token=token)).payload
    known, cursor = first["totals"], first["asOf"]

    done = 0
    while done < changes:
        async with live(server, token=token) as client:
            stream = await client.subscribe(CHANGED, {"span": span, "after": cursor})
            for _ in range(changes // 3):
                await history.change()
                done += 1
            await history.count()
            fresh = (await api(ALL_TOTALS, {"span": span}, token=token)).payload["totals"]
            while known != fresh:
                event = (await stream.next())["analyticsChanged"]
                assert event["__typename"] == "AnalyticsChanged"
                known, cursor = event["totals"], event["cursor"]
        # While nobody listens, too: it is sent what it missed.
        await history.change()
        await history.count()

    fresh = (await api(ALL_TOTALS, {"span": span}, token=token)).payload["totals"]
    async with live(server, token=token) as client:
        stream = await client.subscribe(CHANGED, {"span": span, "after": cursor})
        known = (await stream.next())["analyticsChanged"]["totals"]
    assert known == fresh


async def test_an_unknown_cursor_is_answered_with_a_resync(server: str, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    async with live(server, token=venue.owner.token) as client:
        stream = await client.subscribe(CHANGED, {"span": WEEK, "after": "bm9uZQ=="})
        event = (await stream.next())["analyticsChanged"]

    assert event["__typename"] == "ResyncRequired"


# ------------------------------------------------------------------------------ at size

_BOOKINGS: Final = """
    INSERT INTO bookings (tenant_id, id, reference, room_id, customer_id, status, starts_at,
        ends_at, occupied, party_size, currency_code, was_confirmed, version, link_version,
        created_at, updated_at)
    SELECT $1, gen_random_uuid(), substr(md5(number::text), 1, 12), $2, $3, 'completed', start,
        start + interval '1 hour', tstzrange(start, start + interval '1 hour'), 2, $4, true, 1,
        1, start, start
    FROM generate_series(0, 3999) AS number
    CROSS JOIN LATERAL (
        SELECT timestamptz '2026-03-02 00:30+00' + number * interval '2 hours' AS start
    ) AS time
"""


@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])
async def test_hours_of_a_year_of_some_rooms_are_counted_at_once_by_any_plan(
    runtime: Runtime, admin: asyncpg.Connection, plan: str
) -> None:
    """After some calls, PostgreSQL keeps a plan for any values: it mustn't redo work by row."""
    venue = await make_venue(runtime)
    tenant, room = venue.tenant, venue.rooms[0].id
    await admin.execute(_BOOKINGS, tenant.id, room, venue.customer.id, tenant.currency_code)
    start = datetime(2026, 3, 2, tzinfo=UTC)
    bounds = [start + timedelta(hours=hour) for hour in range(365 * 24 + 1)]
    values = {
        "tenant_id": tenant.id,
        "room_ids": [room],
        "currency": tenant.currency_code,
        "bounds": bounds,
        "of_a_date": 24,
        "earliest": bounds[0] - timedelta(days=1),
        "since": bounds[0],
        "until": bounds[-1],
        "customers": True,
        "leads": True,
    }
    async with admin.transaction():
        await admin.execute(f"SET LOCAL plan_cache_mode = {plan}")
        await admin.execute("SET LOCAL statement_timeout = '2s'")
        rows = await admin.fetch(RECOUNT.sql, *RECOUNT.arguments(values))
    assert sum(row["bookings"] for row in rows) == 4000
    assert sum(row["booked_minutes"] for row in rows) == 4000 * 60
    assert sum(row["new_customers"] for row in rows) == 1
