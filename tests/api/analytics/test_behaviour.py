"""Events of visitors over the API: counted once, by date, and never at the cost of bookings."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from jobs.purge import purge_expired
from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.settings import Settings
from tests.support.client import Answer, Api, From
from tests.support.clock import StoppedClock
from tests.support.factories import Venue, make_venue

TRACK = """
    mutation ($input: TrackEventsInput!) {
      trackEvents(input: $input) { counted userErrors { code path } }
    }
"""
FUNNEL = """
    { analytics(span: {from: "2027-02-28", until: "2027-03-03"}) {
        funnel { date viewed searched held booked conversion }
    } }
"""


@pytest_asyncio.fixture
async def admin(database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.owner)
    yield connection
    await connection.close()


async def track(api: Api, venue: Venue, **actions: str) -> Answer:
    """Sends events with these ids and actions."""
    events = [{"id": id, "action": action} for id, action in actions.items()]
    return await send(api, venue.tenant.subdomain, events)


async def send(api: Api, subdomain: str, events: list[Any]) -> Answer:
    return await api(TRACK, {"input": {"subdomain": subdomain, "events": events}})


async def test_visitors_are_counted_by_date_and_each_event_once(
    api: Api, runtime: Runtime, clock: StoppedClock
) -> None:
    venue, other = await make_venue(runtime), await make_venue(runtime)

    first = await track(api, venue, a="VIEWED", b="VIEWED", c="SEARCHED", d="HELD")
    again = await track(api, venue, a="VIEWED", b="BOOKED", e="BOOKED")
    elsewhere = await track(api, other, a="VIEWED")
    # Past midnight in Berlin, and so on the next date.
    clock.advance(hours=14.5)
    later = await track(api, venue, f="VIEWED")
    clock.advance(hours=-14.5)
    answer = await api(FUNNEL, token=venue.owner.token)

    counted = [each.payload["counted"] for each in (first, again, elsewhere, later)]
    assert counted == [4, 1, 1, 1]
    nothing = {"viewed": 0, "searched": 0, "held": 0, "booked": 0, "conversion": None}
    assert answer.payload["funnel"] == [
        {"date": "2027-02-28", **nothing},
        {
            "date": "2027-03-01",
            "viewed": 2,
            "searched": 1,
            "held": 1,
            "booked": 1,
            "conversion": 0.5,
        },
        {"date": "2027-03-02", **nothing, "viewed": 1, "conversion": 0},
    ]


async def test_nothing_else_of_an_event_is_kept_and_its_key_for_a_day(
    api: Api,
    runtime: Runtime,
    relay: Database,
    admin: asyncpg.Connection,
    clock: StoppedClock,
) -> None:
    venue = await make_venue(runtime)
    keys = "SELECT * FROM tracked_keys WHERE tenant_id = $1"
    await track(api, venue, ann="VIEWED")

    (row,) = await admin.fetch(keys, venue.tenant.id)
    clock.advance(hours=23)
    await purge_expired(runtime, relay)
    kept = await admin.fetch(keys, venue.tenant.id)
    clock.advance(hours=2)
    await purge_expired(runtime, relay)

    assert list(row.keys()) == ["tenant_id", "key", "at"]
    assert b"ann" not in row["key"]
    assert len(kept) == 1
    assert await admin.fetch(keys, venue.tenant.id) == []
    assert (await track(api, venue, ann="VIEWED")).payload["counted"] == 1


async def test_no_events_too_many_and_ids_of_nothing_are_refused(
    api: Api, runtime: Runtime
) -> None:
    venue = await make_venue(runtime)
    subdomain = venue.tenant.subdomain
    many = [{"id": str(number), "action": "VIEWED"} for number in range(101)]

    none = await send(api, subdomain, [])
    nameless = await send(api, subdomain, [{"id": "", "action": "VIEWED"}])
    too_many = await send(api, subdomain, many)

    assert (none.refusals, nameless.refusals) == (["INVALID"], ["INVALID"])
    assert too_many.codes == ["TOO_COMPLEX"]
    assert (await send(api, subdomain, many[:100])).payload["counted"] == 100


async def test_unknown_actions_and_venues_are_refused(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    unknown = await track(api, venue, a="PAID")
    nowhere = await send(api, "nowhere", [{"id": "a", "action": "VIEWED"}])

    assert unknown.codes == ["BAD_USER_INPUT"]
    assert nowhere.refusals == ["NOT_FOUND"]


class TestLimited:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"rate_limit": True})

    async def test_a_flood_from_one_address_is_refused_and_others_go_on(
        self, at: From, runtime: Runtime
    ) -> None:
        venue = await make_venue(runtime)
        flooding, visitor = at("203.0.113.7"), at("203.0.113.8")
        batch = [{"id": str(n), "action": "VIEWED"} for n in range(100)]
        subdomain = venue.tenant.subdomain

        flood = [await send(flooding, subdomain, batch) for _ in range(4)]
        other = await send(visitor, subdomain, batch[:1])

        assert [each.codes for each in flood] == [[], [], [], ["THROTTLED"]]
        assert other.codes == []
