"""Measures a venue of 500,000 bookings beside one of 1,000: `python -m benchmarks.size`.

Each operation is asked by one client. Loading takes some minutes, and 1 GB of disk.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import repeat
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import asyncpg
import orjson
import uvloop

from benchmarks.database import SECRET, empty_database, environment
from benchmarks.load import BadAnswer, Call, answer_of, measure
from benchmarks.serving import Served, served
from benchmarks.size_data import Venue, load
from benchmarks.targets import TARGETS
from kit.postgres.connection_urls import DatabaseUrls

TEXTS: Final = ["anna baden", "zoe", "anna", "an", "qx", "a", "@acme", "7K3", "nobody"]
BOOKING: Final = "id reference startsAt room { name } customer { name email }"
EVENT: Final = "cursor type at booking { id reference status startsAt room { name } }"
SEARCH: Final = f"""
    query Search($text: String!, $from: DateTime) {{
      bookings(first: 20, filter: {{ search: $text, startsAt: {{ gte: $from }} }}) {{
        totalCount nodes {{ {BOOKING} }}
      }}
    }}
"""
CUSTOMERS: Final = """
    query Customers($text: String!) {
      customers(first: 20, filter: { search: $text }) { totalCount nodes { id name email phone } }
    }
"""
AUDIT: Final = """
    query Audit($filter: AuditFilter) {
      auditLog(first: 50, filter: $filter) { nodes { type at subjectId } }
    }
"""
CURSOR: Final = "query Cursor { bookings(first: 1) { eventCursor } }"
CHANGES: Final = f"""
    subscription Changes($after: EventCursor) {{
      bookingChanged(after: $after) {{ ... on BookingChanged {{ {EVENT} }} }}
    }}
"""
# As many as are to come.
CHANGE: Final = """
    INSERT INTO log (tenant_id, type, at, actor_kind, request_id, subject_type, subject_id, before,
        after)
    SELECT tenant_id, 'BOOKING_UPDATED', $2, 'SYSTEM', gen_random_uuid(), 'Booking', id,
        '{"note": null}', '{"note": "changed"}'
    FROM bookings WHERE tenant_id = $1 AND starts_at >= $2
"""
_EVENT: Final = b"event: next"


@dataclass(frozen=True, slots=True)
class Question:
    """An operation of the benchmark."""

    name: str
    text: str
    variables: Mapping[str, object]

    def call(self, venue: Venue, port: int) -> Call:
        body = orjson.dumps({"query": self.text, "variables": self.variables})
        return Call.post(
            port, "/graphql", repeat(body), token=venue.token(SECRET.encode()), sign=b'"data":{'
        )


def main() -> None:
    arguments = _arguments()
    with empty_database() as (urls, folder):
        uvloop.run(_measured(urls, folder, arguments))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.size", description=__doc__)
    parser.add_argument("--bookings", type=int, default=500_000, help="of the large venue")
    parser.add_argument("--others", type=int, default=100, help="venues of 1,000 bookings")
    parser.add_argument("--seconds", type=float, default=1.0, help="that each is asked for")
    return parser.parse_args()


async def _measured(urls: DatabaseUrls, folder: Path, arguments: argparse.Namespace) -> None:
    _say(f"Loading {arguments.bookings:,} bookings of a venue, and {arguments.others} others …")
    began = perf_counter()
    venues = await load(urls, bookings=arguments.bookings, others=arguments.others)
    _say(f"Loaded in {perf_counter() - began:.0f} s.")
    without_jobs = environment(urls, folder, BOOM_WORKER="off")
    with served([TARGETS["ours"]], without_jobs) as (ours,):
        for venue in venues:
            print(f"{venue.bookings:,} bookings{'p50 ms':>38}{'p95 ms':>10}{'total':>10}")
            for question in _questions(venue.now):
                await _ask(question, venue, ours, arguments.seconds)
            await _replay(urls, venue, ours.port)


def _questions(now: datetime) -> Iterator[Question]:
    for text in TEXTS:
        yield Question(f"search: {text}", SEARCH, {"text": text})
    for text in TEXTS:
        variables = {"text": text, "from": now.isoformat()}
        yield Question(f"search from now: {text}", SEARCH, variables)
    for text in TEXTS:
        yield Question(f"customers: {text}", CUSTOMERS, {"text": text})
    yield Question("audit log", AUDIT, {})
    yield Question("audit log, rare type", AUDIT, {"filter": {"types": ["BOOKING_NO_SHOW"]}})
    yield Question("audit log, no such type", AUDIT, {"filter": {"types": ["BOOKING_HELD"]}})
    for name, days in (("a day", 1), ("a month", 30)):
        since = now - timedelta(days=90)
        span = {"gte": since.isoformat(), "lt": (since + timedelta(days=days)).isoformat()}
        yield Question(f"audit log, {name}", AUDIT, {"filter": {"at": span}})


async def _ask(question: Question, venue: Venue, ours: Served, seconds: float) -> None:
    call = question.call(venue, ours.port)
    (found,) = orjson.loads(await answer_of(call))["data"].values()
    measured = await measure(call, ours.process, clients=1, seconds=seconds)
    total = found.get("totalCount", len(found["nodes"]))
    print(f"{question.name:36}{measured.p50_ms:>20,.1f}{measured.p95_ms:>10,.1f}{total:>10,}")


async def _replay(urls: DatabaseUrls, venue: Venue, port: int) -> None:
    """Misses a change of each booking that is to come, and reads them all."""
    answer: Any = orjson.loads(await answer_of(Question("", CURSOR, {}).call(venue, port)))
    after = answer["data"]["bookings"]["eventCursor"]
    connection = await asyncpg.connect(urls.owner)
    try:
        done = await connection.execute(CHANGE, venue.tenant_id, venue.now)
    finally:
        await connection.close()
    number = int(done.split()[-1])
    began = perf_counter()
    await _hear(venue, port, {"after": after}, number)
    lasted = perf_counter() - began
    print(f"{'replay':36}{lasted * 1000:>20,.1f}{'':10}{number:>10,}")


async def _hear(venue: Venue, port: int, variables: Mapping[str, object], number: int) -> None:
    """Follows changes by Server-Sent Events until there were so many."""
    body = orjson.dumps({"query": CHANGES, "variables": variables})
    head = (
        "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Accept: text/event-stream\r\nAuthorization: Bearer {venue.token(SECRET.encode())}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode() + body)
    seen, rest = 0, b""
    while seen < number:
        if not (more := await reader.read(1 << 16)):
            raise BadAnswer("the stream ended")
        received = rest + more
        seen += received.count(_EVENT)
        # Too short to be counted again, and what may be the beginning of the next.
        rest = received[-len(_EVENT) + 1 :]
    writer.close()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
