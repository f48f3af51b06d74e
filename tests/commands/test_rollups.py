"""Making all figures anew from the command line."""

from random import Random

import asyncpg
import pytest

from commands.rollups import main, rebuild
from jobs.rollups import RollupReader
from kit.actor import Actor, ActorKind, Request
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from resolvers.analytics.rollups import Progress, count_entries
from resolvers.core.transactions import perform
from tests.api.analytics.history import History
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import make_venue


async def test_all_figures_are_made_anew_bar_by_bar(
    runtime: Runtime, database: DatabaseUrls
) -> None:
    admin = await asyncpg.connect(database.owner)
    venue = await make_venue(runtime, rooms=4)
    history = History(
        venue, admin, runtime, Random(3), MONDAY_MORNING.date(), [venue.customer.id, None]
    )
    await history.fill(40)
    await history.rebuild()
    kept = await history.rollups()
    await admin.execute(
        "UPDATE analytics_days SET bookings = 99 WHERE tenant_id = $1", venue.tenant.id
    )
    shown: list[tuple[int, int]] = []

    await rebuild(runtime, venue.tenant.id, lambda done, dates: shown.append((done, dates)))

    assert await history.rollups() == kept
    await admin.close()
    dates = shown[0][1]
    assert dates >= len(kept[0])
    assert shown == [*[(n, dates) for n in range(31, dates, 31)], (dates, dates)]


async def test_the_poll_finds_venues_that_are_behind(
    runtime: Runtime, relay: Database, database: DatabaseUrls
) -> None:
    venue = await make_venue(runtime)
    reader = RollupReader(relay)
    before = await reader._behind()
    system = Actor(ActorKind.SYSTEM, venue.tenant.id)
    while await _counted(runtime, system) is not Progress.DONE:
        pass

    after = await reader._behind()

    assert venue.tenant.id in before
    assert venue.tenant.id not in after


async def _counted(runtime: Runtime, system: Actor) -> Progress:
    return (await perform(runtime, system, Request(new_id()), count_entries)).result


def test_an_unknown_venue_is_named(
    database: DatabaseUrls, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BOOM_APP_DATABASE_URL", database.app)
    monkeypatch.setenv("BOOM_RELAY_DATABASE_URL", database.relay)
    monkeypatch.delenv("DATABASE_URL", raising=False)

    status = main(["nowhere"])

    assert status == 1
    assert capsys.readouterr().err == "There is no venue nowhere.\n"


def test_all_venues_are_shown_when_they_are_done(
    database: DatabaseUrls, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BOOM_APP_DATABASE_URL", database.app)
    monkeypatch.setenv("BOOM_RELAY_DATABASE_URL", database.relay)
    monkeypatch.delenv("DATABASE_URL", raising=False)

    status = main([])

    assert status == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all("█" * 30 in line for line in lines if line)
