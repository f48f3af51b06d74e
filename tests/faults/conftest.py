"""A house for all tests of faults, for a server takes a while to be made; apps of their own."""

import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest
import pytest_asyncio

from tests.faults.postgres_faults import App, FaultyPostgres, serving
from tests.support.factories import Venue, make_venue

Say = Callable[[str], None]

ROOMS = 8


@pytest.fixture(scope="session")
def house() -> Iterator[FaultyPostgres]:
    """A separate PostgreSQL server, so that faults affect no other tests."""
    # Named as the next run looks for what a killed one has left.
    folder = Path(mkdtemp(prefix="boom-test-"))
    house = FaultyPostgres(folder)
    house.start()
    yield house
    house.stop()
    shutil.rmtree(folder)


@pytest_asyncio.fixture(scope="module")
async def app(
    house: FaultyPostgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[App]:
    """An app in one process, which runs through all faults of a module."""
    async with serving(house, tmp_path_factory.mktemp("app")) as app:
        yield app


@pytest_asyncio.fixture
async def venue(house: FaultyPostgres, app: App) -> Venue:
    """A venue for one test, where an hour from now can still be booked."""
    return await new_venue(house)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Prints a line, whether the test passes or not."""

    def print_line(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}")

    return print_line


async def new_venue(house: FaultyPostgres) -> Venue:
    async with house.runtime() as runtime:
        return await make_venue(runtime, rooms=ROOMS, min_notice_minutes=0)
