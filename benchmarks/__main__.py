"""Prints a table of ratios: `python -m benchmarks`; with `--json`, the figures as one object.

`python -m benchmarks scaling` measures how ten times the bookings affect the query of a week.
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any, Final

import asyncpg
import orjson
import uvloop

from benchmarks.data import load
from benchmarks.database import SECRET, empty_database, environment
from benchmarks.load import BadAnswer, Call, Measured, answer_of, measure
from benchmarks.questions import BENCHMARKS, ONE_AT_A_TIME, SIZES, comparable
from benchmarks.serving import CannotServe, Served, served
from benchmarks.targets import TARGETS, Target
from commands.migrate import migrate
from kit.postgres.connection_urls import DatabaseUrl, DatabaseUrls

DEFAULT_TARGETS: Final = ("ours", "bare", "stock")
TENANTS: Final = 50
BOOKINGS: Final = 200_000
SCALING_TENANTS: Final = 5

Figures = dict[str, dict[str, dict[str, float]]]


def main() -> None:
    arguments = _arguments()
    with empty_database() as (urls, folder):
        if arguments.what == "scaling":
            figures = uvloop.run(_scaling(urls, folder, arguments))
        else:
            figures = uvloop.run(_compared(urls, folder, arguments))
    if arguments.json:
        print(orjson.dumps(figures).decode())
    else:
        _print(figures)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["compare", "scaling"], default="compare")
    parser.add_argument(
        "--benchmarks", nargs="+", choices=BENCHMARKS, default=BENCHMARKS, metavar="NAME"
    )
    parser.add_argument(
        "--targets", nargs="+", choices=TARGETS, default=DEFAULT_TARGETS, metavar="NAME"
    )
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5, help="of each target, alternating")
    parser.add_argument("--seconds", type=float, default=2.0, help="that a round lasts")
    parser.add_argument("--tenants", type=int, default=TENANTS)
    parser.add_argument("--bookings", type=int, default=BOOKINGS, help="of all tenants")
    parser.add_argument("--json", action="store_true", help="print the figures as one object")
    return parser.parse_args()


async def _compared(urls: DatabaseUrls, folder: Path, arguments: argparse.Namespace) -> Figures:
    """Runs each benchmark on all targets that run here and support it."""
    _say(f"Loading {arguments.bookings:,} bookings of {arguments.tenants} venues …")
    data = await load(urls, SECRET.encode(), tenants=arguments.tenants, bookings=arguments.bookings)
    figures: Figures = {}
    with served(
        _chosen(arguments.targets), environment(urls, folder, BENCH_DATABASE_URL=urls.owner)
    ) as running:
        for benchmark in arguments.benchmarks:
            able = {one.target.name: one for one in running if benchmark in one.target.benchmarks}
            calls = {name: one.target.ask(benchmark, one.port, data) for name, one in able.items()}
            await _drop_what_differs(benchmark, calls, able)
            if calls:
                _say(f"Measuring {benchmark}: {', '.join(calls)} …")
                figures[benchmark] = await _rounds(calls, able, benchmark, arguments)
    return figures


async def _scaling(urls: DatabaseUrls, folder: Path, arguments: argparse.Namespace) -> Figures:
    """Runs the week query on three databases: few bookings, and ten times as many of each kind."""
    few = arguments.bookings // 10
    sizes = {
        "few": (SCALING_TENANTS, few),
        "ten times the tenants": (SCALING_TENANTS * 10, few * 10),
        "ten times the history": (SCALING_TENANTS, few * 10),
    }
    calls: dict[str, Call] = {}
    able: dict[str, Served] = {}
    ours = _chosen(["ours"])
    with (
        served(ours, environment(await _another(urls, 0), folder)) as first,
        served(ours, environment(await _another(urls, 1), folder)) as second,
        served(ours, environment(await _another(urls, 2), folder)) as third,
    ):
        for n, (name, (tenants, bookings)) in enumerate(sizes.items()):
            _say(f"Loading {bookings:,} bookings of {tenants} venues …")
            data = await load(_named(urls, n), SECRET.encode(), tenants=tenants, bookings=bookings)
            [able[name]] = (first, second, third)[n]
            calls[name] = able[name].target.ask("week", able[name].port, data)
        return {"week": await _rounds(calls, able, "week", arguments)}


async def _another(urls: DatabaseUrls, number: int) -> DatabaseUrls:
    named = _named(urls, number)
    connection = await asyncpg.connect(urls.owner)
    try:
        await connection.execute(f'CREATE DATABASE "{named.owner.database}"')
    finally:
        await connection.close()
    await asyncio.to_thread(migrate, named.owner)
    return named


def _named(urls: DatabaseUrls, number: int) -> DatabaseUrls:
    def there(url: DatabaseUrl) -> DatabaseUrl:
        return url.in_database(f"scaling_{number}")

    return DatabaseUrls(there(urls.owner), app=there(urls.app), relay=there(urls.relay))


def _chosen(names: list[str]) -> list[Target]:
    chosen = []
    for name in names:
        if reason := TARGETS[name].missing():
            _say(f"Leaving out {name}: {reason}")
        else:
            chosen.append(TARGETS[name])
    return chosen


async def _drop_what_differs(
    benchmark: str, calls: dict[str, Call], able: Mapping[str, Served]
) -> None:
    """Excludes targets that don't respond, or whose response differs from the first one's."""
    expected: Any = None
    for name, call in list(calls.items()):
        try:
            answer = orjson.loads(await answer_of(call))["data"]
            data = able[name].target.read(benchmark, answer)
            if not SIZES[benchmark](data):
                raise BadAnswer(f"not as many rows as there are: {str(data)[:200]}")
            found = comparable(benchmark, data)
            if expected not in (None, found):
                raise BadAnswer(_difference(expected, found))
            expected = found
        except (BadAnswer, OSError, TimeoutError, LookupError, TypeError, ValueError) as error:
            _say(f"Leaving out {name} of {benchmark}: {type(error).__name__}: {error}")
            del calls[name]


def _difference(expected: Any, found: Any, path: str = "data") -> str:
    if isinstance(expected, dict) and isinstance(found, dict) and [*expected] == [*found]:
        pairs: Any = expected.items()
        other: Any = found
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs, other = enumerate(expected), found
    else:
        return f"{path}: {str(expected)[:200]} expected, {str(found)[:200]} found"
    return next(
        _difference(value, other[key], f"{path}.{key}")
        for key, value in pairs
        if value != other[key]
    )


async def _rounds(
    calls: Mapping[str, Call],
    able: Mapping[str, Served],
    benchmark: str,
    arguments: argparse.Namespace,
) -> dict[str, dict[str, float]]:
    rounds: dict[str, list[Measured]] = {name: [] for name in calls}
    # The first round warms up and isn't counted.
    for number in range(arguments.rounds + 1):
        for name, call in calls.items():
            measured = await measure(
                call,
                able[name].process,
                clients=1 if benchmark in ONE_AT_A_TIME else arguments.clients,
                seconds=arguments.seconds,
            )
            if number:
                rounds[name].append(measured)
    return {name: _median(of_target) for name, of_target in rounds.items()}


def _median(rounds: list[Measured]) -> dict[str, float]:
    each: list[dict[str, Any]] = [asdict(one) for one in rounds]
    return {name: round(median(one[name] for one in each), 2) for name in each[0]}


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _print(figures: Figures) -> None:
    print(
        f"{'':16}{'target':22}{'req/s':>10}{'p50 ms':>10}{'p95 ms':>10}{'CPU µs':>10}{'ratio':>8}"
    )
    for name, targets in figures.items():
        against = targets.get("bare") or next(iter(targets.values()))
        for target, of_target in targets.items():
            cells = "".join(f"{value:>10,.1f}" for value in of_target.values())
            ratio = of_target["rps"] / against["rps"]
            print(f"{name:16}{target:22}{cells}{ratio:>8.3f}")


if __name__ == "__main__":
    try:
        main()
    except (CannotServe, BadAnswer) as error:
        sys.exit(f"{type(error).__name__}: {error}")
