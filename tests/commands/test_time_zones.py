"""The command that lists bookings which a newer tzdata moves."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from commands.time_zones import main
from domain.core.clock_changes import RELEASE
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from tests.support.factories import make_booking, make_venue


@pytest.fixture(autouse=True)
def _named(database: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database.owner)


async def run(*arguments: str) -> int:
    return await asyncio.to_thread(main, arguments)


async def test_bookings_to_come_that_a_newer_release_moves_are_listed(
    runtime: Runtime, database: DatabaseUrls, capsys: pytest.CaptureFixture[str]
) -> None:
    soon = datetime.now(UTC).replace(
        month=1, day=15, hour=3, minute=0, second=0, microsecond=0
    ) + timedelta(days=366)
    here = await make_venue(runtime, time_zone="America/Vancouver")
    elsewhere = await make_venue(runtime, time_zone="Europe/Berlin")
    moved = await make_booking(runtime, here, soon)
    await make_booking(runtime, here, datetime(2026, 1, 15, 3, tzinfo=UTC))
    await make_booking(runtime, elsewhere, soon)
    owner = await asyncpg.connect(database.owner)
    await owner.execute(
        """INSERT INTO zone_clocks SELECT '2025b', name, changes,
           CASE name WHEN 'America/Vancouver' THEN array_fill('-08:00'::text,
               ARRAY[cardinality(offsets)]) ELSE offsets END
           FROM zone_clocks WHERE release = $1""",
        RELEASE,
    )
    await owner.close()

    assert await run() == 0

    day = soon - timedelta(days=1)
    assert capsys.readouterr().out.splitlines()[-3:] == [
        f"Wall clocks are those of tzdata {RELEASE}.",
        f"{here.tenant.subdomain:<20}  {moved.reference}  {day:%Y-%m-%d} 19:00 -> "
        f"{day:%Y-%m-%d} 20:00",
        "1 booking to come: another time on the venue's clock than by 2025b.",
    ]


async def test_a_release_that_is_not_stored_is_no_ground_to_compare_with(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await run("--since", "1999a") == 1

    assert "Not stored: 1999a" in capsys.readouterr().err
