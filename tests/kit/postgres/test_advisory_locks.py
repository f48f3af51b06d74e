"""Locks inside the process: taken together, and given back whatever happens."""

import asyncio

import pytest

from kit.postgres.advisory_locks import ProcessLocks, advisory_key

SOON = 0.01


async def test_one_waits_for_another() -> None:
    locks = ProcessLocks()
    held = await locks.take([2, 1])

    waiting = asyncio.create_task(locks.take([3, 2]))
    await asyncio.sleep(SOON)
    assert not waiting.done()

    locks.give_back(held)
    assert await waiting == [2, 3]


async def test_whoever_stops_waiting_holds_nothing() -> None:
    locks = ProcessLocks()
    held = await locks.take([2])
    waiting = asyncio.create_task(locks.take([1, 2, 3]))
    await asyncio.sleep(SOON)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    locks.give_back([*await locks.take([1, 3]), *held])
    assert locks._locks == {}


async def test_locks_are_given_back_after_an_error() -> None:
    locks = ProcessLocks()

    with pytest.raises(ValueError, match="in the middle"):
        async with locks.all_of([1, 1, 2]):
            raise ValueError("in the middle")

    assert locks._locks == {}


def test_names_of_other_parts_have_other_keys() -> None:
    assert advisory_key("a", "b") != advisory_key("a", "c")
    assert advisory_key("a") == advisory_key("a")
