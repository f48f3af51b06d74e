"""One command starts and stops everything, and recovers its data after being killed."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from uuid import uuid4

import asyncpg
import psutil
import pytest

from commands.migrate import migrate
from kit.postgres.embedded import EmbeddedServer
from tests.support.graphiql import have_graphiql

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the processes are looked for in /proc"
)


@dataclass(frozen=True, slots=True)
class Command:
    """A running `python -m commands.run`, and the file with its output."""

    process: "subprocess.Popen[bytes]"
    output: Path

    @property
    def printed(self) -> str:
        return self.output.read_text()

    @property
    def url(self) -> str | None:
        found = re.search(r"Boom Booking runs at (http\S+)\n", self.printed)
        return found and found[1]

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=PATIENCE) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def end(self, number: signal.Signals) -> int:
        """Sends a signal and returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE)


@dataclass(frozen=True, slots=True)
class Place:
    """A data folder, and the commands started on it."""

    data: Path
    commands: list[Command] = field(default_factory=list)

    def command(self, **environment: str) -> Command:
        inherited = {k: v for k, v in os.environ.items() if k != "PORT" and "DATABASE_URL" not in k}
        output = self.data.with_name(f"output-{uuid4()}")
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "commands.run"],
                cwd=ROOT,
                env={**inherited, "BOOM_DATA": str(self.data), "BOOM_DEMO": "0", **environment},
                stdout=file,
                stderr=file,
            )
        self.commands.append(Command(process, output))
        return self.commands[-1]

    def start(self, **environment: str) -> Command:
        """Starts everything on a free port, and waits until it prints the address."""
        started = self.command(PORT="0", **environment)
        wait_until(lambda: started.url is not None or started.process.poll() is not None)
        assert started.url, started.printed
        return started

    def processes(self) -> list[psutil.Process]:
        """Returns the running processes: the command, its servers and its database."""
        return [process for process in psutil.process_iter() if self._has(process)]

    def _has(self, process: psutil.Process) -> bool:
        try:
            belongs = str(self.data) in " ".join(process.cmdline()) or process.environ().get(
                "BOOM_DATA"
            ) == str(self.data)
            return belongs and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def database_pid(self) -> int:
        return int((self.data / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])

    async def keep_something(self) -> None:
        connection = await asyncpg.connect(EmbeddedServer(self.data).url)
        await connection.execute("CREATE TABLE kept ()")
        await connection.close()

    async def has_kept_it(self) -> bool:
        connection = await asyncpg.connect(EmbeddedServer(self.data).url)
        found = await connection.fetchval("SELECT to_regclass('kept') IS NOT NULL")
        await connection.close()
        return bool(found)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose database is migrated and stopped."""
    data = tmp_path_factory.mktemp("migrated") / "data"
    with EmbeddedServer(data) as server:
        migrate(server.url)
    return data


@pytest.fixture
def place(migrated: Path, tmp_path: Path) -> Iterator[Place]:
    """A place whose first start has only the app to start."""
    yield from _place_of(migrated, tmp_path)


@pytest.fixture(scope="module")
def busy(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place like that, shared by tests that leave its app running."""
    yield from _place_of(migrated, tmp_path_factory.mktemp("busy"))


@pytest.fixture(scope="module")
def running(busy: Place) -> Command:
    return busy.start()


@pytest.fixture
def empty_place(tmp_path: Path) -> Iterator[Place]:
    yield from _place(tmp_path)


def _place_of(migrated: Path, folder: Path) -> Iterator[Place]:
    # With its owner: as root, PostgreSQL runs as another user.
    subprocess.run(["cp", "-a", migrated, folder / "data"], check=True)
    have_graphiql(folder / "data")
    yield from _place(folder)


def _place(folder: Path) -> Iterator[Place]:
    place = Place(folder / "data")
    yield place
    for process in place.processes():
        process.kill()
    for command in place.commands:
        command.process.wait()
    wait_until(EmbeddedServer(place.data).end_abandoned)


async def test_ctrl_c_ends_the_server_and_the_database(empty_place: Place) -> None:
    running = empty_place.start()
    await empty_place.keep_something()

    code = running.end(signal.SIGINT)

    assert code == 0
    assert empty_place.processes() == []


async def test_a_polite_end_is_an_end_too_and_the_data_is_there_again(place: Place) -> None:
    running = place.start(BOOM_WORKERS="2")
    await place.keep_something()

    code = running.end(signal.SIGTERM)

    assert code == 0
    assert place.processes() == []
    place.start()
    assert await place.has_kept_it()


async def test_a_killed_app_finds_its_data_again(place: Place) -> None:
    running = place.start()
    await place.keep_something()

    running.end(signal.SIGKILL)

    wait_until(place.start().is_ready)
    assert await place.has_kept_it()


async def test_a_killed_database_comes_back_under_the_running_app(
    busy: Place, running: Command
) -> None:
    await busy.keep_something()

    os.kill(busy.database_pid(), signal.SIGKILL)

    wait_until(lambda: EmbeddedServer(busy.data).is_running)
    wait_until(running.is_ready)
    assert await busy.has_kept_it()


async def test_app_and_database_killed_together_find_their_data_beside_a_stale_pid_file(
    place: Place,
) -> None:
    running = place.start()
    await place.keep_something()

    os.kill(running.process.pid, signal.SIGSTOP)
    os.kill(place.database_pid(), signal.SIGKILL)
    running.end(signal.SIGKILL)
    pid_file = place.data / "postgres" / "postmaster.pid"
    stale = pid_file.read_text().replace(str(place.database_pid()), str(os.getpid()), 1)
    pid_file.write_text(stale)

    wait_until(place.start().is_ready)
    assert await place.has_kept_it()


def test_a_second_start_on_one_folder_is_refused_and_harms_nothing(
    busy: Place, running: Command
) -> None:
    second = busy.command(PORT="0")

    assert second.process.wait(PATIENCE) == 2
    assert f"is in use by process {running.process.pid}" in second.printed
    wait_until(running.is_ready)


def test_a_taken_port_is_told_in_a_line(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        refused = place.command(PORT=str(port))

        assert refused.process.wait(PATIENCE) == 2
    assert f"PORT: {port} is taken." in refused.printed
    assert "Traceback" not in refused.printed


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = monotonic() + PATIENCE
    while not condition():
        assert monotonic() < deadline
        sleep(0.1)
