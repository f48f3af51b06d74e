"""Other people's JavaScript as tests run it: installed once in the user's cache, by its lock."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support.cache import installed
from web.pages.graphiql_build import Node

SOURCES: Final = Path(__file__).with_name("kit")
PATIENCE_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Kit:
    """The scripts of ``kit/``, with the packages that they import beside them."""

    node: Node
    folder: Path

    @asynccontextmanager
    async def running(self, script: str | Path, *arguments: str) -> AsyncIterator["Lines"]:
        """Runs a script, which must print lines of JSON and end well once its input has ended."""
        process = await asyncio.create_subprocess_exec(
            self.node.program,
            self.folder / script,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield Lines(process)
            assert process.stdin
            process.stdin.close()
            _, complaints = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
            assert process.returncode == 0, complaints.decode()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


class Lines:
    """The output of a script."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def next(self) -> Any:
        """Returns the next line. Raises TimeoutError."""
        assert self._process.stdout and self._process.stderr
        line = await asyncio.wait_for(self._process.stdout.readline(), PATIENCE_SECONDS)
        assert line, (await self._process.stderr.read()).decode()
        return json.loads(line)


def install(node: Node) -> Kit:
    """Installs the scripts and their packages."""
    sources = sorted(path for path in SOURCES.iterdir() if path.is_file())

    def fill(folder: Path) -> None:
        for path in sources:
            shutil.copy(path, folder)
        _npm_ci(node, folder)

    return Kit(node, installed("protocol-kits", sources, fill))


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
