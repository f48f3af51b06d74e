"""Allowances are exact in a sliding window, also for concurrent requests."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
import pytest_asyncio

from kit.errors import Throttled
from kit.postgres.connection_urls import DatabaseUrl, DatabaseUrls
from kit.postgres.database import Database
from kit.security.allowances import Allowance, Allowances, SpentStatements
from models.core.allowances import EARLIEST, REFILL, SPEND
from tests.support.clock import StoppedClock

THREE_AN_HOUR = Allowance("mails", 3, timedelta(hours=1))


@pytest_asyncio.fixture
async def pool(database: DatabaseUrls) -> AsyncIterator[Database]:
    pool = Database(DatabaseUrl(database.app).sqlalchemy)
    yield pool
    await pool.close()


@pytest_asyncio.fixture
async def allowances(
    pool: Database, database: DatabaseUrls, clock: StoppedClock
) -> AsyncIterator[Allowances]:
    yield Allowances(pool, SpentStatements(SPEND, EARLIEST, REFILL), secret=b"secret", clock=clock)
    owner = await asyncpg.connect(database.owner)
    await owner.execute("TRUNCATE spent_allowances")
    await owner.close()


async def test_the_fourth_within_an_hour_waits_for_the_first_to_be_an_hour_ago(
    allowances: Allowances, clock: StoppedClock
) -> None:
    for minutes in (0, 10, 10):
        clock.advance(minutes=minutes)
        await allowances.spend(THREE_AN_HOUR, "kim@example.com")

    with pytest.raises(Throttled, match="40 minutes") as refused:
        await allowances.spend(THREE_AN_HOUR, "kim@example.com")
    clock.advance(minutes=40)
    await allowances.spend(THREE_AN_HOUR, "kim@example.com")
    again = await allowances.try_to_spend(THREE_AN_HOUR, "kim@example.com")

    assert refused.value.retry_after_seconds == 2400
    assert again == timedelta(minutes=10)


async def test_each_subject_and_each_allowance_counts_by_itself(allowances: Allowances) -> None:
    once = Allowance("accounts", 1, timedelta(days=1))
    await allowances.spend(once, "192.0.2.1", "boom")

    await allowances.spend(once, "192.0.2.1", "salon")
    await allowances.spend(Allowance("guests", 1, timedelta(days=1)), "192.0.2.1", "boom")

    with pytest.raises(Throttled):
        await allowances.spend(once, "192.0.2.1", "boom")


async def test_a_refilled_allowance_is_as_new_and_no_other(allowances: Allowances) -> None:
    for subject in ("kim@example.com", "lee@example.com"):
        for _ in range(3):
            await allowances.spend(THREE_AN_HOUR, subject)

    await allowances.refill(THREE_AN_HOUR, "kim@example.com")
    await allowances.refill(THREE_AN_HOUR, "nobody@example.com")

    again = [await allowances.try_to_spend(THREE_AN_HOUR, "kim@example.com") for _ in range(3)]
    assert again == [timedelta()] * 3
    assert await allowances.try_to_spend(THREE_AN_HOUR, "kim@example.com")
    assert await allowances.try_to_spend(THREE_AN_HOUR, "lee@example.com")


async def test_of_twenty_at_once_three_pass(allowances: Allowances) -> None:
    waits = await asyncio.gather(
        *(allowances.try_to_spend(THREE_AN_HOUR, "kim@example.com") for _ in range(20))
    )

    assert sum(not wait for wait in waits) == 3


async def test_an_allowance_that_is_not_enforced_is_never_used_up(
    pool: Database, clock: StoppedClock
) -> None:
    statements = SpentStatements(SPEND, EARLIEST, REFILL)
    lifted = Allowances(pool, statements, secret=b"secret", clock=clock, is_enforced=False)

    for _ in range(4):
        await lifted.spend(THREE_AN_HOUR, "kim@example.com")
