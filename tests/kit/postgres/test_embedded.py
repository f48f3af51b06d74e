"""The embedded server recovers after any of its processes was killed."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from kit.postgres.embedded import DataFolderInUse, EmbeddedServer

PID_FILE = "postgres/postmaster.pid"
HOLDER = """
import sys
from pathlib import Path
from kit.postgres.embedded import EmbeddedServer

server = EmbeddedServer(Path(sys.argv[1]), durable=False)
server.start()
print("started", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path / "data", durable=False) as server:
        yield server


async def test_a_stopped_server_starts_again_with_its_data(server: EmbeddedServer) -> None:
    await run(server, "CREATE TABLE kept AS SELECT 42 AS answer")

    server.stop()
    server.start()

    assert await answer(server) == 42


async def test_a_second_holder_is_refused_and_harms_nothing(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    await run(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    second = EmbeddedServer(tmp_path / "data")

    with pytest.raises(DataFolderInUse, match=f"in use by process {os.getpid()}"):
        second.start()
    second.stop()

    assert await answer(server) == 42


async def test_a_killed_server_starts_again_with_its_data(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    await run(server, "CREATE TABLE kept AS SELECT 42 AS answer")

    os.kill(pid_in(tmp_path), signal.SIGKILL)
    server.start()

    assert await answer(server) == 42


async def test_a_server_that_ends_during_a_start_is_started_again(
    server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    answers = server._answers

    def kill_first() -> bool:
        monkeypatch.setattr(server, "_answers", answers)
        os.kill(pid_in(tmp_path), signal.SIGKILL)
        return False

    monkeypatch.setattr(server, "_answers", kill_first)
    server.start()

    assert await answer(server) == 42


async def test_the_server_of_a_killed_holder_is_found_again(tmp_path: Path) -> None:
    holder = hold(tmp_path / "data")
    left = pid_in(tmp_path)

    holder.kill()
    holder.communicate()

    with EmbeddedServer(tmp_path / "data", durable=False) as server:
        assert pid_in(tmp_path) == left
        await run(server, "CREATE TABLE kept AS SELECT 42 AS answer")
        assert await answer(server) == 42


async def test_a_holder_and_a_server_killed_together_leave_no_obstacle(tmp_path: Path) -> None:
    holder = hold(tmp_path / "data")

    holder.kill()
    os.kill(pid_in(tmp_path), signal.SIGKILL)
    holder.communicate()

    with EmbeddedServer(tmp_path / "data", durable=False) as server:
        await run(server, "CREATE TABLE kept AS SELECT 42 AS answer")
        assert await answer(server) == 42


async def test_a_pid_file_that_names_another_living_program_is_no_obstacle(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    await run(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    with subprocess.Popen(["sleep", "60"]) as other:
        leave_pid_file(tmp_path, other.pid)

        server.start()

        assert await answer(server) == 42
        assert other.poll() is None
        other.kill()


async def test_a_pid_file_that_names_a_zombie_is_no_obstacle(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    await run(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    with subprocess.Popen(["true"], stdout=subprocess.PIPE) as zombie:
        assert zombie.stdout and zombie.stdout.read() == b""
        leave_pid_file(tmp_path, zombie.pid)

        server.start()

    assert await answer(server) == 42


async def test_a_cluster_that_was_left_half_made_is_made_anew(tmp_path: Path) -> None:
    half = tmp_path / "data" / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")

    with EmbeddedServer(tmp_path / "data", durable=False) as server:
        await run(server, "CREATE TABLE kept AS SELECT 42 AS answer")
        assert await answer(server) == 42


async def test_a_folder_too_deep_for_a_socket_serves_as_well(tmp_path: Path) -> None:
    deep = tmp_path / ("a-long-name" * 8) / "data"

    with EmbeddedServer(deep, durable=False) as server:
        await run(server, "CREATE TABLE kept AS SELECT 42 AS answer")
        assert await answer(server) == 42


def test_a_stopped_server_leaves_no_process(server: EmbeddedServer, tmp_path: Path) -> None:
    pid = pid_in(tmp_path)

    server.stop()

    assert not server.is_running
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")
def test_folders_above_the_data_stay_closed_to_others(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)

    with EmbeddedServer(home / "data", durable=False):
        assert not stat.S_IMODE(home.stat().st_mode) & stat.S_IRWXO
        assert not stat.S_IMODE((home / "data" / "postgres").stat().st_mode) & 0o077


def hold(data: Path) -> "subprocess.Popen[str]":
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(data)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout and holder.stdout.readline() == "started\n"
    return holder


def pid_in(folder: Path) -> int:
    return int((folder / "data" / PID_FILE).read_text().split("\n", 1)[0])


def leave_pid_file(folder: Path, pid: int) -> None:
    cluster = folder / "data" / "postgres"
    (folder / "data" / PID_FILE).write_text(f"{pid}\n{cluster}\n1\n5432\n{cluster}\n\n\nready\n")


async def run(server: EmbeddedServer, sql: str) -> None:
    connection = await asyncpg.connect(server.url)
    await connection.execute(sql)
    await connection.close()


async def answer(server: EmbeddedServer) -> object:
    connection = await asyncpg.connect(server.url)
    found = await connection.fetchval("SELECT answer FROM kept")
    await connection.close()
    return found
