"""The targets: how each is started, and which requests it is sent.

A new one is a ``Target`` in ``TARGETS``.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import orjson

from benchmarks import peers
from benchmarks.data import MINUTES, Data
from benchmarks.load import Call
from benchmarks.peers import gophers
from benchmarks.questions import BENCHMARKS, FOUND, SIGNS, bodies, instant, venue_of

READS: Final = ("week", "one", "to_many", "search")
DATABASE: Final = (*READS, "create_booking")


@dataclass(frozen=True, slots=True)
class Target:
    """A server of one process.

    ``start`` returns the command that serves on a port; it finds the database in
    BENCH_DATABASE_URL, as a superuser. ``ask`` returns the requests of a benchmark. ``read``
    converts the ``data`` of its responses to ours. ``missing`` returns why it can't run here, or
    None.
    """

    name: str
    start: Callable[[int], Sequence[str]]
    benchmarks: Sequence[str]
    ask: Callable[[str, int, Data], Call]
    read: Callable[[str, Any], Any] = field(default=lambda _benchmark, data: data)
    environment: Mapping[str, str] = field(default_factory=dict)
    missing: Callable[[], str | None] = field(default=lambda: None)


def graphql(path: str = "/graphql", *, logs_in: bool = False) -> Callable[[str, int, Data], Call]:
    """Returns a function that sends our own GraphQL requests."""

    def ask(benchmark: str, port: int, data: Data) -> Call:
        return Call.post(
            port,
            path,
            bodies(benchmark, data),
            token=venue_of(benchmark, data).token if logs_in else "",
            sign=SIGNS.get(benchmark, b""),
        )

    return ask


def uvicorn(factory: str, *, http: str = "httptools") -> Callable[[int], Sequence[str]]:
    """Returns the command of one uvicorn process, with the product's options."""

    def start(port: int) -> Sequence[str]:
        command = [sys.executable, "-m", "uvicorn", factory, "--factory", "--port", str(port)]
        command += ["--no-access-log", "--log-level", "warning", "--loop", "uvloop"]
        command += ["--http", http, "--no-server-header"]
        return [*command, "--ws", "websockets-sansio", "--ws-per-message-deflate", "false"]

    return start


def _ask_bare(benchmark: str, port: int, data: Data) -> Call:
    if benchmark == "create_booking":
        return Call.post(port, "/create_booking", _creating(data), sign=SIGNS[benchmark])
    given: dict[str, dict[str, object]] = {
        "week": {"since": instant(data.since), "until": instant(data.until)},
        "one": {"id": data.booking_id},
        "to_many": {"now": instant(data.now)},
        "search": {"text": FOUND, "now": instant(data.now)},
    }
    query = urlencode({"tenant": data.tenant_id, **given[benchmark]})
    return Call.get(port, f"/{benchmark}?{query}")


def _creating(data: Data) -> Iterator[bytes]:
    for slot in data.slots:
        yield orjson.dumps(
            {
                "tenant": data.tenant_id,
                "room": slot.room_id,
                "customer": data.customer_id,
                "startsAt": slot.starts_at,
                "minutes": MINUTES,
            }
        )


def _peer(
    name: str,
    ask: Callable[[str, int, Data], Call],
    read: Callable[[str, Any], Any] = lambda _benchmark, data: data,
) -> Target:
    """Returns a Node.js server as a target; see benchmarks/peers."""
    return Target(
        name,
        peers.node(f"{name}.mjs"),
        DATABASE,
        ask,
        read,
        environment=peers.ENVIRONMENT,
        missing=peers.missing,
    )


TARGETS: Final = {
    target.name: target
    for target in (
        Target(
            "ours",
            uvicorn("benchmarks.ours:create_app", http="benchmarks.ours:protocol"),
            BENCHMARKS,
            graphql(logs_in=True),
        ),
        Target("bare", uvicorn("benchmarks.bare:create_app"), DATABASE, _ask_bare),
        Target("stock", uvicorn("benchmarks.stock:create_app"), DATABASE, graphql()),
        _peer("yoga", graphql()),
        _peer("mercurius", graphql()),
        _peer("postgraphile", peers.ask_postgraphile, peers.read_postgraphile),
        Target(
            "gophers",
            gophers.start,
            DATABASE,
            graphql(),
            environment=gophers.ONE_CORE,
            missing=gophers.missing,
        ),
        Target(
            "gophers_all_cores",
            gophers.start,
            DATABASE,
            graphql(),
            environment=gophers.ALL_CORES,
            missing=gophers.missing,
        ),
    )
}
