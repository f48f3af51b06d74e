"""Processes that do jobs, to be killed."""

import multiprocessing
import os
import random
import subprocess
import sys
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final, Protocol

from kit.postgres.connection_urls import DatabaseUrls
from tests.jobs import worker_process
from tests.support.database import SECRET

_ROOT: Final = Path(__file__).parents[2]


class Victim(Protocol):
    """A running process."""

    def kill(self) -> None: ...
    def wait(self) -> object: ...
    def poll(self) -> int | None: ...


Start = Callable[[Mapping[str, str], Path], Victim]
"""Start a process in an environment; what it writes goes to a file."""


def product(environment: Mapping[str, str], output: Path) -> Victim:
    """Starts a worker as operators run it."""
    with output.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "commands.worker"],
            cwd=_ROOT,
            env={**_without_databases(), **environment},
            stdout=file,
            stderr=file,
        )


def quick(environment: Mapping[str, str], output: Path) -> Victim:
    """Starts a ``worker_process``, without the seconds that importing the product takes."""
    multiprocessing.set_forkserver_preload([worker_process.__name__])
    forked = _Forked(target=worker_process.work, args=(dict(environment), output))
    forked.start()
    return forked


class Workers:
    """Processes that do the jobs of a database, until they are killed."""

    def __init__(
        self, start: Start, database: DatabaseUrls, folder: Path, **environment: str
    ) -> None:
        self._start = start
        self._output = folder / "output"
        self._environment = {
            "BOOM_APP_DATABASE_URL": database.app,
            "BOOM_RELAY_DATABASE_URL": database.relay,
            "BOOM_SECRET": SECRET.decode(),
            "BOOM_DATA": str(folder),
            "BOOM_OUTBOUND_LOOPBACK": "1",
            **environment,
        }
        self._alive: list[Victim] = []

    def start(self) -> None:
        self._alive.append(self._start(self._environment, self._output))

    def kill(self, *, oldest: bool = False) -> None:
        """Kills one with SIGKILL: any, or the one that was started first."""
        victim = self._alive.pop(0 if oldest else random.randrange(len(self._alive)))
        victim.kill()
        victim.wait()

    def end(self) -> None:
        while self._alive:
            self.kill()

    def check(self) -> None:
        """Raises AssertionError if one has ended by itself."""
        assert all(each.poll() is None for each in self._alive), self.printed

    @property
    def printed(self) -> str:
        """The end of what all have written."""
        return self._output.read_text()[-5_000:]


class _Forked(ForkServerProcess):
    def wait(self) -> None:
        self.join()

    def poll(self) -> int | None:
        return self.exitcode


def _without_databases() -> Mapping[str, str]:
    return {key: value for key, value in os.environ.items() if "DATABASE_URL" not in key}
