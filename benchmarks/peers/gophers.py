"""A server in Go on the same database: graph-gophers' graphql-go and pgx, as Debian packages them.

`python -m benchmarks.peers` builds it where they are.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
ALL_CORES: Final = {"GOGC": "400"}
"""Its heap is small, so garbage is collected when it has grown to five times, not to twice, what
was left of it. Go uses all cores."""
ONE_CORE: Final = {**ALL_CORES, "GOMAXPROCS": "1"}
"""Runs Go code in one thread at a time, as Python and Node.js do: other targets use one core."""
_LIBRARIES: Final = Path("/usr/share/gocode")
_IMPORTS: Final = ("github.com/graph-gophers/graphql-go", "github.com/jackc/pgx/v4")
_PACKAGES: Final = (
    "golang-go golang-github-graph-gophers-graphql-go-dev golang-github-jackc-pgx-v4-dev"
)
_SOURCES: Final = (FOLDER / "gophers.go", FOLDER / "api.graphql")
_BINARY: Final = FOLDER / "build/gophers"


def build() -> None:
    """Compiles the server, without a network, if that is possible. Raises CalledProcessError."""
    if go := _compiler():
        environment = {"GO111MODULE": "off", "GOPATH": str(_LIBRARIES), "GOFLAGS": ""}
        subprocess.run(
            [go, "build", "-o", str(_BINARY), _SOURCES[0].name],
            cwd=FOLDER,
            env={**os.environ, **environment},
            check=True,
        )
    elif reason := missing():
        print(f"Leaving out gophers: {reason}")


def missing() -> str | None:
    """Returns why the server can't be started, or None."""
    changed = max(source.stat().st_mtime for source in _SOURCES)
    if _BINARY.exists() and _BINARY.stat().st_mtime >= changed:
        return None
    if _compiler() is None:
        return f"it is built with Debian's packages {_PACKAGES}"
    return "it isn't built; `make bench-peers` does it"


def start(_port: int) -> Sequence[str]:
    """Returns the command of the server process, which finds its port in PORT."""
    return [str(_BINARY)]


def _compiler() -> str | None:
    """Returns the path of Go's command if the libraries are there, too."""
    libraries = (_LIBRARIES / "src" / name for name in _IMPORTS)
    return shutil.which("go") if all(each.is_dir() for each in libraries) else None
