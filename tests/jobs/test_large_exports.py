"""A million rows take no more memory than a thousand."""

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from kit.clock import system_clock
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from tests.support.database import SECRET
from tests.support.factories import Venue, make_venue

ROWS: Final = 1_000_000
MOST_MB: Final = 100
BOOKINGS: Final = """
    INSERT INTO bookings (tenant_id, id, reference, room_id, customer_id, status, starts_at,
        ends_at, occupied, party_size, note, price_minor, currency_code, was_confirmed, version,
        link_version, created_at, updated_at)
    SELECT $1, gen_random_uuid(), 'R' || lpad(n::text, 7, '0'), $2, $3, 'completed',
        $4::timestamptz - n * interval '1 minute', $4::timestamptz - (n - 30) * interval '1 minute',
        tstzrange($4::timestamptz - n * interval '1 minute',
                  $4::timestamptz - (n - 30) * interval '1 minute'),
        2, 'Note ' || n, 4000, 'EUR', true, 1, 1, $4, $4
    FROM generate_series(1, $5::int) AS n
"""
EXPORT: Final = """
    INSERT INTO exports (tenant_id, id, kind, format, status, permissions, created_by_id, attempt,
        interruptions, progress, row_count, version, created_at, span_from, span_until)
    VALUES ($1, $2, 'BOOKINGS', $3, 'QUEUED', $4, $5, 0, 0, 0, 0, 1, $6, $7, $8)
"""
PERMISSIONS: Final = """
    ["analytics:read", "bookings:read", "customers:contact", "customers:read", "prices:read"]
"""


async def export_of(admin: asyncpg.Connection, venue: Venue, format: str, *, days: int) -> str:
    """Returns a new export of so many days, or of all."""
    id, now = new_id(), system_clock()
    span = (now - timedelta(days=days), now) if days else (None, None)
    await admin.execute(
        EXPORT, venue.tenant.id, id, format, PERMISSIONS, venue.owner.user.id, now, *span
    )
    return str(id)


@pytest.mark.soak
@pytest.mark.parametrize("format", ["CSV", "JSONL", "XLSX"])
async def test_a_million_rows_take_less_than_100_mb_more_than_a_few(
    present: Runtime,
    database: DatabaseUrls,
    admin: asyncpg.Connection,
    tmp_path: Path,
    format: str,
) -> None:
    venue = await make_venue(present)
    # What takes long to fill, and no export reads.
    await admin.execute("DROP INDEX IF EXISTS ix_bookings_search")
    await admin.execute(
        BOOKINGS,
        venue.tenant.id,
        venue.rooms[0].id,
        venue.customer.id,
        system_clock(),
        ROWS,
        timeout=600,
    )
    await admin.execute("ANALYZE bookings")
    small = await export_of(admin, venue, format, days=1)
    large = await export_of(admin, venue, format, days=0)

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.jobs.large_export", str(venue.tenant.id), small, large),
        env={
            **os.environ,
            "BOOM_APP_DATABASE_URL": database.app,
            "BOOM_RELAY_DATABASE_URL": database.relay,
            "BOOM_SECRET": SECRET.decode(),
            "BOOM_DATA": str(tmp_path),
        },
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()

    lines = [line.split() for line in said.decode().splitlines() if line[0].isdigit()]
    (before, *_), (after, cpu, seconds) = [line for line in lines if len(line) == 3]
    made = await admin.fetchrow(
        "SELECT row_count, byte_count FROM exports WHERE id = $1 AND status = 'DONE'", large
    )
    assert made is not None
    rows, size = made
    sys.stdout.write(
        f"\n{format}: {rows} rows, {size / 1e6:.0f} MB in {seconds} s, {cpu} s of processor time; "
        f"peak {before} MB before, {after} MB after"
    )
    assert rows == ROWS
    assert int(after) - int(before) < MOST_MB
