#!/usr/bin/env bash
# httpcore 1.0.9, with anyio 4.12.0
#
# httpcore asks sniffio whether it runs under asyncio or trio, and takes asyncio without sniffio. One
# would guess that it looks for that module once. Without sniffio, which anyio no longer installs, each
# of its locks and events does: every request over a pool searches all folders of sys.path for a module
# that isn't there, several times, also over a connection that is kept alive.
#
# It matters for those who send many small requests: Python keeps modules that it found, and nothing of
# those that it didn't. With sniffio installed, nothing is searched for.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet httpcore==1.0.9 anyio==4.12.0

cat >"$folder/count.py" <<'PYTHON'
import asyncio
import sys
from importlib.machinery import PathFinder
from typing import Any

import httpcore

REQUESTS = 10
searched: list[str] = []


class Searches:
    """Notes each module that is searched for, and finds none."""

    @staticmethod
    def find_spec(name: str, *_: Any) -> None:
        searched.append(name)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    except asyncio.IncompleteReadError:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with httpcore.AsyncConnectionPool(max_connections=1) as pool:
        await pool.request("GET", f"http://127.0.0.1:{port}/")
        sys.meta_path.insert(sys.meta_path.index(PathFinder), Searches)  # type: ignore[arg-type]
        for _ in range(REQUESTS):
            assert (await pool.request("GET", f"http://127.0.0.1:{port}/")).status == 204
    server.close()


asyncio.run(main())
print(searched.count("sniffio") / REQUESTS)
PYTHON

without=$("$folder/venv/bin/python" "$folder/count.py")
"$folder/venv/bin/pip" install --quiet sniffio==1.3.1
with=$("$folder/venv/bin/python" "$folder/count.py")
echo "Searches for sniffio in each request: $without without it, $with with it."
"$folder/venv/bin/python" -c "import sys; assert float(sys.argv[1]) >= 1 and sys.argv[2] == '0.0'" "$without" "$with"
