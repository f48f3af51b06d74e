"""Cached facts of venues: read once, detected when outdated, and bounded."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta

import asyncpg
import pytest

from domain.bookings.availability import reasons_against
from domain.bookings.slot_facts import facts_window
from domain.core.ids import RoomId
from domain.venue.hours import Weekday
from kit.actor import Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from resolvers.billing.booking_permit import BOOKING_PERMIT
from resolvers.bookings import venue_facts as module
from resolvers.bookings.calendars import load_calendar, load_venue, wish_of
from resolvers.bookings.venue_facts import KeptFacts, venue_facts
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING
from tests.support.desk import BookingClient
from tests.support.factories import Venue, api_id, make_venue
from tests.support.statements import statements

DAY = timedelta(days=1)
CHANGES = {
    "a room": "UPDATE rooms SET capacity = capacity + 1 WHERE tenant_id = $1",
    "another room": """
        INSERT INTO rooms SELECT (jsonb_populate_record(r, jsonb_build_object(
            'id', gen_random_uuid()))).* FROM rooms r WHERE tenant_id = $1 LIMIT 1""",
    "weekly hours": "UPDATE weekday_hours SET intervals = '[]' WHERE tenant_id = $1",
    "no weekly hours": "DELETE FROM weekday_hours WHERE tenant_id = $1",
    "an exception": """
        INSERT INTO hours_exceptions (tenant_id, id, date, intervals)
        VALUES ($1, gen_random_uuid(), '2027-03-08', '[]')""",
    "a blackout": """
        INSERT INTO blackouts (tenant_id, id, starts_at, ends_at, created_at)
        VALUES ($1, gen_random_uuid(), '2027-03-08', '2027-03-09', now())""",
    "a rule": "UPDATE tenants SET min_notice_minutes = 0 WHERE id = $1",
    "terms": "UPDATE tenants SET payment_policy = 'full' WHERE id = $1",
    "the plan": "UPDATE tenants SET plan_code = 'STARTER' WHERE id = $1",
    "a subscription": """
        INSERT INTO billing_subscriptions (tenant_id, id, gateway, plan_code, status, begun_at,
            cancels_at_period_end, archive_room_ids, looks, seen, version)
        VALUES ($1, gen_random_uuid(), 'local', 'STARTER', 'unpaid', now(), false, '[]',
            0, 0, 1)""",
}


def scope_of(runtime: Runtime, venue: Venue) -> Scope:
    return Scope(runtime, venue.staff.actor, Request(new_id()))


async def version_of(owner: asyncpg.Connection, venue: Venue) -> int:
    return await owner.fetchval(  # type: ignore[no-any-return]
        "SELECT calendar_version FROM tenants WHERE id = $1", venue.tenant.id
    )


# ------------------------------------------------------------------------------ its version


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_no_change_of_a_fact_can_forget_the_version(
    runtime: Runtime, venue: Venue, owner: asyncpg.Connection, change: str
) -> None:
    before = await venue_facts(scope_of(runtime, venue))
    other = await make_venue(runtime)
    of_other = await venue_facts(scope_of(runtime, other))
    assert before is not None and of_other is not None

    await owner.execute(change, venue.tenant.id)

    assert await version_of(owner, venue) == before.version + 1
    assert await version_of(owner, other) == of_other.version


async def test_a_change_that_is_rolled_back_raises_nothing(
    runtime: Runtime, venue: Venue, owner: asyncpg.Connection
) -> None:
    facts = await venue_facts(scope_of(runtime, venue))
    assert facts is not None

    transaction = owner.transaction()
    await transaction.start()
    await owner.execute(CHANGES["a rule"], venue.tenant.id)
    await transaction.rollback()

    assert await version_of(owner, venue) == facts.version


async def test_a_look_at_the_gateway_that_shows_nothing_new_raises_nothing(
    runtime: Runtime, venue: Venue, owner: asyncpg.Connection
) -> None:
    await owner.execute(CHANGES["a subscription"], venue.tenant.id)
    before = await version_of(owner, venue)

    await owner.execute(
        "UPDATE billing_subscriptions SET looks = 2, seen = 2 WHERE tenant_id = $1", venue.tenant.id
    )

    assert await version_of(owner, venue) == before


# ------------------------------------------------------------------------------ what is kept


async def test_facts_are_read_once(runtime: Runtime, venue: Venue) -> None:
    with statements(runtime) as sent:
        first = await venue_facts(scope_of(runtime, venue))
        second = await venue_facts(scope_of(runtime, venue))

    assert first is second
    assert len(sent) == 1


async def test_many_who_need_them_at_once_share_a_read(runtime: Runtime, venue: Venue) -> None:
    with statements(runtime) as sent:
        found = await asyncio.gather(*(venue_facts(scope_of(runtime, venue)) for _ in range(20)))

    assert len(set(map(id, found))) == 1
    assert len(sent) == 1


async def test_facts_of_a_later_version_are_read(
    runtime: Runtime, venue: Venue, owner: asyncpg.Connection
) -> None:
    outdated = await venue_facts(scope_of(runtime, venue))
    assert outdated is not None
    await owner.execute(CHANGES["a rule"], venue.tenant.id)

    found = await venue_facts(scope_of(runtime, venue), at_least=outdated.version + 1)

    assert found is not None
    assert found.version == outdated.version + 1
    assert found.venue.tenant.min_notice_minutes == 0


async def test_a_read_that_began_before_a_change_is_no_answer_after_it(
    runtime: Runtime, venue: Venue, owner: asyncpg.Connection
) -> None:
    kept = KeptFacts(BOOKING_PERMIT)
    begun = asyncio.ensure_future(kept.facts(scope_of(runtime, venue)))
    await asyncio.sleep(0)
    await owner.execute(CHANGES["a rule"], venue.tenant.id)
    version = await version_of(owner, venue)

    found = await kept.facts(scope_of(runtime, venue), at_least=version)

    assert found is not None and found.version == version
    assert (await begun) is not None


async def test_whoever_gives_up_ends_the_read_for_nobody_else(
    runtime: Runtime, venue: Venue
) -> None:
    impatient = asyncio.ensure_future(venue_facts(scope_of(runtime, venue)))
    patient = asyncio.ensure_future(venue_facts(scope_of(runtime, venue)))
    await asyncio.sleep(0)

    impatient.cancel()

    assert await patient is not None


async def test_the_venues_asked_about_last_are_kept(runtime: Runtime, venue: Venue) -> None:
    kept = KeptFacts(BOOKING_PERMIT, max_rows=25)
    others = [await make_venue(runtime) for _ in range(2)]

    # Each has ten rows: the tenant, two rooms and a week.
    first = await kept.facts(scope_of(runtime, venue))
    await kept.facts(scope_of(runtime, others[0]))
    assert await kept.facts(scope_of(runtime, venue)) is first
    await kept.facts(scope_of(runtime, others[1]))

    with statements(runtime) as sent:
        assert await kept.facts(scope_of(runtime, venue)) is first
        await kept.facts(scope_of(runtime, others[0]))
    assert len(sent) == 1


async def test_a_venue_with_too_many_facts_is_looked_at_once_a_minute(
    runtime: Runtime, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 5)

    with statements(runtime) as sent:
        assert await venue_facts(scope_of(runtime, venue)) is None
        assert await venue_facts(scope_of(runtime, venue)) is None

    assert len(sent) == 1


# ------------------------------------------------------------------------------ what they say


async def test_kept_facts_decide_as_those_read_for_the_purpose(runtime: Runtime, api: Api) -> None:
    venue = await make_venue(
        runtime,
        hours={Weekday.MONDAY: [(540, 1020)], Weekday.TUESDAY: [(1200, 1560)]},
        min_notice_minutes=30,
    )
    await disturb(BookingClient(api, runtime, venue.owner), venue)
    scope = scope_of(runtime, venue)
    kept = await venue_facts(scope)
    read = await load_venue(scope, [RoomId(room.id) for room in venue.rooms])
    wish = wish_of(scope, read, duration_minutes=60, party_size=2)
    assert kept is not None and kept.version == read.tenant.calendar_version

    starts = [MONDAY_MORNING - DAY + number * timedelta(minutes=90) for number in range(16 * 16)]
    for start in starts:
        calendar = await load_calendar(scope, read, wish.interval(start), wish)
        window = facts_window(wish.interval(start), wish)
        assert kept.covers(window)
        for id, facts in calendar.facts.items():
            of_kept = replace(kept.rooms[id].within(window), busy=facts.busy)
            assert reasons_against(of_kept, start, wish) == reasons_against(facts, start, wish)
    await scope.close()


async def disturb(desk: BookingClient, venue: Venue) -> None:
    """Gives the venue everything that can prevent a booking."""
    room, other = map(api_id, venue.rooms)
    for text in (
        f"""setBusinessHours(input: {{ roomId: "{room}", hours: [{{
            weekday: WEDNESDAY, intervals: [{{ opensAt: "00:00", closesAt: "24:00" }}] }}] }})""",
        f"""setHoursException(input: {{ date: "{date(2027, 3, 2)}", intervals: [] }})""",
        f"""setHoursException(input: {{ roomId: "{other}", date: "{date(2027, 3, 9)}",
            intervals: [{{ opensAt: "22:00", closesAt: "30:00" }}] }})""",
        """createBlackout(input: {
            startsAt: "2027-03-03T10:00:00Z", endsAt: "2027-03-03T13:00:00Z" })""",
        f"""createBlackout(input: {{ roomId: "{room}",
            startsAt: "2027-03-03T13:00:00Z", endsAt: "2027-03-12T13:00:00Z" }})""",
        f"""createBlackout(input: {{ roomId: "{room}",
            startsAt: "2027-03-12T12:00:00Z", endsAt: "2027-03-20T13:00:00Z" }})""",
        f'archiveRoom(id: "{other}", version: 1)',
    ):
        answer = await desk(f"mutation {{ {text} {{ userErrors {{ code message }} }} }}")
        assert answer.refusals == [], answer.payload
