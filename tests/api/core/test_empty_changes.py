"""A change that leaves everything as it is succeeds, and writes nothing."""

import re
from string import Template
from typing import Any, NamedTuple

import asyncpg

from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from tests.api.core.test_every_change import run, things_of
from tests.support.client import Api
from tests.support.factories import make_venue

LOGGED = "SELECT count(*) FROM log WHERE tenant_id = $1 AND actor_kind <> 'SYSTEM'"
TENANT = "tenant { version }"
NONE_EVER = 'untagCustomer(id: "$tagged", version: $version, tags: ["Not one of theirs"])'
CHANGES = [
    (
        'updateBooking(id: "$confirmed", version: $version, input: { partySize: 2, note: "Late" })',
        "booking { version }",
    ),
    (
        'rescheduleBooking(id: "$confirmed", version: $version, '
        'input: { start: { at: "2027-03-04T10:00:00Z" } })',
        "booking { version }",
    ),
    (
        "rescheduleGuestBooking(version: $version, "
        'input: { token: "$link", start: { at: "2027-03-04T11:00:00Z" } })',
        "booking { version }",
    ),
    ('updateRoom(id: "$room", version: $version, input: { capacity: 9 })', "room { version }"),
    ('setRoomParts(id: "$archived", version: $version, partIds: ["$room"])', "room { version }"),
    (
        'updateCustomer(id: "$customer", version: $version, input: { name: "Renamed" })',
        "customer { version }",
    ),
    ('tagCustomer(id: "$customer", version: $version, tags: ["VIP"])', "customer { version }"),
    (NONE_EVER, "customer { version }"),
    ('updateQuota(id: "$quota", version: $version, input: { limit: 8 })', "quota { version }"),
    (
        'updateCoupon(id: "$coupon", version: $version, input: { totalLimit: 8 })',
        "coupon { version }",
    ),
    (
        'updatePriceRule(id: "$rule", version: $version, input: { label: "Late" })',
        "priceRule { version }",
    ),
    ('updateTenant(version: $version, input: { name: "Renamed" })', TENANT),
    ("updateTenantSettings(version: $version, input: { holdMinutes: 7 })", TENANT),
    ('updateTaxSettings(version: $version, input: { taxRate: "19" })', TENANT),
    ("updatePaymentSettings(version: $version, input: { policy: DEPOSIT, percent: 30 })", TENANT),
    ('reorderPriceRules(ids: ["$rule", "$second_rule"])', "priceRules { version }"),
    (
        'setBusinessHours(input: { roomId: "$room", hours: [{ weekday: MONDAY, '
        'intervals: [{ opensAt: "10:00", closesAt: "20:00" }] }] })',
        "hours { weekday }",
    ),
    ('setHoursException(input: { date: "2027-03-06", intervals: [] })', "exception { date }"),
    ('changeUserRole(id: "$staff", role: MANAGER)', "user { role }"),
]


class Made(NamedTuple):
    """What became of a change: its refusals, the entries of the log, and how many versions."""

    refused: list[Any]
    entries: int
    versions: int


async def test_who_changes_nothing_writes_nothing(
    runtime: Runtime, api: Api, database: DatabaseUrls
) -> None:
    venue = await make_venue(runtime, rooms=2)
    things = await things_of(runtime, api, venue)
    versions = {"archived": 2, "tagged": 2}
    owner = await asyncpg.connect(database.owner)

    async def made(mutation: str, selection: str) -> Made:
        """Makes a change by the version that its subject has by now."""
        match = re.search(r'\$(\w+)", version', mutation)
        subject = match[1] if match else "confirmed" if "$link" in mutation else "tenant"
        version = versions.get(subject, 1)
        logged = await owner.fetchval(LOGGED, venue.tenant.id)
        text = Template(mutation).substitute(things, version=version)
        result = await run(api, venue, text, selection)
        shown = result[selection.split()[0]]
        if "version" in selection and isinstance(shown, dict):
            versions[subject] = shown["version"]
        entries = await owner.fetchval(LOGGED, venue.tenant.id) - logged
        return Made(result["userErrors"], entries, versions.get(subject, 1) - version)

    try:
        twice = {each[0]: [await made(*each), await made(*each)] for each in CHANGES}
    finally:
        await owner.close()

    refused = [(each, twice[each][0].refused) for each in twice]
    assert [each for each in refused if each[1]] == []
    assert [each for each in twice if twice[each][0].entries != 1] == [NONE_EVER]
    again = {each: second for each, (_, second) in twice.items()}
    nothing = Made([], entries=0, versions=0)
    assert [each for each in again.items() if each[1] != nothing] == []
