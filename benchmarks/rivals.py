"""Measures many who want one time of a room at once: `python -m benchmarks.rivals`.

Each round, so many clients send the same `createBooking` at once; one must get the time. Meanwhile
another client books other rooms, one booking after the other.
"""

import argparse
import asyncio
import time
from collections.abc import Iterator
from itertools import islice, repeat
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import uvloop

from benchmarks.data import Data, Slot, load
from benchmarks.database import SECRET, empty_database, environment
from benchmarks.load import Call, answers_at_once
from benchmarks.questions import creating
from benchmarks.serving import served
from benchmarks.targets import TARGETS
from kit.postgres.connection_urls import DatabaseUrls

RIVALS: Final = (64, 200)
ROUNDS: Final = 12
BOOKINGS: Final = 20_000
TENANTS: Final = 5


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rivals", description=__doc__)
    parser.add_argument("--rivals", type=int, nargs="+", default=RIVALS)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="the first isn't counted")
    arguments = parser.parse_args()
    with empty_database() as (urls, folder):
        uvloop.run(_run(urls, folder, arguments))


async def _run(urls: DatabaseUrls, folder: Path, arguments: argparse.Namespace) -> None:
    data = await load(urls, SECRET.encode(), tenants=TENANTS, bookings=BOOKINGS)
    with served([TARGETS["ours"]], environment(urls, folder)) as (ours,):
        print(f"{'rivals':>8}{'winners':>9}{'p50 ms':>9}{'p99 ms':>9}{'others ms':>11}{'alone':>7}")
        for rivals in arguments.rivals:
            rounds = [await _round(ours.port, data, rivals) for _ in range(arguments.rounds)][1:]
            alone = median([await _alone(ours.port, data) for _ in range(30)])
            seconds = [each for of_round, _, _ in rounds for each in of_round]
            cuts = quantiles(seconds, n=100)
            winners = sorted({won for _, won, _ in rounds})
            others = median(each for _, _, of_round in rounds for each in of_round)
            print(
                f"{rivals:>8}{winners!s:>9}{cuts[49] * 1e3:>9.1f}{cuts[98] * 1e3:>9.1f}"
                f"{others * 1e3:>11.1f}{alone * 1e3:>7.1f}"
            )


async def _round(port: int, data: Data, rivals: int) -> tuple[list[float], int, list[float]]:
    """Returns the seconds of the rivals' answers, how many won, and the seconds of others."""
    wanted = next(data.slots)
    rival = asyncio.ensure_future(answers_at_once(_calls(port, data, repeat(wanted, rivals))))
    others = []
    while not rival.done():
        others.append(await _alone(port, data))
    answered = await rival
    won = sum(b'"userErrors":[]' in body for body, _ in answered)
    return [seconds for _, seconds in answered], won, others


async def _alone(port: int, data: Data) -> float:
    began = time.perf_counter()
    await answers_at_once(_calls(port, data, islice(data.slots, 1)))
    return time.perf_counter() - began


def _calls(port: int, data: Data, slots: Iterator[Slot]) -> list[Call]:
    bodies = (creating(slot, data) for slot in slots)
    return [Call.post(port, "/graphql", iter([body]), token=data.token) for body in bodies]


if __name__ == "__main__":
    main()
