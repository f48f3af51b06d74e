"""Stores the time zones of a newer `tzdata`, and lists bookings that it moves.

python -m commands.time_zones                 store the installed release; list what it moves
python -m commands.time_zones --since 2026a   list what has moved since that release
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import Final

import asyncpg

from commands.database_logins import CannotRun, present_owner
from domain.bookings.lifecycle import OCCUPYING
from domain.core.clock_changes import RELEASE, zone_clocks
from domain.core.formatting import counted
from domain.core.local_time import zone_names
from kit.settings import SettingsError, load_settings

KEPT: Final = 3
"""Releases that are kept: processes of the previous version still read theirs."""

_KNOWN: Final = "SELECT DISTINCT release FROM zone_clocks ORDER BY release DESC"
_FORGET: Final = "DELETE FROM zone_clocks WHERE release <> ALL ($1)"

# A booking keeps its instant; the venue's local time at that instant may change.
_MOVED: Final = """
    SELECT tenants.subdomain, reference, was.at AS was, now.at AS now
    FROM tenants
    JOIN bookings ON tenant_id = tenants.id
    CROSS JOIN LATERAL (SELECT to_char(timezone('UTC', starts_at)
        + offsets[width_bucket(starts_at, changes) + 1]::interval, 'YYYY-MM-DD HH24:MI') AS at
        FROM zone_clocks WHERE release = $2 AND name = time_zone) AS was
    CROSS JOIN LATERAL (SELECT to_char(timezone('UTC', starts_at)
        + offsets[width_bucket(starts_at, changes) + 1]::interval, 'YYYY-MM-DD HH24:MI') AS at
        FROM zone_clocks WHERE release = $3 AND name = time_zone) AS now
    WHERE tenants.id = $1 AND ends_at > now() AND status = ANY ($4) AND was.at <> now.at
    ORDER BY starts_at, reference
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 on success, 1 if the release to compare with isn't stored, 2 without a database."""
    parser = argparse.ArgumentParser(
        prog="python -m commands.time_zones",
        description="List future bookings whose local time a newer tzdata changes.",
    )
    parser.add_argument(
        "--since", help="the release to compare with, such as 2026a; the previous one by default"
    )
    given = parser.parse_args(arguments)
    try:
        return asyncio.run(_list(given.since))
    except (CannotRun, SettingsError, OSError, asyncpg.PostgresError) as error:
        print(error, file=sys.stderr)
        return 2


async def store_zone_clocks(owner: str) -> None:
    """Stores the time zones of the installed release, if they aren't stored yet."""
    connection = await asyncpg.connect(owner)
    try:
        await _store(connection)
    finally:
        await connection.close()


async def _store(connection: asyncpg.Connection) -> None:
    known = [row["release"] for row in await connection.fetch(_KNOWN)]
    if RELEASE in known:
        return
    clocks = await asyncio.to_thread(zone_clocks, sorted(zone_names()))
    rows = [(RELEASE, name, each.changes, each.offsets) for name, each in clocks.items()]
    async with connection.transaction():
        await connection.copy_records_to_table("zone_clocks", records=rows)
        await connection.execute(_FORGET, [RELEASE, *known[: KEPT - 1]])


async def _list(since: str | None) -> int:
    connection = await asyncpg.connect(present_owner(load_settings()))
    try:
        await _store(connection)
        known = [row["release"] for row in await connection.fetch(_KNOWN)]
        before = since or next((each for each in known if each < RELEASE), None)
        print(f"Wall clocks are those of tzdata {RELEASE}.")
        if before is None:
            print("No release before it is stored: there is nothing to compare with.")
            return 0
        if before not in known:
            print(f"Not stored: {before}; there are {', '.join(known)}.", file=sys.stderr)
            return 1
        number = await _moved(connection, before)
        moved = counted(number, "booking")
        print(f"{moved} to come: another time on the venue's clock than by {before}.")
        return 0
    finally:
        await connection.close()


async def _moved(connection: asyncpg.Connection, before: str) -> int:
    """Prints future bookings whose local time has changed, and returns their number."""
    statuses = [each.value for each in OCCUPYING]
    number = 0
    for tenant in await connection.fetch("SELECT id FROM tenants ORDER BY subdomain"):
        async with connection.transaction():
            # Row-level security applies to the owner too.
            await connection.execute("SELECT set_config('app.tenant', $1, true)", str(tenant["id"]))
            rows = await connection.fetch(_MOVED, tenant["id"], before, RELEASE, statuses)
        for row in rows:
            print(f"{row['subdomain']:<20}  {row['reference']}  {row['was']} -> {row['now']}")
        number += len(rows)
    return number


if __name__ == "__main__":
    sys.exit(main())
