"""Runs a worker in its own process: `python -m commands.worker` (or `make worker`).

It does the background work of a server process, without serving requests. With BOOM_WORKER=0,
servers leave that work to such processes.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence

import asyncpg
import structlog
import uvloop

from app import build_app
from commands.database_logins import CannotRun, present_logins
from kit.logging import configure_logging
from kit.settings import Settings, SettingsError, load_settings

log = structlog.get_logger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Works until Ctrl-C or SIGTERM and returns 0; returns 2 if something must be changed first."""
    argparse.ArgumentParser(
        prog="python -m commands.worker",
        description="Run background jobs on a database that a server has migrated, until Ctrl-C.",
    ).parse_args(arguments)
    try:
        settings = load_settings()
        configure_logging(readable=not settings.is_production and sys.stderr.isatty())
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_work(settings))
    except (CannotRun, SettingsError, OSError, asyncpg.PostgresError) as error:
        print(f"\nThe worker can't start:\n{error}", file=sys.stderr)
        return 2
    return 0


async def _work(settings: Settings) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    urls = await present_logins(settings)
    own = {"app_database_url": urls.app, "relay_database_url": urls.relay, "works": True}
    app = build_app(settings.model_copy(update=own), with_graphiql=False)
    async with app.router.lifespan_context(app):
        log.info("worker.started")
        await stopped.wait()
        log.info("worker.stopping")


if __name__ == "__main__":
    sys.exit(main())
