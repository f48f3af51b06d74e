"""Runs the whole product: `python -m commands.run` (or `make run`)."""

import argparse
import asyncio
import errno
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import asyncpg
import structlog
import uvicorn
from uvicorn.supervisors import Multiprocess

from commands.database_logins import CannotRun, logins_of
from commands.demo.load import load_demo
from commands.demo.venues import DEMO_PASSWORD
from commands.migrate import migrate
from kit.gc_tuning import freeze_gc
from kit.logging import configure_logging
from kit.postgres.connection_urls import DatabaseUrl, DatabaseUrls
from kit.postgres.embedded import EmbeddedServer, EmbeddedServerError
from kit.postgres.os_user import NoUserForPostgres
from kit.settings import Settings, SettingsError, load_settings
from web.pages.graphiql_build import Bundle
from web.server.connection_limits import BACKLOG, BoundedProtocol, Connections
from web.server.request_body import MAX_BODY_BYTES

OLDEST_POSTGRES = 15
DEMO_VENUES = {"boom": "boom.test", "salon": "salon.test"}

_PREPARING_LOCK = 0x626F6F6D
_ONLY_TLS = ("Strict-Transport-Security", "max-age=31536000")
_STALLED_CLIENT_MS = 20_000

log = structlog.get_logger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs until Ctrl-C or SIGTERM and returns 0; returns 2 if something must be changed first."""
    argparse.ArgumentParser(
        prog="python -m commands.run",
        description="Migrate the database and serve, configured by the environment and .env, "
        "until Ctrl-C.",
    ).parse_args(arguments)
    try:
        settings = load_settings()
        configure_logging(readable=not settings.is_production and sys.stderr.isatty())
        _stop_on_signals()
        # Garbage collections looked through all modules again and again while the demo was made.
        freeze_gc()
        with _bound(settings) as listener:
            return _run(settings, listener)
    except (CannotRun, SettingsError, EmbeddedServerError, NoUserForPostgres) as error:
        print(f"\nBoom Booking can't start:\n{error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0


def _run(settings: Settings, listener: socket.socket) -> int:
    if settings.database_url:
        urls = asyncio.run(_prepared(settings, settings.database_url))
        return _serve(settings, listener, urls=urls, keep_database=lambda: None)

    server = EmbeddedServer(settings.data)
    try:
        with _step("PostgreSQL", f"starting in {_short(settings.data)}"):
            server.start()
        urls = asyncio.run(_prepared(settings, server.url))
        return _serve(settings, listener, urls=urls, keep_database=lambda: _revive(server))
    finally:
        # A second Ctrl-C must not leave the database running.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        server.stop()


async def _prepared(settings: Settings, owner: DatabaseUrl) -> DatabaseUrls:
    """Migrates, loads the demo if it is enabled, and returns the database logins."""
    try:
        connection = await asyncpg.connect(owner, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise CannotRun(f"DATABASE_URL: no connection: {error}") from error
    try:
        if connection.get_server_version().major < OLDEST_POSTGRES:
            raise CannotRun(f"DATABASE_URL: needs PostgreSQL {OLDEST_POSTGRES} or newer")
        # Several machines may start on one database at the same time.
        await connection.execute("SELECT pg_advisory_lock($1)", _PREPARING_LOCK)
        with _step("Tables", "migrating"):
            await asyncio.to_thread(migrate, owner)
        if settings.is_production and (venues := await _demo_venues(connection)):
            raise CannotRun(
                f"The database has demo users, whose passwords are public (tenant "
                f"{', '.join(venues)}). Use another database."
            )
        urls = await logins_of(settings, owner)
        if settings.demo:
            await load_demo(urls.app, lambda line: print(f"  {'Demo':<12} {line}", flush=True))
        return urls
    finally:
        await connection.close()


def _serve(
    settings: Settings,
    listener: socket.socket,
    *,
    urls: DatabaseUrls,
    keep_database: Callable[[], None],
) -> int:
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


async def _demo_venues(connection: asyncpg.Connection) -> list[str]:
    """Returns the subdomains in this database whose users have the published demo password."""
    found = []
    async with connection.transaction():
        for subdomain, domain in DEMO_VENUES.items():
            tenant = await connection.fetchval(
                "SELECT id FROM tenants WHERE subdomain = $1", subdomain
            )
            # Row-level security applies to the owner too.
            await connection.execute("SELECT set_config('app.tenant', $1, true)", str(tenant or ""))
            if await connection.fetchval(
                "SELECT EXISTS (SELECT FROM users WHERE tenant_id = $1 AND email LIKE $2)",
                *(tenant, f"%@{domain}"),
            ):
                found.append(subdomain)
    return found


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
        for subdomain, domain in DEMO_VENUES.items():
            print(f"    {subdomain:<6} owner@ admin@ manager@ staff@ customer@{domain}")
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


@contextmanager
def _step(name: str, doing: str) -> Iterator[None]:
    started = time.monotonic()
    print(f"  {name:<12} {doing} …", end="", flush=True)
    try:
        yield
    except BaseException:
        print(" failed", flush=True)
        raise
    print(f" done ({time.monotonic() - started:.1f} s)", flush=True)


def _short(path: Path) -> str:
    return f"./{path.relative_to(Path.cwd())}" if path.is_relative_to(Path.cwd()) else str(path)


if __name__ == "__main__":
    sys.exit(main())
