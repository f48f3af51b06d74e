"""Starts PostgreSQL, prepares the database and serves: what `commands.run` does."""

import asyncio
import errno
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path

import structlog
import uvicorn
from uvicorn.supervisors import Multiprocess

from commands.database_logins import CannotRun
from commands.demo.venues import DEMO_PASSWORD, VENUES
from commands.steps import step
from kit.logging import configure_logging
from kit.postgres.connection_urls import DatabaseUrl, DatabaseUrls
from kit.postgres.embedded import EmbeddedServer, EmbeddedServerError
from kit.postgres.os_user import NoUserForPostgres
from kit.settings import Settings, SettingsError, load_settings
from web.pages.graphiql_build import Bundle
from web.server.connection_limits import BACKLOG, BoundedProtocol, Connections
from web.server.request_body import MAX_BODY_BYTES

_ONLY_TLS = ("Strict-Transport-Security", "max-age=31536000")
_STALLED_CLIENT_MS = 20_000
_SWITCH_SECONDS = 0.0005

log = structlog.get_logger(__name__)


def start() -> int:
    """Runs until Ctrl-C or SIGTERM and returns 0; returns 2 if something must be changed first."""
    try:
        settings = load_settings()
        configure_logging(readable=not settings.is_production and sys.stderr.isatty())
        _stop_on_signals()
        with _bound(settings) as listener:
            return _run(settings, listener)
    except (CannotRun, SettingsError, EmbeddedServerError, NoUserForPostgres) as error:
        print(f"\nBoom Booking can't start:\n{error}", file=sys.stderr)
        return 2


def _run(settings: Settings, listener: socket.socket) -> int:
    # Each collection would look through all modules again and again while they are imported and
    # the demo is made: half a second.
    gc.disable()
    # Migrations wait for PostgreSQL a thousand times, and each time for the importing thread.
    sys.setswitchinterval(_SWITCH_SECONDS)
    imports = threading.Thread(target=_import_ahead, args=(settings,), name="imports")
    imports.start()
    try:
        return _run_on_database(settings, listener)
    finally:
        # A module that is imported while Python ends may fail.
        imports.join()


def _run_on_database(settings: Settings, listener: socket.socket) -> int:
    if settings.database_url:
        urls = _prepared(settings, settings.database_url)
        return _serve(settings, listener, urls=urls, keep_database=lambda: None)

    server = EmbeddedServer(settings.data)
    try:
        with step("PostgreSQL", f"starting in {_short(settings.data)}"):
            server.start()
        urls = _prepared(settings, server.url)
        return _serve(settings, listener, urls=urls, keep_database=lambda: _revive(server))
    finally:
        # A second Ctrl-C must not leave the database running.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        server.stop()


def _import_ahead(settings: Settings) -> None:
    """Imports what later steps need, while PostgreSQL starts and the database is prepared."""
    import_module("commands.preparation")
    # The processes of several workers import it themselves.
    if settings.workers == 1:
        import_module("app")


def _prepared(settings: Settings, owner: DatabaseUrl) -> DatabaseUrls:
    # Not at the top, where PostgreSQL would wait for it. This waits for the thread's import.
    from commands.preparation import prepare

    return asyncio.run(prepare(settings, owner))


def _serve(
    settings: Settings,
    listener: socket.socket,
    *,
    urls: DatabaseUrls,
    keep_database: Callable[[], None],
) -> int:
    gc.enable()
    os.environ.update(
        BOOM_APP_DATABASE_URL=urls.app,
        BOOM_RELAY_DATABASE_URL=urls.relay,
        BOOM_SECRET=settings.secret.decode(),
        BOOM_DATA=str(settings.data),
    )
    config = uvicorn.Config(
        "app:create_app" if settings.workers == 1 else "commands.serve:create_app",
        factory=True,
        workers=settings.workers,
        # A starting worker is silent, on a busy machine for longer than the default of 5 seconds,
        # after which it would be killed and restarted again and again.
        timeout_worker_healthcheck=60,
        loop="uvloop",
        # One Connections for each process, whose limit of open files bounds its connections.
        http=partial(  # type: ignore[arg-type]
            BoundedProtocol,
            connections=Connections(
                of_address=settings.connections_per_address if settings.rate_limit else None
            ),
        ),
        forwarded_allow_ips=list(settings.proxies),
        ws="websockets-sansio",
        backlog=BACKLOG,
        # Compressing a live event costs four times as much as sending it.
        ws_per_message_deflate=False,
        ws_max_size=MAX_BODY_BYTES,
        # A client that reads nothing answers no ping, and is disconnected within 20 seconds.
        ws_ping_interval=10,
        ws_ping_timeout=10,
        # With the cleanup after the last response, shutdown takes at most 10 seconds.
        timeout_graceful_shutdown=8,
        access_log=False,
        server_header=False,
        # Browsers accept it over TLS only. Without subdomains, which may belong to others.
        headers=[_ONLY_TLS] if settings.is_production else [],
        log_config=None,
    )
    stopping = threading.Event()
    is_up = threading.Event()
    port = listener.getsockname()[1]

    def watch() -> None:
        while not stopping.wait(0.05) and not _accepts(settings.host, port):
            pass
        if not stopping.is_set():
            is_up.set()
            _announce(settings, port)
        while not stopping.wait(1):
            try:
                keep_database()
            except OSError as error:
                # Out of files or memory: the thread must go on, or nothing watches the database.
                log.error("database.unwatched", reason=str(error))

    watcher = threading.Thread(target=watch, name="watcher")
    watcher.start()
    try:
        if settings.workers == 1:
            uvicorn.Server(config).run(sockets=[listener])
        else:
            Multiprocess(config, sockets=[listener]).run()
    except KeyboardInterrupt:
        pass
    finally:
        stopping.set()
        watcher.join()
    if not is_up.is_set():
        return 1
    print("\nStopped.", flush=True)
    return 0


@contextmanager
def _bound(settings: Settings) -> Iterator[socket.socket]:
    """Binds the address to serve, before anything slow begins."""
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise CannotRun(f"HOST: {settings.host}: {error.strerror}") from error
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # A client that has stopped reading would delay the shutdown.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STALLED_CLIENT_MS)
        try:
            listener.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CannotRun(
                    f"PORT: {settings.port} is taken. Stop what listens there, or choose another: "
                    f"PORT={settings.port + 1} make run"
                ) from error
            raise CannotRun(f"HOST: {settings.host} can't be served: {error.strerror}") from error
        yield listener


def _revive(server: EmbeddedServer) -> None:
    if not server.is_running:
        log.error("database.ended")
        with suppress(EmbeddedServerError):
            server.start()
            log.info("database.started_again")


def _stop_on_signals() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A closed terminal stops it too, but not under nohup.
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))


def _accepts(host: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((_reachable(host), port), timeout=1):
        return True
    return False


def _announce(settings: Settings, port: int) -> None:
    host = _reachable(settings.host)
    base = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    print(f"\nBoom Booking runs at {base}\n")
    print(f"  GraphQL   {base}/graphql")
    print(f"  GraphiQL  {_graphiql(settings, base)}")
    if settings.demo:
        print(f"\n  Demo logins, all with the password {DEMO_PASSWORD}:")
        for venue in VENUES:
            name = venue.subdomain
            print(f"    {name:<6} owner@ admin@ manager@ staff@ customer@{name}.test")
        if not settings.stripe_secret_key:
            print("\n  Customers who book at salon pay a deposit: see docs/payments.md.")
    print("\nThe log follows. Press Ctrl-C to stop.", flush=True)


def _graphiql(settings: Settings, base: str) -> str:
    # Production serves the page only if it was built; other servers build it by themselves.
    if settings.is_production and not Bundle(settings.data, log=log).is_built:
        return "not built; .venv/bin/python -m commands.graphiql builds it"
    return f"{base}/graphiql"


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not bound here


def _short(path: Path) -> str:
    return f"./{path.relative_to(Path.cwd())}" if path.is_relative_to(Path.cwd()) else str(path)
