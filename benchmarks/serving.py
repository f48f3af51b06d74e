"""The processes of what is measured, each at a port of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Final

import psutil

from benchmarks.targets import Target

START_SECONDS: Final = 30
STOP_SECONDS: Final = 15
TOLD_CHARACTERS: Final = 2000


class CannotServe(Exception):
    """A target ended, or wasn't up in time; the message has what it said."""


@dataclass(frozen=True, slots=True)
class Served:
    """A target that takes requests."""

    target: Target
    port: int
    process: psutil.Process


@contextmanager
def served(targets: Sequence[Target], environment: Mapping[str, str]) -> Iterator[list[Served]]:
    """All that come up; of the others it is told why not. Raises CannotServe if that is all."""
    with ExitStack() as stack:
        running = []
        for target in targets:
            try:
                running.append(stack.enter_context(_served(target, environment)))
            except CannotServe as error:
                print(f"Leaving out {target.name}: {error}", file=sys.stderr, flush=True)
        if not running:
            raise CannotServe("no target is left")
        yield running


@contextmanager
def _served(target: Target, environment: Mapping[str, str]) -> Iterator[Served]:
    port = _free_port()
    with TemporaryFile() as said:
        process = subprocess.Popen(
            target.start(port),
            env={**os.environ, **environment, **target.environment, "PORT": str(port)},
            stdout=said,
            stderr=said,
        )
        try:
            _wait_for(port, process, said)
            yield Served(target, port, psutil.Process(process.pid))
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait_for(port: int, process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise CannotServe(f"it ended with {process.returncode}: {_told(said)}")
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise CannotServe(f"it didn't serve within {START_SECONDS} s: {_told(said)}")


def _told(said: IO[bytes]) -> str:
    said.seek(0)
    return said.read().decode(errors="replace")[-TOLD_CHARACTERS:]
