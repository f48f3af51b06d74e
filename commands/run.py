"""Runs the whole product: `python -m commands.run` (or `make run`)."""

import argparse
import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

# In the order in which the start needs them; PostgreSQL and the start have the cores first.
_COMPILING = """
import gc, os
gc.disable()
os.nice(5)
import sqlalchemy.ext.asyncio, alembic.command, strawberry, app
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs until Ctrl-C or SIGTERM and returns 0; returns 2 if something must be changed first."""
    argparse.ArgumentParser(
        prog="python -m commands.run",
        description="Migrate the database and serve, configured by the environment and .env, "
        "until Ctrl-C.",
    ).parse_args(arguments)
    compiler = _compile_ahead()
    try:
        # Not at the top: importing it takes a second, in which the other process gets ahead.
        from commands.start import start

        return start()
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0
    finally:
        if compiler:
            compiler.kill()


def _compile_ahead() -> "subprocess.Popen[bytes] | None":
    """Compiles packages on another core, at the first start after an installation.

    This process imports them later, and finds them compiled. The other one ends after a few
    seconds; if it fails, this one compiles what is missing.
    """
    package = importlib.util.find_spec("sqlalchemy")
    if package is None or not package.cached or not package.origin:
        return None
    if Path(package.cached).exists() or not os.access(Path(package.origin).parent, os.W_OK):
        return None
    if sys.dont_write_bytecode or os.cpu_count() == 1:
        return None
    none = subprocess.DEVNULL
    command = (sys.executable, "-c", _COMPILING)
    try:
        compiler = subprocess.Popen(command, stdin=none, stdout=none, stderr=none)
    except OSError:
        return None
    # Otherwise it would remain as a zombie.
    threading.Thread(target=compiler.wait, daemon=True).start()
    return compiler


if __name__ == "__main__":
    sys.exit(main())
