"""Shared reads: concurrent callers share a read that begins after their call."""

import asyncio

import pytest

from kit.shared_reads import SharedReads


class Source:
    """A source whose reads wait until released, and return their number."""

    def __init__(self) -> None:
        self.begun = 0
        self.goes_on = asyncio.Event()

    async def read(self) -> int:
        self.begun += 1
        number = self.begun
        await self.goes_on.wait()
        return number


async def turns(number: int = 5) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


def asks(shared: SharedReads[int], source: Source, key: str = "a") -> asyncio.Task[int]:
    return asyncio.ensure_future(shared.get(key, source.read))


async def test_all_who_ask_at_once_share_a_read() -> None:
    shared, source = SharedReads[int](), Source()
    source.goes_on.set()

    found = await asyncio.gather(*(shared.get("a", source.read) for _ in range(50)))

    assert set(found) == {1}


async def test_whoever_asks_while_one_runs_gets_the_next() -> None:
    shared, source = SharedReads[int](), Source()
    first = asks(shared, source)
    await turns()
    later = [asks(shared, source) for _ in range(50)]
    await turns()
    assert source.begun == 1

    source.goes_on.set()

    assert await first == 1
    assert {await each for each in later} == {2}


async def test_other_keys_are_read_meanwhile() -> None:
    shared, source = SharedReads[int](), Source()
    asks(shared, source)
    other = asks(shared, source, key="b")
    await turns()
    assert source.begun == 2

    source.goes_on.set()

    assert await other == 2


async def test_whoever_gives_up_ends_it_for_nobody_else() -> None:
    shared, source = SharedReads[int](), Source()
    impatient, patient = asks(shared, source), asks(shared, source)
    await turns()

    impatient.cancel()
    source.goes_on.set()

    assert await patient == 1


async def test_a_read_that_fails_is_read_again_by_the_next() -> None:
    shared, source = SharedReads[int](), Source()
    source.goes_on.set()

    async def fail() -> int:
        raise LookupError

    with pytest.raises(LookupError):
        await shared.get("a", fail)

    assert await shared.get("a", source.read) == 1
