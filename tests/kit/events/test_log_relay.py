"""The relay delivers all committed entries, once, in the order of the log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest

from kit.events.event_cursors import LogOffset, LogPosition
from kit.events.log_relay import Entry, Listener, Overflow, Relay
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from tests.support.factories import make_venue

PATIENCE_SECONDS = 30
INSERT = """
    INSERT INTO log (tenant_id, type, at, actor_kind, request_id, subject_type, subject_id)
    VALUES ($1, 'ROOM_UPDATED', now(), 'SYSTEM', $2, 'Room', $3)
"""


@asynccontextmanager
async def writing(url: str, tenant_id: UUID) -> AsyncIterator[asyncpg.Connection]:
    """Begins a transaction of the app's in a tenant, to be ended by the test."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("BEGIN")
        await connection.execute("SELECT set_config('app.tenant', $1, true)", str(tenant_id))
        yield connection
    finally:
        await connection.close()


async def add_entry(connection: asyncpg.Connection, tenant_id: UUID) -> UUID:
    """Adds a log entry of a new subject."""
    subject_id = new_id()
    await connection.execute(INSERT, tenant_id, new_id(), subject_id)
    return subject_id


@pytest.fixture
def relay(runtime: Runtime) -> Relay:
    found = runtime.services[Relay]
    assert isinstance(found, Relay)
    return found


def everything(_: Entry) -> bool:
    return True


async def next_subject(listener: Listener) -> UUID:
    async with asyncio.timeout(PATIENCE_SECONDS):
        entry = await listener.next()
    assert isinstance(entry, Entry)
    return entry.subject_id


async def nothing_comes(listener: Listener) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await listener.next()


async def until_up_to_date(relay: Relay, lag: float) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            if relay.lag_seconds() < lag:
                return
            await asyncio.sleep(0.01)


async def test_what_commits_late_is_not_lost(
    runtime: Runtime, relay: Relay, database: DatabaseUrls
) -> None:
    id = (await make_venue(runtime)).tenant.id
    async with (
        relay.listening(id, wants=everything) as listener,
        writing(database.app, id) as slow,
        writing(database.app, id) as fast,
    ):
        first = await add_entry(slow, id)
        second = await add_entry(fast, id)

        await fast.execute("COMMIT")
        await nothing_comes(listener)
        await slow.execute("COMMIT")

        assert await next_subject(listener) == first
        assert await next_subject(listener) == second


async def test_what_is_rolled_back_is_never_handed_out(
    runtime: Runtime, relay: Relay, database: DatabaseUrls
) -> None:
    id = (await make_venue(runtime)).tenant.id
    async with (
        relay.listening(id, wants=everything) as listener,
        writing(database.app, id) as failing,
        writing(database.app, id) as working,
    ):
        await add_entry(failing, id)
        done = await add_entry(working, id)

        await failing.execute("ROLLBACK")
        await working.execute("COMMIT")

        assert await next_subject(listener) == done
        await nothing_comes(listener)


async def test_an_open_change_elsewhere_only_delays(
    runtime: Runtime, relay: Relay, database: DatabaseUrls
) -> None:
    ours, theirs = (await make_venue(runtime)).tenant.id, (await make_venue(runtime)).tenant.id
    async with (
        relay.listening(ours, wants=everything) as listener,
        writing(database.app, theirs) as open_change,
        writing(database.app, ours) as change,
    ):
        await add_entry(open_change, theirs)
        done = await add_entry(change, ours)
        await change.execute("COMMIT")
        relay.notify(frozenset({ours}))
        await nothing_comes(listener)

        await open_change.execute("COMMIT")

        assert await next_subject(listener) == done


async def test_listeners_hear_only_their_own_tenant(
    runtime: Runtime, relay: Relay, database: DatabaseUrls
) -> None:
    ours, theirs = (await make_venue(runtime)).tenant.id, (await make_venue(runtime)).tenant.id
    async with (
        relay.listening(ours, wants=everything) as our_ear,
        relay.listening(theirs, wants=everything) as their_ear,
        writing(database.app, ours) as our_change,
        writing(database.app, theirs) as their_change,
    ):
        our_subject = await add_entry(our_change, ours)
        their_subject = await add_entry(their_change, theirs)
        await our_change.execute("COMMIT")
        await their_change.execute("COMMIT")

        assert await next_subject(our_ear) == our_subject
        assert await next_subject(their_ear) == their_subject
        await nothing_comes(our_ear)


async def test_all_listeners_of_a_tenant_hear_the_same(
    runtime: Runtime, relay: Relay, database: DatabaseUrls
) -> None:
    id = (await make_venue(runtime)).tenant.id
    async with (
        relay.listening(id, wants=everything) as first,
        relay.listening(id, wants=everything) as second,
        writing(database.app, id) as change,
    ):
        subjects = [await add_entry(change, id) for _ in range(3)]
        await change.execute("COMMIT")

        assert [await next_subject(first) for _ in range(3)] == subjects
        assert [await next_subject(second) for _ in range(3)] == subjects


async def test_more_than_a_batch_comes_in_order(
    runtime: Runtime, relay: Relay, database: DatabaseUrls
) -> None:
    id = (await make_venue(runtime)).tenant.id
    async with (
        relay.listening(id, wants=everything) as listener,
        writing(database.app, id) as change,
    ):
        subjects = [await add_entry(change, id) for _ in range(700)]
        await change.execute("COMMIT")

        assert [await next_subject(listener) for _ in range(700)] == subjects


async def test_those_who_listen_are_told_that_another_log_began(
    runtime: Runtime, relay: Relay, database: DatabaseUrls
) -> None:
    id = (await make_venue(runtime)).tenant.id
    async with relay.listening(id, wants=everything) as listener:
        await add_alone(database, id)
        async with asyncio.timeout(PATIENCE_SECONDS):
            before = await listener.next()
        await raise_generation(database)
        async with asyncio.timeout(PATIENCE_SECONDS):
            lost = await listener.next()
        after = await add_alone(database, id)

        assert isinstance(before, Entry) and isinstance(lost, Overflow)
        assert lost.bookmark.generation == before.bookmark.generation + 1
        assert await next_subject(listener) == after


async def add_alone(database: DatabaseUrls, tenant_id: UUID) -> UUID:
    """Adds a log entry in its own transaction."""
    async with writing(database.app, tenant_id) as change:
        subject_id = await add_entry(change, tenant_id)
        await change.execute("COMMIT")
    return subject_id


async def raise_generation(database: DatabaseUrls) -> None:
    owner = await asyncpg.connect(database.owner)
    await owner.execute("SELECT setval('log_generations', last_value + 1) FROM log_generations")
    await owner.close()


async def test_the_lag_grows_while_something_is_held_back(
    runtime: Runtime, relay: Relay, database: DatabaseUrls
) -> None:
    id = (await make_venue(runtime)).tenant.id
    async with (
        relay.listening(id, wants=everything) as listener,
        writing(database.app, id) as slow,
        writing(database.app, id) as fast,
    ):
        await add_entry(slow, id)
        await add_entry(fast, id)
        await fast.execute("COMMIT")
        relay.notify(frozenset({id}))
        await nothing_comes(listener)
        before = relay.lag_seconds()
        await nothing_comes(listener)
        after = relay.lag_seconds()

        await slow.execute("COMMIT")
        await next_subject(listener)
        await next_subject(listener)

        assert before + 0.25 <= after
        await until_up_to_date(relay, after)


async def test_nobody_is_behind_where_nobody_listens(relay: Relay) -> None:
    assert relay.lag_seconds() == 0


async def test_a_full_queue_drops_what_it_held_and_says_so_once() -> None:
    listener = Listener(everything, length=2)

    for position in range(1, 6):
        listener.put(entry(position))

    lost = await listener.next()
    assert isinstance(lost, Overflow)
    assert lost.place == LogOffset(7, 3)
    assert [(await listener.next()).place.position for _ in range(2)] == [4, 5]


async def test_a_queue_that_is_forgiven_goes_on() -> None:
    listener = Listener(everything, length=1)
    listener.put(entry(1))
    listener.put(entry(2))

    assert listener.take_overflow() == Overflow(entry(2).bookmark)
    listener.put(entry(3))

    assert await listener.next() == entry(3)


async def test_a_queue_holds_only_what_is_wanted() -> None:
    listener = Listener(lambda each: each.place.position % 2 == 0, length=1)

    listener.put(entry(1))
    listener.put(entry(2))
    listener.put(entry(3))

    assert await listener.next() == entry(2)


def entry(position: int) -> Entry:
    tenant = UUID("01890000-0000-7000-8000-000000000001")
    at = datetime(2027, 3, 1, tzinfo=UTC)
    bookmark = LogPosition(tenant, 1, LogOffset(7, position))
    return Entry(bookmark, "ROOM_UPDATED", at, "Room", tenant, None)
