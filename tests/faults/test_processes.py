"""Ends of our processes: no acknowledged change is lost, and none is made twice."""

import asyncio
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Final

import psutil
import pytest
import pytest_asyncio

from domain.bookings.lifecycle import Status
from kit.clock import system_clock
from schema.core.global_ids import encode_id
from tests.faults.checks import check_books
from tests.faults.conftest import Say, new_venue
from tests.faults.ledger import logged
from tests.faults.listeners import crowd
from tests.faults.postgres_faults import App, FaultyPostgres, serving
from tests.faults.writers import Writers
from tests.support.factories import Venue, make_booking

BACK_WITHIN_SECONDS: Final = 15
DRAINED_WITHIN_SECONDS: Final = 20
DROPPED_WITHIN_SECONDS: Final = 30
MORE_MEMORY: Final = 200 * 2**20


@pytest_asyncio.fixture(scope="module")
async def two(
    house: FaultyPostgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[App]:
    """An app in two processes."""
    async with serving(house, tmp_path_factory.mktemp("two"), workers=2) as app:
        yield app


async def test_two_processes_keep_what_one_promises(
    house: FaultyPostgres, two: App, say: Say
) -> None:
    venue = await new_venue(house)
    async with house.runtime() as runtime:
        soon = system_clock() + timedelta(seconds=1)
        holds = [
            await make_booking(
                runtime,
                venue,
                soon + timedelta(days=60, hours=hour),
                status=Status.HELD,
                hold_expires_at=soon,
            )
            for hour in range(20)
        ]
    expired = [encode_id("Booking", each.id) for each in holds]
    writers = Writers(two.address, venue, [venue.owner, venue.admin])
    # As many as it takes to be sure that both processes have some.
    async with crowd(two, venue.owner.token, number=8) as listeners:
        async with writers.at_work(number=12) as report:
            await writers.gain(100)
            async with asyncio.timeout(60):
                while len(await _expired(house, venue)) < len(expired):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        heard = [await each.hears(report.bookings) for each in listeners]

    say(f"two workers: {report}")
    assert [sorted(ids) for ids in heard] == [sorted(report.bookings)] * 8
    assert await _expired(house, venue) == Counter(expired)
    await check_books(house, venue, report, besides=expired)


async def test_a_killed_worker_is_replaced_and_takes_nothing_along(
    house: FaultyPostgres, two: App, say: Say
) -> None:
    venue = await new_venue(house)
    writers = Writers(two.address, venue, [venue.owner, venue.admin])
    first, second = (each.pid for each in two.workers)
    async with writers.at_work(number=12) as report:
        await writers.gain(20)

        psutil.Process(first).kill()

        killed = monotonic()
        await writers.gain(20)
        await _two_work(two, but_not=first)
        await writers.gain(20)
    pids = {each.pid for each in two.workers}

    say(f"worker killed: {report}, back after {report.first_success_after(killed):.2f} s")
    assert second in pids
    assert report.codes == set()
    assert report.first_success_after(killed) < BACK_WITHIN_SECONDS
    await check_books(house, venue, report)


@pytest.mark.parametrize(
    ("sockets", "writing"), [(80, 8), pytest.param(500, 64, marks=pytest.mark.soak)]
)
async def test_the_end_is_quick_and_loses_nothing_though_50_read_nothing(
    house: FaultyPostgres, tmp_path: Path, say: Say, sockets: int, writing: int
) -> None:
    async with serving(house, tmp_path) as app:
        venue = await new_venue(house)
        before = app.memory
        writers = Writers(app.address, venue, [venue.owner, venue.admin])
        async with (
            crowd(app, venue.owner.token, number=sockets) as listeners,
            writers.at_work(number=writing) as report,
        ):
            await writers.gain(5)
            await asyncio.gather(*(each.stall() for each in listeners[:50]))
            await writers.gain(10)
            more = app.memory - before

            app.process.send_signal(signal.SIGTERM)
            code, seconds = await ends(app.process)

            # Those who write go on with what follows at the same address.
            (tmp_path / "next").mkdir()
            async with serving(house, tmp_path / "next", port=app.port):
                await writers.gain(10)
                await writers.finish()

    say(f"{sockets} sockets: ended after {seconds:.1f} s, {more / 2**20:.0f} MiB more")
    say(f"SIGTERM: {report}")
    assert code == 0
    assert seconds < DRAINED_WITHIN_SECONDS
    assert more < MORE_MEMORY
    assert report.codes == set()
    await check_books(house, venue, report)


@pytest.mark.soak
async def test_those_who_read_nothing_are_dropped(
    house: FaultyPostgres, tmp_path: Path, say: Say
) -> None:
    async with serving(house, tmp_path) as app:
        venue = await new_venue(house)
        before = app.memory
        writers = Writers(app.address, venue, [venue.owner, venue.admin])
        async with crowd(app, venue.owner.token, number=500) as listeners:
            assert await app.open_sockets() == 500
            async with writers.at_work(number=8, pause_seconds=1) as report:
                stalled = monotonic()
                await asyncio.gather(*(each.stall() for each in listeners[:50]))
                most = 0
                while await app.open_sockets() > 450 and monotonic() < stalled + 60:
                    most = max(most, app.memory)
                    await asyncio.sleep(0.5)
                dropped = monotonic()
            left = await app.open_sockets()

    say(
        f"dropped after {dropped - stalled:.1f} s, {(most - before) / 2**20:.0f} MiB more; {report}"
    )
    assert left == 450
    assert report.codes == set()
    assert dropped - stalled < DROPPED_WITHIN_SECONDS
    assert most - before < MORE_MEMORY


async def _expired(house: FaultyPostgres, venue: Venue) -> Counter[str]:
    return await logged(house, venue, "Booking", "BOOKING_EXPIRED")


async def _two_work(app: App, *, but_not: int) -> None:
    async with asyncio.timeout(60):
        while len(pids := {each.pid for each in app.workers}) < 2 or but_not in pids:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def ends(process: subprocess.Popen[bytes]) -> tuple[int, float]:
    """Returns a process's exit code, and the seconds it took without waiting for a processor."""
    began, before = monotonic(), waited_for_processor(process.pid)
    waited = before
    async with asyncio.timeout(60):
        while process.poll() is None:
            waited = waited_for_processor(process.pid) or waited
            await asyncio.sleep(0.02)
    assert process.returncode is not None
    return process.returncode, monotonic() - began - (waited - before)


def waited_for_processor(pid: int) -> float:
    """Returns for how many seconds its main thread was ready while others ran; 0 if unknown."""
    try:
        _, nanoseconds, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
    except (OSError, ValueError):
        return 0
    return int(nanoseconds) / 10**9
