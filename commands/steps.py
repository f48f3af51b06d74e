"""Prints the steps of a start."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def step(name: str, doing: str) -> Iterator[None]:
    """Prints what is being done, and then how long it took or that it failed."""
    started = time.monotonic()
    print(f"  {name:<12} {doing} …", end="", flush=True)
    try:
        yield
    except BaseException:
        print(" failed", flush=True)
        raise
    print(f" done ({time.monotonic() - started:.1f} s)", flush=True)
