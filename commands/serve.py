"""The app of one of several server processes, which end with the one that started them."""

import os
import threading
import time

from starlette.applications import Starlette

from app import create_app as create_app_of_one_process


def create_app() -> Starlette:
    """What each process serves where BOOM_WORKERS is more than one."""
    parent = os.getppid()
    threading.Thread(target=_end_after, args=(parent,), daemon=True).start()
    return create_app_of_one_process()


def _end_after(parent: int) -> None:
    # A killed parent can't tell; left alone, its children would keep the port for ever.
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
