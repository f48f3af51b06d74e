"""Runs the processes of targets, each on its own port."""

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
    """A target exited, or didn't start in time; the message has its output."""


@dataclass(frozen=True, slots=True)
class Served:
    """A running target."""

    target: Target
    port: int
    process: psutil.Process


@contextmanager
def served(targets: Sequence[Target], environment: Mapping[str, str]) -> Iterator[list[Served]]:
    """Runs the targets, and reports those that don't start. Raises CannotServe if none does."""
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
    with TemporaryFile() as output:
        process = subprocess.Popen(
            target.start(port),
            env={**os.environ, **environment, **target.environment, "PORT": str(port)},
            stdout=output,
            stderr=output,
        )
        try:
            _wait_for(port, process, output)
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


def _wait_for(port: int, process: subprocess.Popen[bytes], output: IO[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise CannotServe(f"it ended with {process.returncode}: {_tail(output)}")
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise CannotServe(f"it didn't serve within {START_SECONDS} s: {_tail(output)}")


def _tail(output: IO[bytes]) -> str:
    output.seek(0)
    return output.read().decode(errors="replace")[-TOLD_CHARACTERS:]
