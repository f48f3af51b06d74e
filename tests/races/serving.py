"""The app in a process of its own: `python -m tests.races.serving FD` serves a bound socket."""

import os
import socket
import sys
import threading

import uvicorn

import execution.deadline
import kit.postgres.database
import kit.postgres.statement_pool
from app import build_app
from kit.gc_tuning import freeze_gc
from kit.logging import configure_logging
from kit.settings import load_settings
from tests.races.clock import RunningClock


def main(listener: int) -> None:
    """Serves until SIGTERM, or until the process that started this one is gone."""
    configure_logging()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Everybody gets an answer, however busy the machine is.
    vars(execution.deadline)["REQUEST_TIMEOUT_SECONDS"] = 60
    vars(kit.postgres.statement_pool)["WAIT_SECONDS"] = 60
    vars(kit.postgres.database).update(POOL_TIMEOUT_SECONDS=60, LOCK_TIMEOUT="60s")
    vars(kit.postgres.database).update(STATEMENT_TIMEOUT="60s")
    app = build_app(load_settings(), clock=RunningClock(), with_graphiql=False)
    freeze_gc()
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        timeout_keep_alive=600,
        timeout_graceful_shutdown=2,
        access_log=False,
        log_config=None,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=listener)])


def _end_with_parent() -> None:
    # Read without Python's buffer, whose lock would abort an interpreter that is ending.
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
