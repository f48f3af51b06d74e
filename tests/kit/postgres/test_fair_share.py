"""Fair shares of a pool: one tenant may use all of it, unless others wait."""

import asyncio
from collections import Counter
from random import Random

import pytest

from kit.postgres.fair_share import FairShare


async def wanting(shares: FairShare, owner: str, times: int) -> list[asyncio.Task[None]]:
    """Starts a number of callers that wait for a place in the queue."""
    tasks = [asyncio.create_task(shares.take(owner, within_seconds=5)) for _ in range(times)]
    await asyncio.sleep(0)
    return tasks


def served(tasks: list[asyncio.Task[None]]) -> int:
    return sum(task.done() for task in tasks)


async def test_one_owner_may_have_all_while_nobody_waits() -> None:
    shares = FairShare(10)

    tasks = await wanting(shares, "busy", 10)

    assert served(tasks) == 10


async def test_what_comes_back_goes_to_others_until_they_have_as_many() -> None:
    shares = FairShare(10)
    await wanting(shares, "busy", 10)
    more = await wanting(shares, "busy", 5)
    others = await wanting(shares, "quiet", 7)

    for _ in range(6):
        shares.give_back("busy")
        await asyncio.sleep(0)

    # Six places: five for the quiet one, and of five each the first to come.
    assert (served(more), served(others)) == (1, 5)


async def test_a_third_one_waits_for_the_next_place_only() -> None:
    shares = FairShare(2)
    await wanting(shares, "busy", 2)
    await wanting(shares, "busy", 100)
    (late,) = await wanting(shares, "late", 1)

    shares.give_back("busy")
    await asyncio.sleep(0)

    assert late.done()


async def test_who_gives_up_leaves_the_place_to_the_next() -> None:
    shares = FairShare(1)
    await shares.take("a", within_seconds=5)

    with pytest.raises(TimeoutError):
        await shares.take("b", within_seconds=0.001)
    (waiting,) = await wanting(shares, "c", 1)
    shares.give_back("a")
    await waiting

    shares.give_back("c")
    assert served(await wanting(shares, "d", 1)) == 1


@pytest.mark.parametrize("seed", range(20))
async def test_no_place_is_lost_or_given_twice(seed: int) -> None:
    shares, random, held = FairShare(5), Random(seed), Counter[str]()

    async def work(owner: str) -> None:
        try:
            await shares.take(owner, within_seconds=random.choice([0, 0.001, 5]))
        except TimeoutError:
            return
        held[owner] += 1
        assert held.total() <= 5
        await asyncio.sleep(random.random() / 1000)
        held[owner] -= 1
        shares.give_back(owner)

    tasks = [asyncio.create_task(work(random.choice("abc"))) for _ in range(100)]
    for task in random.sample(tasks, 20):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.wait(tasks)

    # Those that were cancelled within their work keep theirs, as they never gave it back.
    left = 5 - held.total()
    assert served(await wanting(shares, "last", left + 1)) == left
