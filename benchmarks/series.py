"""Measures a year of weekly bookings beside a single one: `python -m benchmarks.series`.

One client books over HTTP, one request after the other: single bookings and series in turn. The
figures are the processor time of the server and of PostgreSQL for each request.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final
from uuid import UUID

import asyncpg
import psutil
import uvloop

from benchmarks.data import Data, free_slots, load
from benchmarks.database import SECRET, empty_database, environment
from benchmarks.load import BadAnswer, Call, cpu_of, measure
from benchmarks.questions import SIGNS, creating
from benchmarks.serving import CannotServe, Served, served
from benchmarks.targets import TARGETS
from kit.postgres.connection_urls import DatabaseUrls

WEEKS: Final = 52
BOOKINGS: Final = 20_000
TENANTS: Final = 5
_ADVANCE_DAYS: Final = 400


@dataclass(frozen=True, slots=True)
class Spent:
    """Milliseconds of processor time for a request."""

    app: float
    postgres: float

    @property
    def together(self) -> float:
        return self.app + self.postgres


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.series", description=__doc__)
    parser.add_argument("--weeks", type=int, default=WEEKS)
    parser.add_argument("--rounds", type=int, default=5, help="of each, in turn")
    parser.add_argument("--seconds", type=float, default=2.0, help="that a round lasts")
    arguments = parser.parse_args()
    with empty_database() as (urls, folder):
        uvloop.run(_run(urls, folder, arguments))


async def _run(urls: DatabaseUrls, folder: Path, arguments: argparse.Namespace) -> None:
    data = await load(urls, SECRET.encode(), tenants=TENANTS, bookings=BOOKINGS)
    await _open_for_a_year(urls)
    # In rooms of their own, so that they aren't in each other's way.
    half = len(data.room_ids) // 2
    single = _bodies(data, data.room_ids[:half], {})
    rrule = f"FREQ=WEEKLY;COUNT={arguments.weeks}"
    series = _bodies(data, data.room_ids[half:], {"recurrence": {"rrule": rrule}})
    rounds = []
    with served([TARGETS["ours"]], environment(urls, folder, BOOM_WORKER="off")) as (ours,):
        for _ in range(arguments.rounds + 1):
            one = await _spent(ours, data.token, single, arguments.seconds)
            rounds.append((one, await _spent(ours, data.token, series, arguments.seconds)))
    # The first round warms up and isn't counted.
    ones, many = zip(*rounds[1:], strict=True)
    print(f"{'ms of processor time':24}{'app':>10}{'PostgreSQL':>12}{'together':>10}")
    _print("one booking", ones)
    _print(f"{arguments.weeks} bookings", many)
    ratios = sorted(two.together / one.together for one, two in rounds[1:])
    print(f"times as much: {median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})")


async def _open_for_a_year(urls: DatabaseUrls) -> None:
    connection = await asyncpg.connect(urls.owner)
    try:
        await connection.execute("UPDATE tenants SET max_advance_days = $1", _ADVANCE_DAYS)
    finally:
        await connection.close()


def _bodies(data: Data, room_ids: list[UUID], more: Mapping[str, object]) -> Iterator[bytes]:
    for slot in free_slots(room_ids, data.until):
        yield creating(slot, data, **more)


async def _spent(ours: Served, token: str, bodies: Iterator[bytes], seconds: float) -> Spent:
    """Books for so long."""
    sent = []

    def counted() -> Iterator[bytes]:
        for body in bodies:
            sent.append(body)
            yield body

    sign = SIGNS["create_booking"]
    call = Call.post(ours.port, "/graphql", counted(), token=token, sign=sign)
    postgres = [each for each in psutil.Process().children(recursive=True) if _is_postgres(each)]
    before = [cpu_of(each) for each in (ours.process, *postgres)]
    await measure(call, ours.process, clients=1, seconds=seconds)
    after = [cpu_of(each) for each in (ours.process, *postgres)]
    app, *others = (then - now for now, then in zip(before, after, strict=True))
    return Spent(app / len(sent) * 1000, sum(others) / len(sent) * 1000)


def _is_postgres(process: psutil.Process) -> bool:
    return process.name() == "postgres"


def _print(name: str, rounds: Sequence[Spent]) -> None:
    app, postgres, together = (
        median(getattr(each, part) for each in rounds) for part in ("app", "postgres", "together")
    )
    print(f"{name:24}{app:>10.2f}{postgres:>12.2f}{together:>10.2f}")


if __name__ == "__main__":
    try:
        main()
    except (CannotServe, BadAnswer) as error:
        sys.exit(f"{type(error).__name__}: {error}")
