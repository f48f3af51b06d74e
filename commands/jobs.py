"""Lists, retries and discards dead jobs, and forgets those without a handler.

python -m commands.jobs                  list them: the dead, the latest first, then the others
python -m commands.jobs retry 12 13      retry dead jobs from the first attempt (or: all)
python -m commands.jobs discard 12       discard dead jobs for good (or: all)
python -m commands.jobs forget NAME      delete all jobs of a name without a handler

A job `event:…` handles what follows the events of one object, in order. Discarding it gives up the
event that failed; those after it go on. Forgetting `event:…` deletes all that a removed handler has
stored: its jobs, the events that wait for it, and how far it has read the log.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.domain.types import JobId

from commands.database_logins import CannotRun, present_logins
from jobs.registry import HANDLED
from jobs.unhandled import find_unhandled, forget
from kit.jobs.queue import CHANNEL, queries_of
from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.settings import SettingsError, load_settings

SHOWN: Final = 200

_DEAD: Final = """
    SELECT job.id, entrypoint AS name, headers ->> 'tenant' AS tenant, attempts, updated,
           traceback ->> 'exception_type' AS error, traceback ->> 'exception_message' AS message
    FROM queue.pgqueuer AS job LEFT JOIN LATERAL (
        SELECT traceback FROM queue.pgqueuer_log
        WHERE job_id = job.id AND traceback IS NOT NULL ORDER BY id DESC LIMIT 1
    ) AS last ON true
    WHERE status = 'failed' ORDER BY updated DESC, job.id DESC LIMIT $1
"""
_DEAD_AMONG: Final = """
    SELECT id FROM queue.pgqueuer WHERE status = 'failed' AND ($1::bigint[] IS NULL OR id = ANY($1))
"""
# Of a handler's job, only the entry that failed is given up: the first that waits of its subject.
_SKIP: Final = """
    DELETE FROM pending_events AS failed USING queue.pgqueuer AS job
    WHERE job.status = 'failed' AND job.id = ANY($1) AND job.entrypoint = 'event:' || handler
          AND headers ->> 'tenant' = tenant_id::text AND headers ->> 'key' = subject_id::text
          AND NOT EXISTS (
              SELECT FROM pending_events AS earlier
              WHERE earlier.tenant_id = failed.tenant_id AND earlier.handler = failed.handler
                    AND earlier.subject_id = failed.subject_id
                    AND (earlier.generation, earlier.xid, earlier.position)
                        < (failed.generation, failed.xid, failed.position)
          )
"""
_GOES_ON: Final = """
    SELECT job.id FROM queue.pgqueuer AS job
    WHERE job.status = 'failed' AND job.id = ANY($1) AND EXISTS (
        SELECT FROM pending_events
        WHERE job.entrypoint = 'event:' || handler AND headers ->> 'tenant' = tenant_id::text
              AND headers ->> 'key' = subject_id::text
    )
    FOR UPDATE OF job
"""
_DISCARD: Final = "DELETE FROM queue.pgqueuer WHERE status = 'failed' AND id = ANY($1)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 on success, 1 if there is no such job, 2 without a database."""
    parser = argparse.ArgumentParser(
        prog="python -m commands.jobs",
        description="List, retry or discard dead jobs; forget jobs without a handler.",
    )
    actions = ["list", "retry", "discard", "forget"]
    parser.add_argument("action", nargs="?", choices=actions, default="list")
    parser.add_argument("ids", nargs="*", help="ids of dead jobs, or: all; names for forget")
    given = parser.parse_args(arguments)
    if (given.action == "list") == bool(given.ids):
        parser.error("retry and discard take ids, or `all`; forget takes names; list takes none")
    if given.action == "forget":
        return _run(_forget(given.ids))
    if given.ids != ["all"] and not all(each.isdecimal() for each in given.ids):
        parser.error("ids are numbers")
    ids = None if given.ids == ["all"] else [int(each) for each in given.ids]
    return _run(_act(given.action, ids))


def _run(action: Coroutine[Any, Any, int]) -> int:
    try:
        return asyncio.run(action)
    except (CannotRun, SettingsError, OSError, asyncpg.PostgresError) as error:
        print(error, file=sys.stderr)
        return 2


async def _act(action: str, ids: list[int] | None) -> int:
    urls = await present_logins(load_settings())
    connection = await asyncpg.connect(urls.relay)
    try:
        if action == "list":
            return await _list(connection, urls)
        dead = [row["id"] for row in await connection.fetch(_DEAD_AMONG, ids)]
        if action == "retry":
            await _retry(connection, dead)
        else:
            await _discard(connection, dead)
    finally:
        await connection.close()
    print(f"{'Waiting again' if action == 'retry' else 'Discarded'}: {len(dead)}")
    if unknown := sorted(set(ids or []) - set(dead)):
        print(f"No dead jobs: {', '.join(map(str, unknown))}", file=sys.stderr)
        return 1
    return 0


async def _forget(names: Sequence[str]) -> int:
    urls = await present_logins(load_settings())
    async with _relay(urls) as relay:
        unhandled = {each.name for each in await find_unhandled(relay, HANDLED)}
        for name in names:
            if name in unhandled:
                print(f"Forgotten: {name}, {await forget(relay, name)} jobs")
            elif name in HANDLED:
                print(f"{name} has a handler in this version: discard its jobs", file=sys.stderr)
            else:
                print(f"No jobs: {name}", file=sys.stderr)
    return 0 if unhandled.issuperset(names) else 1


@asynccontextmanager
async def _relay(urls: DatabaseUrls) -> AsyncIterator[Database]:
    database = Database(urls.relay.sqlalchemy, pool_size=1)
    try:
        yield database
    finally:
        await database.close()


async def _retry(connection: asyncpg.Connection, dead: Sequence[int]) -> None:
    jobs = [JobId(id) for id in dead]
    await queries_of(AsyncpgDriver(connection)).requeue_jobs(jobs)
    await connection.execute("SELECT pg_notify($1, '')", CHANNEL)


async def _discard(connection: asyncpg.Connection, dead: Sequence[int]) -> None:
    async with connection.transaction():
        await connection.execute(_SKIP, dead)
        going_on = [row["id"] for row in await connection.fetch(_GOES_ON, dead)]
        await _retry(connection, going_on)
        await connection.execute(_DISCARD, dead)


async def _list(connection: asyncpg.Connection, urls: DatabaseUrls) -> int:
    rows = await connection.fetch(_DEAD, SHOWN)
    for row in rows:
        at = f"{row['updated']:%Y-%m-%d %H:%M}"
        why = f"{row['error'] or '?'} {row['message'] or ''}".strip()
        print(
            f"{row['id']:>8}  {at}  {row['name']:<20}  tenant {row['tenant'] or '-'}  "
            f"{row['attempts'] + 1} tries  {why}"
        )
    if not rows:
        print("No dead jobs.")
    async with _relay(urls) as relay:
        unhandled = await find_unhandled(relay, HANDLED)
    if unhandled:
        print("Without a handler in this version (to delete them: forget NAME):")
    for each in unhandled:
        since = f", since {each.since:%Y-%m-%d %H:%M}" if each.since else ""
        print(f"          {each.name:<20}  {each.jobs} jobs{since}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
