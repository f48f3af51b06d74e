"""localstripe in a process of its own: `python -m …localstripe_server FD` serves a bound socket.

Its objects live in memory only, and it has one field more than it comes with: what a payment has
received, less what was let go of when only a part of it was taken.
"""

import os
import socket
import sys
import threading
from typing import Any

from aiohttp import web
from localstripe.resources import PaymentIntent, Refund, store  # type: ignore[import-untyped]
from localstripe.server import app  # type: ignore[import-untyped]


def amount_received(intent: Any) -> int:
    if intent.status != "succeeded":
        return 0
    released = [
        each.amount
        for key, each in store.items()
        if key.startswith(f"{Refund.object}:")
        and each.charge == intent.latest_charge.id
        and each.payment_intent is None
    ]
    return int(intent.amount - sum(released))


def main(listener: int) -> None:
    """Serves a bound socket until the process that started this one is gone."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    store.dump_to_disk = lambda: None
    PaymentIntent.amount_received = property(amount_received)
    web.run_app(app, sock=socket.socket(fileno=listener), print=None, access_log=None)


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
