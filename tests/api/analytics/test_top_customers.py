"""The first customers of long spans, which a rollup finds, equal a count of all bookings."""

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import Any, Final

import asyncpg
import pytest

from kit.runtime import Runtime
from kit.settings import Settings
from resolvers.analytics import top_customers
from schema.core.global_ids import decode_id
from tests.api.analytics.history import History
from tests.support.client import Api
from tests.support.factories import make_venue

FIRST: Final = date(2025, 1, 20)
DAYS: Final = 400
YEAR: Final = (date(2025, 1, 1), date(2026, 1, 1))
TOP: Final = """
    query ($span: DateSpan!, $first: Int!) { analytics(span: $span) {
        topCustomers(first: $first) { customer { id } bookings noShows bookedValue { amount } }
    } }
"""
_CUSTOMERS: Final = """
    INSERT INTO customers (tenant_id, id, name, name_key, name_search, version, created_at)
    SELECT $1, gen_random_uuid(), 'Guest', 'guest', 'guest', 1, now()
    FROM generate_series(1, 80)
"""
# Three a day; few customers come far more often, some have worthless bookings only.
_BOOKINGS: Final = """
    INSERT INTO bookings (tenant_id, id, reference, room_id, customer_id, status, starts_at,
        ends_at, occupied, party_size, price_minor, currency_code, was_confirmed, version,
        link_version, created_at, updated_at)
    SELECT $1, gen_random_uuid(), substr(md5(number::text), 1, 12), $2,
        ($3::uuid[])[1 + floor(cardinality($3::uuid[]) * random() ^ 2)::int],
        (ARRAY['completed', 'completed', 'completed', 'confirmed', 'no_show', 'cancelled'])[
            1 + floor(random() * 6)::int],
        start, start + interval '1 hour', tstzrange(start, start + interval '1 hour'), 2,
        CASE WHEN random() < 0.9 THEN 1000 * floor(random() * 5) END,
        CASE WHEN random() < 0.9 THEN $4 ELSE 'JPY' END, true, 1, 1, start, start
    FROM generate_series(0, $6::int - 1) AS number
    CROSS JOIN LATERAL (
        SELECT ($5::date + interval '8 hours' * number) AT TIME ZONE 'UTC' AS start
    ) AS time
"""
_RECOUNT: Final = """
    SELECT customer_id, count(*), count(*) FILTER (WHERE status = 'no_show'),
           coalesce(sum(price_minor) FILTER (WHERE currency_code = $5), 0)::bigint AS value
    FROM bookings
    WHERE tenant_id = $1 AND (starts_at AT TIME ZONE $2)::date >= $3
          AND (starts_at AT TIME ZONE $2)::date < $4 AND customer_id IS NOT NULL
          AND status IN ('pending', 'confirmed', 'checked_in', 'completed', 'no_show')
    GROUP BY customer_id ORDER BY value DESC, count(*) DESC, customer_id LIMIT $6
"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Without a worker, which would count as well."""
    return settings.model_copy(update={"works": False})


async def _filled(runtime: Runtime, admin: asyncpg.Connection) -> History:
    venue = await make_venue(runtime, rooms=4, time_zone="America/New_York")
    tenant = venue.tenant
    await admin.execute("SELECT setseed(0.5)")
    await admin.execute(_CUSTOMERS, tenant.id)
    ids = await admin.fetchval(
        "SELECT array_agg(id ORDER BY id) FROM customers WHERE tenant_id = $1", tenant.id
    )
    await admin.execute(
        _BOOKINGS, tenant.id, venue.rooms[0].id, ids, tenant.currency_code, FIRST, 3 * DAYS
    )
    history = History(venue, admin, runtime, Random(5), FIRST, [None, *ids])
    await history.rebuild()
    return history


async def _top(api: Api, history: History, span: tuple[date, date], first: int) -> list[Any]:
    given = {"span": {"from": str(span[0]), "until": str(span[1])}, "first": first}
    answer = (await api(TOP, given, token=history.venue.owner.token)).payload["topCustomers"]
    return [
        (
            decode_id("Customer", each["customer"]["id"]),
            *(each["bookings"], each["noShows"]),
            round(float(each["bookedValue"]["amount"]) * 100),
        )
        for each in answer
    ]


async def _recounted(history: History, span: tuple[date, date], first: int) -> list[Any]:
    tenant = history.venue.tenant
    rows = await history.admin.fetch(
        _RECOUNT, tenant.id, tenant.time_zone, *span, tenant.currency_code, first
    )
    return [tuple(row) for row in rows]


def _spans(random: Random, number: int) -> Sequence[tuple[date, date]]:
    starts = [FIRST + timedelta(days=random.randint(-30, DAYS - 50)) for _ in range(number)]
    return [(start, start + timedelta(days=random.randint(45, 350))) for start in starts]


async def test_the_first_customers_equal_a_recount_after_any_changes(
    api: Api, runtime: Runtime, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whatever the spans below select comes from quarters.
    monkeypatch.setattr(top_customers, "TOP_CUSTOMERS", None)
    history = await _filled(runtime, admin)
    for changes in (0, 25):
        for _ in range(changes):
            await history.change()
        await history.count()
        for span in (*_spans(history.random, 7), YEAR):
            for first in (1, 7, 100):
                found = await _top(api, history, span, first)
                assert found == await _recounted(history, span, first), (span, first)
    assert len(found) > 50


async def test_bookings_are_counted_while_quarters_are_not_made(
    api: Api, runtime: Runtime, admin: asyncpg.Connection
) -> None:
    history = await _filled(runtime, admin)
    tenant_id, span = history.venue.tenant.id, (FIRST, FIRST + timedelta(days=300))
    kept = await history.rollups()
    # As an update of the software leaves them that keeps other figures.
    await admin.execute("DELETE FROM analytics_customer_quarters WHERE tenant_id = $1", tenant_id)
    await admin.execute(
        "UPDATE analytics_states SET figures_version = 0 WHERE tenant_id = $1", tenant_id
    )

    before = await _top(api, history, span, 5)
    await history.count()
    after = await _top(api, history, span, 5)

    assert before == after == await _recounted(history, span, 5)
    assert await history.rollups() == kept
