"""Wall clocks in SQL follow the pinned tzdata, not PostgreSQL's own."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Text, column, func, literal, select, true
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP
from sqlalchemy.types import TypeEngine

from domain.core.intervals import Interval
from domain.core.local_time import local_period, zone, zone_names
from kit.actor import ANONYMOUS, Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.core.zone_clocks import utc_offset, wall_clock
from tests.kit.graphql.compiler.conftest import Both
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient, made
from tests.support.factories import make_venue

MONTHS = [datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(days=30 * n) for n in range(49)]
LOCAL = "{ bookings { nodes { local { timeZone start end utcOffsetStart utcOffsetEnd } } } }"


@pytest.fixture
def clock() -> StoppedClock:
    """A time before the winter of 2026."""
    clock = StoppedClock()
    clock.now = datetime(2026, 12, 1, 9, tzinfo=UTC)
    return clock


def of_each(name: str, values: Sequence[object], kind: TypeEngine[Any]) -> Any:
    """Values as the rows of a table."""
    listed = func.unnest(literal(values, ARRAY(kind)))
    return listed.table_valued(column(name, kind), name=f"every_{name}").render_derived()


async def test_vancouver_keeps_its_summer_time_in_both_ways_of_reading(
    both: Both, runtime: Runtime
) -> None:
    venue = await make_venue(runtime, time_zone="America/Vancouver")
    start = {"local": {"date": "2026-12-15", "time": "19:00"}}

    booked = made(
        await BookingClient(both.compiled, runtime, venue.staff).create(
            venue.rooms[0], "", start=start
        )
    )
    read = await both(LOCAL, token=venue.staff.token)

    # By releases before 2026 it is 03:00 UTC, and reads 20:00 or 19:00 with the offset -08:00.
    assert booked["startsAt"] == "2026-12-16T02:00:00Z"
    assert booked["local"]["start"] == "2026-12-15T19:00"
    assert read.payload["nodes"] == [
        {
            "local": {
                "timeZone": "America/Vancouver",
                "start": "2026-12-15T19:00",
                "end": "2026-12-15T20:00",
                "utcOffsetStart": "-07:00",
                "utcOffsetEnd": "-07:00",
            }
        }
    ]


async def test_every_zone_reads_the_same_in_sql_and_in_python_until_2030(runtime: Runtime) -> None:
    names = sorted(zone_names())
    zones = of_each("name", names, Text())
    months = of_each("at", MONTHS, TIMESTAMP(timezone=True))
    name, at = zones.c.name, months.c.at
    scope = Scope(runtime, ANONYMOUS, Request(new_id()))

    read = await scope.rows(
        select(name, at, wall_clock(name, at), utc_offset(name, at))
        .select_from(zones.join(months, true()))
        .order_by(name, at)
    )
    await scope.close()

    periods = {
        (name, at): local_period(Interval.of_minutes(at, 1), zone(name)) for name, at, *_ in read
    }
    assert len(read) == len(names) * len(MONTHS)
    assert [tuple(row[2:]) for row in read] == [
        (each.start, each.utc_offset_start) for each in periods.values()
    ]
