"""Secrets that are made once, and kept in the data folder for all processes."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def kept_secret(data: Path, name: str, make: Callable[[], str]) -> str:
    """Returns the secret of a name, which is made if there is none yet."""
    path = data / name
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        made = data / f"{name}.{os.getpid()}.{secrets.token_hex(4)}"
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(make())
        # Linked, not renamed: if two processes start at once, the first one's secret stays.
        try:
            path.hardlink_to(made)
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_text().strip()
