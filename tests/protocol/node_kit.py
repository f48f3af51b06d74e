"""Other people's JavaScript as tests run it: installed once in the user's cache, by its lock."""

import asyncio
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from web.graphiql_bundle import Node

SOURCES: Final = Path(__file__).with_name("kit")
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "boom-booking"
PATIENCE_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Kit:
    """The scripts of ``kit/``, with the packages that they import beside them."""

    node: Node
    folder: Path

    @asynccontextmanager
    async def running(self, script: str, *arguments: str) -> AsyncIterator["Lines"]:
        """A script while it runs: it must print lines of JSON, and end well."""
        process = await asyncio.create_subprocess_exec(
            self.node.program,
            self.folder / script,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield Lines(process)
            _, complaints = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
            assert process.returncode == 0, complaints.decode()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


class Lines:
    """What a script prints."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def next(self) -> Any:
        """The next line. Raises TimeoutError."""
        assert self._process.stdout and self._process.stderr
        line = await asyncio.wait_for(self._process.stdout.readline(), PATIENCE_SECONDS)
        assert line, (await self._process.stderr.read()).decode()
        return json.loads(line)


def install(node: Node) -> Kit:
    """The scripts and their packages; processes that ask at once wait for the first of them."""
    sources = sorted(path for path in SOURCES.iterdir() if path.is_file())
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    folder = CACHE / f"protocol-kits-{digest[:16]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "protocol-kits.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            work = Path(tempfile.mkdtemp(dir=CACHE))
            for path in sources:
                shutil.copy(path, work)
            _npm_ci(node, work)
            work.rename(folder)
    return Kit(node, folder)


def _npm_ci(node: Node, folder: Path) -> None:
    path = f"{node.program.parent}{os.pathsep}{os.environ['PATH']}"
    quietly = ("--no-audit", "--no-fund", "--ignore-scripts")
    done = subprocess.run(
        [*node.npm, "ci", *quietly],
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
