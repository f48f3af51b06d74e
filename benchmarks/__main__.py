"""`python -m benchmarks`: a table of ratios; `--json`: the figures as one object."""

import argparse
import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import urlencode

import orjson
import psutil

from benchmarks.data import WEEK, Data, load
from benchmarks.load import Call, Measured, answer_of, measure
from commands.migrate import migrate
from kit.database_urls import DatabaseUrls, trusted_urls
from kit.embedded import EmbeddedServer

SECRET: Final = "the secret of a benchmark that nobody else talks to"
FIELDS: Final = (
    "id reference status startsAt endsAt partySize room { name color } customer { name email }"
)
WEEK_QUERY: Final = f"""
    query Week($since: DateTime!, $until: DateTime!) {{
      bookings(first: 250, filter: {{ startsAt: {{ gte: $since, lt: $until }} }}) {{
        nodes {{ {FIELDS} }}
      }}
    }}
"""
AVAILABILITY_QUERY: Final = """
    query Free($query: AvailabilityQuery!) {
      availability(query: $query) { slots { startsAt endsAt price { amount } room { id } } }
    }
"""
AVAILABILITY_ROOMS: Final = 10
# What a person waits for, rather than how many are served.
ONE_AT_A_TIME: Final = frozenset({"availability"})
ONE_QUERY: Final = f"query One($id: ID!) {{ booking(id: $id) {{ {FIELDS} }} }}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5, help="of each target, alternating")
    parser.add_argument("--seconds", type=float, default=2.0, help="that a round lasts")
    parser.add_argument("--history", type=int, default=290_000, help="bookings before the week")
    parser.add_argument("--json", action="store_true", help="print the figures as one object")
    arguments = parser.parse_args()

    folder = Path(tempfile.mkdtemp(prefix="boom-bench-"))
    try:
        with EmbeddedServer(folder, durable=False) as server:
            migrate(server.url)
            figures = asyncio.run(_run(trusted_urls(server.url), folder, arguments))
    finally:
        shutil.rmtree(folder)
    if arguments.json:
        print(orjson.dumps(figures).decode())
    else:
        _print(figures)


async def _run(
    urls: DatabaseUrls, folder: Path, arguments: argparse.Namespace
) -> dict[str, dict[str, dict[str, float]]]:
    print(f"Loading {arguments.history:,} bookings …", file=sys.stderr)
    data = await load(urls, SECRET.encode(), history=arguments.history)
    environment = {
        "BOOM_APP_DATABASE_URL": urls.app,
        "BOOM_RELAY_DATABASE_URL": urls.relay,
        "BOOM_SECRET": SECRET,
        "BOOM_DATA": str(folder),
        "BOOM_RATE_LIMIT": "off",
        "BENCH_DATABASE_URL": urls.owner,
    }
    with ExitStack() as stack:
        ours_port, ours = stack.enter_context(_served("app:create_app", environment))
        bare_port, bare = stack.enter_context(_served("benchmarks.bare:create_app", environment))
        processes = {"ours": ours, "bare": bare}
        figures = {}
        for name, calls in _calls(data, ours_port, bare_port).items():
            await _check_same(calls)
            rounds: dict[str, list[Measured]] = {target: [] for target in calls}
            # The first round warms up and isn't counted.
            for number in range(arguments.rounds + 1):
                for target, call in calls.items():
                    measured = await measure(
                        call,
                        processes[target],
                        clients=1 if name in ONE_AT_A_TIME else arguments.clients,
                        seconds=arguments.seconds,
                    )
                    if number:
                        rounds[target].append(measured)
            figures[name] = {target: _median(of_target) for target, of_target in rounds.items()}
        return figures


def _calls(data: Data, ours: int, bare: int) -> Mapping[str, Mapping[str, Call]]:
    since, until = (each.isoformat() for each in WEEK)
    week = {"query": WEEK_QUERY, "variables": {"since": since, "until": until}}
    one = {"query": ONE_QUERY, "variables": {"id": data.booking_node_id}}
    span = urlencode({"tenant": data.tenant_id, "since": since, "until": until})
    which = urlencode({"tenant": data.tenant_id, "id": data.booking_id})
    rooms = data.room_node_ids[:AVAILABILITY_ROOMS]
    wanted = {"from": since, "to": until, "durationMinutes": 60, "roomIds": rooms}
    free = {"query": AVAILABILITY_QUERY, "variables": {"query": wanted}}
    return {
        "week": {
            "ours": Call.post(ours, "/graphql", orjson.dumps(week), data.token),
            "bare": Call.get(bare, f"/week?{span}"),
        },
        "one": {
            "ours": Call.post(ours, "/graphql", orjson.dumps(one), data.token),
            "bare": Call.get(bare, f"/one?{which}"),
        },
        "availability": {"ours": Call.post(ours, "/graphql", orjson.dumps(free), data.token)},
    }


async def _check_same(calls: Mapping[str, Call]) -> None:
    """Targets that answer differently can't be compared."""
    answers = [orjson.loads(await answer_of(call))["data"] for call in calls.values()]
    if any(answer != answers[0] for answer in answers):
        raise SystemExit("The targets answer differently; nothing was measured.")


@contextmanager
def _served(factory: str, environment: Mapping[str, str]) -> Iterator[tuple[int, psutil.Process]]:
    """One process of uvicorn, as the product runs it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", factory, "--factory", "--port", str(port)]
    command += ["--no-access-log", "--log-level", "warning", "--loop", "uvloop"]
    command += ["--http", "httptools", "--no-server-header", "--ws-per-message-deflate", "false"]
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise SystemExit("A target ended before it served.")
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("A target didn't serve within 30 s.")


def _median(rounds: list[Measured]) -> dict[str, float]:
    each: list[dict[str, Any]] = [asdict(one) for one in rounds]
    return {name: round(median(one[name] for one in each), 2) for name in each[0]}


def _print(figures: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
    print(f"{'':14}{'target':8}{'req/s':>10}{'p50 ms':>10}{'p95 ms':>10}{'CPU µs':>10}{'ratio':>8}")
    for name, targets in figures.items():
        for target, of_target in targets.items():
            bare = targets.get("bare")
            ratio = f"{of_target['rps'] / bare['rps']:.3f}" if bare else ""
            cells = "".join(f"{value:>10.1f}" for value in of_target.values())
            print(f"{name:14}{target:8}{cells}{ratio:>8}")


if __name__ == "__main__":
    main()
