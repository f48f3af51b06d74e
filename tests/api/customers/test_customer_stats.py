"""Figures of customers equal a recount of random stories, and take one statement for a page."""

from random import Random
from typing import Any, Final

import asyncpg
import pytest

from domain.core.money import Money
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from schema.core.global_ids import decode_id
from tests.api.accounts.test_api_keys import create as create_key
from tests.api.analytics.history import ZONES, History
from tests.support.client import Api
from tests.support.factories import make_venue
from tests.support.statements import statements

STATS: Final = """
    query ($first: Int) { customers(first: $first) { nodes {
        id name stats { visits noShows lastVisitAt spent { amount currencyCode } }
    } } }
"""
ADD: Final = """
    INSERT INTO customers (tenant_id, id, name, name_key, name_search, version, created_at)
    SELECT $1, gen_random_uuid(), 'Regular', 'regular', 'regular', 1, now()
    FROM generate_series(1, 8) RETURNING id
"""
BOOKINGS: Final = "SELECT id, customer_id, status, starts_at FROM bookings WHERE tenant_id = $1"
ENTRIES: Final = "SELECT * FROM ledger_entries WHERE tenant_id = $1"


@pytest.mark.parametrize("seed", [1, 2, 3], ids=["one", "two", "three"])
async def test_the_figures_equal_a_recount(
    api: Api, runtime: Runtime, database: DatabaseUrls, seed: int
) -> None:
    venue = await make_venue(runtime, currency="KWD")
    admin = await asyncpg.connect(database.owner)
    try:
        customers = [row["id"] for row in await admin.fetch(ADD, venue.tenant.id)]
        first = ZONES[0][1]
        story = History(venue, admin, runtime, Random(seed), first, [None, *customers[1:]])
        await story.fill(60)
        for _ in range(20):
            await story.change()
        expected = await recounted(admin, venue.tenant.id)
    finally:
        await admin.close()

    answer = await api(STATS, {"first": 20}, token=venue.staff.token)

    shown = {decode_id("Customer", each["id"]): each["stats"] for each in answer.payload["nodes"]}
    nothing: dict[str, Any] = {"visits": 0, "noShows": 0, "lastVisitAt": None, "spent": []}
    assert len(shown) == 10
    assert shown == {id: expected.get(id, nothing) for id in shown}
    assert shown[customers[0]] == nothing
    assert any(len(each["spent"]) == 2 for each in shown.values())
    assert any(each["noShows"] for each in shown.values())


async def test_a_page_takes_one_statement_for_all_customers(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    counts = []
    for first in (1, 2):
        with statements(runtime) as sent:
            answer = await api(STATS, {"first": first}, token=venue.staff.token)
        assert len(answer.payload["nodes"]) == first
        counts.append(len(sent))

    assert counts == [3, 3]


async def test_what_was_spent_is_for_those_who_see_payments(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    created = await create_key(api, venue.owner.token, "customers:read", "bookings:read")
    of_customers = await create_key(api, venue.owner.token, "customers:read")

    own = await api(STATS, token=venue.guest.token)
    without_payments = await api(STATS, {"first": 1}, token=created.payload["secret"])
    without_bookings = await api(STATS, {"first": 1}, token=of_customers.payload["secret"])

    nothing = {"visits": 0, "noShows": 0, "lastVisitAt": None}
    assert [each["stats"] for each in own.payload["nodes"]] == [{**nothing, "spent": []}]
    assert without_payments.codes == without_bookings.codes == ["FORBIDDEN"]
    (partly,) = without_payments.partial["customers"]["nodes"]
    assert partly["stats"] == {**nothing, "spent": None}
    (hidden,) = without_bookings.partial["customers"]["nodes"]
    assert hidden["stats"] is None


async def recounted(admin: asyncpg.Connection, tenant_id: Any) -> dict[Any, Any]:
    """Returns the figures of all customers with bookings, counted row by row."""
    bookings = await admin.fetch(BOOKINGS, tenant_id)
    entries = await admin.fetch(ENTRIES, tenant_id)
    figures = {}
    for id in {each["customer_id"] for each in bookings}:
        own = [each for each in bookings if each["customer_id"] == id]
        visits = [each for each in own if each["status"] in ("checked_in", "completed")]
        money: dict[str, int] = {}
        for each in entries:
            is_own = any(booking["id"] == each["booking_id"] for booking in own)
            if is_own and each["account"] in ("received", "refunded"):
                code = each["currency_code"]
                money[code] = money.get(code, 0) + each["amount_minor"]
        figures[id] = {
            "visits": len(visits),
            "noShows": sum(each["status"] == "no_show" for each in own),
            "lastVisitAt": max(
                (each["starts_at"].strftime("%Y-%m-%dT%H:%M:%SZ") for each in visits), default=None
            ),
            "spent": [
                {"amount": Money(money[code], code).amount, "currencyCode": code}
                for code in sorted(money)
            ],
        }
    return figures
