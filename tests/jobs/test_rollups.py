"""How far counting is behind, as an operator sees it."""

import asyncio
from functools import partial
from itertools import pairwise
from uuid import UUID

import pytest

from jobs.rollups import RollupReader, find_oldest_uncounted
from kit.events.rollup_gauge import RollupGauge
from kit.ids import new_id
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.settings import Settings
from kit.supervisor import supervise
from resolvers.analytics.rollups import Progress
from tests.api.bookings.test_live import book
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.factories import make_venue
from tests.support.horizon import until_behind_the_horizon


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Without a worker, which would count."""
    return settings.model_copy(update={"works": False})


async def test_the_lag_is_that_of_the_oldest_entry_not_yet_counted(
    api: Api, runtime: Runtime, relay: Database, clock: StoppedClock
) -> None:
    venue = await make_venue(runtime)
    gauge = RollupGauge(partial(find_oldest_uncounted, relay), clock=clock)
    reader = RollupReader(relay)

    async def lag() -> float:
        await gauge.look()
        return gauge.lag_seconds()

    async def count() -> None:
        await until_behind_the_horizon(runtime, venue.owner)
        reader.notify(frozenset(await reader._behind()))
        await reader.count(runtime)
        while reader._due:
            await reader.count(runtime)

    await book(api, venue, "2027-03-02T10:00:00Z")
    clock.advance(seconds=90)
    never_counted = await lag()
    await count()
    counted = await lag()
    await book(api, venue, "2027-03-03T10:00:00Z")
    clock.advance(seconds=30)
    await book(api, venue, "2027-03-04T10:00:00Z")
    behind = await lag()
    await count()

    assert [never_counted, counted, behind, await lag()] == [90, 0, 30, 0]
    page = (await api.http.get("/metrics")).text.splitlines()
    assert any(line.startswith("boom_rollup_lag_seconds ") for line in page)


@pytest.mark.parametrize(("count_seconds", "pause_seconds"), [(0.0, 0.02), (0.01, 0.2)])
async def test_the_longer_counting_takes_the_longer_it_pauses(
    runtime: Runtime,
    relay: Database,
    monkeypatch: pytest.MonkeyPatch,
    count_seconds: float,
    pause_seconds: float,
) -> None:
    monkeypatch.setattr("jobs.rollups.DELAY_SECONDS", 0.02)
    reader, tenant_id = RollupReader(relay), new_id()
    began: list[float] = []
    enough = asyncio.Event()

    async def count(_: Runtime, tenant_id: UUID) -> Progress:
        began.append(asyncio.get_running_loop().time())
        if len(began) == 3:
            enough.set()
        await asyncio.sleep(count_seconds)
        reader.notify(frozenset({tenant_id}))
        return Progress.DONE

    monkeypatch.setattr(reader, "_count", count)
    reader.notify(frozenset({tenant_id}))
    async with supervise(reader=partial(reader.run, runtime)), asyncio.timeout(60):
        await enough.wait()

    gaps = [later - earlier for earlier, later in pairwise(began)]
    assert min(gaps) >= count_seconds + pause_seconds * 0.9
