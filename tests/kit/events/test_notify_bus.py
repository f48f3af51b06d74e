"""Notifications between processes, and lost connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from kit.events.notify_bus import Bus
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.supervisor import supervise

END_OF_THE_BUS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'boom bus' AND datname = current_database()
"""


class Ear:
    """The notifications that one process received."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[frozenset[UUID] | None] = asyncio.Queue()

    async def message(self) -> frozenset[UUID] | None:
        async with asyncio.timeout(60):
            return await self.messages.get()

    async def tenants(self, number: int) -> set[UUID]:
        """Returns the first tenants that are heard of, so many."""
        heard: set[UUID] = set()
        while len(heard) < number:
            heard |= await self.message() or frozenset()
        return heard


@asynccontextmanager
async def process(url: str) -> AsyncIterator[tuple[Bus, Ear]]:
    """Runs a process that listens."""
    ear = Ear()
    bus = Bus(url, on_notify=ear.messages.put_nowait)
    async with supervise(bus=bus.run):
        assert await ear.message() is None
        yield bus, ear


async def test_every_process_hears_of_every_wake(database: DatabaseUrls) -> None:
    tenant_id = new_id()
    async with (
        process(database.relay) as (first, ear_of_first),
        process(database.relay) as (_, ear_of_second),
    ):
        first.wake(tenant_id)

        assert await ear_of_first.message() == frozenset({tenant_id})
        assert await ear_of_second.message() == frozenset({tenant_id})


async def test_wakes_of_the_same_moment_are_one_message(database: DatabaseUrls) -> None:
    first, second = new_id(), new_id()
    async with process(database.relay) as (bus, ear):
        for _ in range(50):
            bus.wake(first)
            bus.wake(second)

        assert await ear.message() == frozenset({first, second})
        assert ear.messages.empty()


async def test_wakes_that_go_on_are_told_at_once_and_then_now_and_again(
    database: DatabaseUrls,
) -> None:
    tenants = [new_id() for _ in range(60)]
    async with process(database.relay) as (bus, ear):
        for each in tenants:
            bus.wake(each)
            await asyncio.sleep(0.002)

        first = await ear.message()
        assert first is not None
        assert len(first) <= 5
        told = 1
        heard = set(first)
        while heard != set(tenants):
            heard |= await ear.message() or frozenset()
            told += 1
        assert told <= 20


async def test_no_number_of_tenants_is_too_long_for_a_message(database: DatabaseUrls) -> None:
    tenant_ids = {new_id() for _ in range(1_000)}
    async with process(database.relay) as (bus, ear):
        for tenant_id in tenant_ids:
            bus.wake(tenant_id)

        assert await ear.tenants(1_000) == tenant_ids


async def test_after_a_lost_connection_all_is_looked_at_again(database: DatabaseUrls) -> None:
    tenant_id = new_id()
    async with process(database.relay) as (bus, ear):
        await run(database.relay, END_OF_THE_BUS)

        assert await ear.message() is None
        assert bus.is_listening
        bus.wake(tenant_id)
        assert await ear.message() == frozenset({tenant_id})


async def test_what_is_told_without_a_connection_is_told_later(database: DatabaseUrls) -> None:
    tenant_id = new_id()
    ear = Ear()
    bus = Bus(database.relay, on_notify=ear.messages.put_nowait)
    bus.wake(tenant_id)
    assert not bus.is_listening

    async with supervise(bus=bus.run):
        assert await ear.message() is None
        assert await ear.message() == frozenset({tenant_id})


async def run(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
