"""Installs tools for tests into the user's cache, once for each state of their lock file."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "boom-booking"


def installed(name: str, sources: Sequence[Path], install: Callable[[Path], None]) -> Path:
    """Returns a folder that ``install`` filled; concurrent processes wait for the first one."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    folder = CACHE / f"{name}-{digest[:16]}"
    complete = folder / "complete"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            install(folder)
            complete.touch()
    return folder
