"""The app of one of several server processes, which stop with the process that started them."""

import os
import threading
import time

from starlette.applications import Starlette

from app import create_app as create_app_of_one_process


def create_app() -> Starlette:
    """Creates the app of each process if BOOM_WORKERS is more than one."""
    parent = os.getppid()
    threading.Thread(target=_end_after, args=(parent,), daemon=True).start()
    return create_app_of_one_process()


def _end_after(parent: int) -> None:
    # A killed parent can't signal its children, which would keep the port forever.
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
