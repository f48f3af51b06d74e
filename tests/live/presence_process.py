"""The app in a process of its own, to be killed: `python -m tests.live.presence_process FD`."""

import socket
import sys

import uvicorn

from app import build_app
from kit.settings import load_settings
from subscriptions.presence import Presence
from tests.races.clock import RunningClock


def main(listener: int, ttl_seconds: float) -> None:
    app = build_app(
        load_settings(),
        clock=RunningClock(),
        services={Presence: Presence(ttl_seconds=ttl_seconds)},
        with_graphiql=False,
    )
    uvicorn.Server(uvicorn.Config(app, log_config=None)).run(
        sockets=[socket.socket(fileno=listener)]
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
