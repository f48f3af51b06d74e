"""Faults of the database: no acknowledged change is lost, and none is made twice."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from time import monotonic
from typing import Final

import pytest

from tests.faults.checks import check_books
from tests.faults.conftest import Say
from tests.faults.listeners import listening
from tests.faults.postgres_faults import App, FaultyPostgres
from tests.faults.writers import Report, Writers
from tests.support.factories import Venue

UNAVAILABLE_WAYS: Final = {(503, "1")}
BACK_WITHIN_SECONDS: Final = 15
HANG_SECONDS: Final = 40

Fault = Callable[[FaultyPostgres], Awaitable[None]]
"""Does something to the database, and returns once it is there again."""


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(FaultyPostgres.terminate_a_connection, id="a connection is terminated"),
        pytest.param(FaultyPostgres.kill_a_connection, id="a backend is killed"),
        pytest.param(FaultyPostgres.kill_everything, id="the postmaster is killed"),
        pytest.param(
            FaultyPostgres.terminate_the_bus, id="the connection that listens is terminated"
        ),
        pytest.param(FaultyPostgres.have_no_connections_left, id="no connections are left"),
        pytest.param(FaultyPostgres.fill_the_disk, id="the disk is full"),
        pytest.param(FaultyPostgres.lock_the_bookings, id="a lock is held for too long"),
    ],
)
async def test_what_was_acknowledged_is_stored_once(
    house: FaultyPostgres, app: App, venue: Venue, say: Say, fault: Fault
) -> None:
    await go_through(fault, house, app, venue, say, writers=12)


@pytest.mark.soak
@pytest.mark.parametrize("writers", [8, 64])
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(FaultyPostgres.terminate_a_connection, id="a connection is terminated"),
        pytest.param(FaultyPostgres.kill_a_connection, id="a backend is killed"),
        pytest.param(FaultyPostgres.kill_everything, id="the postmaster is killed"),
        pytest.param(
            FaultyPostgres.terminate_the_bus, id="the connection that listens is terminated"
        ),
        pytest.param(FaultyPostgres.have_no_connections_left, id="no connections are left"),
        pytest.param(FaultyPostgres.fill_the_disk, id="the disk is full"),
        pytest.param(partial(FaultyPostgres.lock_the_bookings, seconds=13), id="a lock is held"),
        pytest.param(FaultyPostgres.let_statements_hang, id="statements hang"),
        pytest.param(FaultyPostgres.freeze, id="the server is frozen"),
    ],
)
async def test_what_was_acknowledged_is_stored_once_each_of_three_times(
    house: FaultyPostgres, app: App, venue: Venue, say: Say, fault: Fault, writers: int
) -> None:
    await go_through(fault, house, app, venue, say, writers=writers, times=3)


async def go_through(
    fault: Fault,
    house: FaultyPostgres,
    app: App,
    venue: Venue,
    say: Say,
    *,
    writers: int,
    times: int = 1,
) -> None:
    """Causes a fault during writes, and checks responses against stored data."""
    pids = [each.pid for each in app.workers]
    crowd = Writers(app.address, venue, [venue.owner, venue.admin])
    async with listening(app, venue.owner.token) as listener:
        async with crowd.at_work(number=writers) as report:
            for _ in range(times):
                await crowd.gain(20)

                await fault(house)

                back = monotonic()
                await crowd.gain(20)
            await asyncio.sleep(1)
        heard = await listener.hears(report.bookings)

    say(f"{writers} writers: {report}, back after {report.first_success_after(back):.2f} s")
    assert [each.pid for each in app.workers] == pids
    assert sorted(heard) == sorted(report.bookings)
    await check(house, venue, report, back=back)


async def check(house: FaultyPostgres, venue: Venue, report: Report, *, back: float) -> None:
    assert report.codes <= {"UNAVAILABLE"}
    assert report.ways <= UNAVAILABLE_WAYS
    assert report.hung_up == 0
    assert report.slowest < HANG_SECONDS
    assert report.first_success_after(back) < BACK_WITHIN_SECONDS
    assert report.failed_after(back + BACK_WITHIN_SECONDS) == []
    await check_books(house, venue, report)
