"""Bookings of one customer at once never exceed a quota, whichever server each of them reaches."""

from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any

import pytest
from sqlalchemy import text

from domain.core.intervals import Interval
from kit.actor import Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from tests.races.clients import Client
from tests.races.outcome import books
from tests.races.racers import Racer, Slot, at_once, racers, refusals, winners
from tests.support.factories import Venue, api_id, make_venue

QUOTA = """mutation {
  createQuota(input: { measure: BOOKINGS, period: WEEK, limit: 3 }) { userErrors { code } } }"""
_STANDING = text("""
    SELECT count(*) FROM bookings WHERE tenant_id = :tenant AND customer_id = :customer
    AND status IN ('held', 'pending', 'confirmed', 'checked_in')
""")
KEY = """mutation { createApiKey(input: { name: "Website", permissions: [
  "bookings:write", "bookings:read", "customers:read"
]}) { secret userErrors { code } } }"""
FOR = """mutation ($room: ID!, $at: DateTime!, $customer: ID!) {
  createBooking(input: { roomId: $room, start: { at: $at }, durationMinutes: 60,
    customer: { id: $customer } }) { booking { id version status } userErrors { code } } }"""
MONDAY = datetime(2027, 3, 8, 8, tzinfo=UTC)


def slots(venue: Venue, count: int) -> list[Slot]:
    """Returns times of one week, in all rooms."""
    return [
        Slot(room, Interval.of_minutes(MONDAY + timedelta(hours=2 * number), 60))
        for number, room in zip(range(count), cycle(venue.rooms), strict=False)
    ]


async def standing(runtime: Runtime, venue: Venue) -> int:
    scope = Scope(runtime, venue.owner.actor, Request(new_id()))
    try:
        given = {"tenant": venue.tenant.id, "customer": venue.customer.id}
        return int(await scope.value(_STANDING.bindparams(**given)))
    finally:
        await scope.close()


async def with_quota(crowd: list[Racer]) -> None:
    assert (await crowd[-1].client.ask(QUOTA, {})).refusals == []


@pytest.mark.parametrize("number", [1, pytest.param(20, marks=pytest.mark.soak)])
async def test_of_thirty_at_once_three_are_booked(
    servers: tuple[str, str], runtime: Runtime, number: int
) -> None:
    for _ in range(number):
        venue = await make_venue(runtime, rooms=10)
        people = [*[venue.guest] * 30, venue.owner]
        async with racers(runtime, servers, people, count=31) as crowd:
            await with_quota(crowd)
            times = zip(crowd[:30], slots(venue, 30), strict=True)

            answers = await at_once(racer.book(slot) for racer, slot in times)

        assert len(winners(answers)) == await standing(runtime, venue) == 3
        assert refusals(answers) == {"QUOTA_EXCEEDED"}
        assert (await books(runtime, venue)).overlaps == 0


async def test_programs_that_book_for_one_customer_are_counted_together(
    servers: tuple[str, str], runtime: Runtime
) -> None:
    venue = await make_venue(runtime, rooms=10)
    async with racers(runtime, servers, [venue.owner], count=1) as (owner,):
        await with_quota([owner])
        key = (await owner.client.ask(KEY, {})).payload["secret"]
        crowd = [
            await Client.connect(address, token=key)
            for address, _ in zip(cycle(servers), range(30), strict=False)
        ]
        customer = {"customer": api_id(venue.customer)}
        wanted = [
            {"room": slot.variables["room"], "at": slot.time.start, **customer}
            for slot in slots(venue, 30)
        ]

        answers = await at_once(
            client.ask(FOR, given) for client, given in zip(crowd, wanted, strict=True)
        )

        await at_once(client.close() for client in crowd)
    assert len(winners(answers)) == await standing(runtime, venue) == 3
    assert refusals(answers) == {"QUOTA_EXCEEDED"}


async def test_holds_bookings_and_cancellations_at_once_stay_within_the_quota(
    servers: tuple[str, str], runtime: Runtime
) -> None:
    venue = await make_venue(runtime, rooms=10)
    async with racers(runtime, servers, [*[venue.guest] * 20, venue.owner], count=21) as crowd:
        await with_quota(crowd)
        times = slots(venue, 40)
        first = winners(await at_once(r.book(s) for r, s in zip(crowd[:20], times, strict=False)))
        cancel = """mutation ($id: ID!, $version: Int!) {
          cancelBooking(id: $id, version: $version, input: {}) { userErrors { code } } }"""

        def attempt(number: int, racer: Racer) -> Any:
            if number < 2:
                booking = first[number].payload["booking"]
                given = {"id": booking["id"], "version": booking["version"]}
                return racer.client.ask(cancel, given)
            slot = times[20 + number]
            return racer.hold(slot) if number % 2 else racer.book(slot)

        answers = await at_once(attempt(*each) for each in enumerate(crowd[:20]))

    assert len(first) == 3
    assert refusals(answers) <= {"QUOTA_EXCEEDED"}
    assert 1 <= await standing(runtime, venue) <= 3
