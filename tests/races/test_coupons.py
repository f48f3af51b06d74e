"""Many who want the last use of a coupon at once, in different rooms: one gets it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from kit.actor import Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from tests.races.racers import at_once, racers, refusals, winners
from tests.support.factories import Venue, api_id, make_venue

CREATE = """mutation { createCoupon(input: { code: "LAST", discount: { percent: 50 },
  totalLimit: 1 }) { userErrors { code } } }"""
BOOK = """mutation ($room: ID!, $at: DateTime!) {
  createBooking(input: { roomId: $room, start: { at: $at }, durationMinutes: 60,
    couponCode: "last" }) { booking { id price { total { amount } } } userErrors { code } } }"""
HOLD = """mutation ($room: ID!, $at: DateTime!) {
  holdBooking(input: { roomId: $room, start: { at: $at }, durationMinutes: 60,
    couponCode: "last" }) { booking { id price { total { amount } } } userErrors { code } } }"""
_USES = text("SELECT count(*) FROM bookings WHERE tenant_id = :tenant AND coupon_id IS NOT NULL")
MONDAY = datetime(2027, 3, 8, 8, tzinfo=UTC)


async def uses(runtime: Runtime, venue: Venue) -> int:
    scope = Scope(runtime, venue.owner.actor, Request(new_id()))
    try:
        return int(await scope.value(_USES.bindparams(tenant=venue.tenant.id)))
    finally:
        await scope.close()


@pytest.mark.parametrize("number", [2, pytest.param(20, marks=pytest.mark.soak)])
async def test_of_twenty_at_once_one_has_the_last_use(
    servers: tuple[str, str], runtime: Runtime, number: int
) -> None:
    for attempt in range(number):
        venue = await make_venue(runtime, rooms=20)
        async with racers(runtime, servers, [venue.owner, venue.staff], count=20) as crowd:
            assert (await crowd[0].client.ask(CREATE, {})).refusals == []
            wanted = [
                {"room": api_id(room), "at": MONDAY + timedelta(hours=place)}
                for place, room in enumerate(venue.rooms)
            ]
            kinds = [BOOK, HOLD] if attempt % 2 else [BOOK, BOOK]

            answers = await at_once(
                racer.client.ask(kinds[place % 2], given)
                for place, (racer, given) in enumerate(zip(crowd, wanted, strict=True))
            )

        (winner,) = winners(answers)
        assert winner.payload["booking"]["price"]["total"]["amount"] == "20.00"
        assert refusals(answers) == {"COUPON_NOT_APPLICABLE"}
        assert await uses(runtime, venue) == 1
