"""A semaphore with an urgent and an ordinary queue."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from kit.errors import Throttled
from kit.security.priority_semaphore import Lane, Lanes

Worker = Callable[[str, Lane], Coroutine[Any, Any, None]]


@pytest.fixture
def lanes() -> Lanes:
    return Lanes(at_once=1, waiting={Lane.URGENT: 2, Lane.ORDINARY: 2})


@pytest.fixture
def served() -> list[str]:
    return []


@pytest.fixture
def work(lanes: Lanes, served: list[str]) -> Worker:
    async def work(name: str, lane: Lane) -> None:
        async with lanes.turn(lane):
            served.append(name)
            await asyncio.sleep(0)

    return work


async def started(*work: Coroutine[Any, Any, None]) -> list["asyncio.Task[None]"]:
    """Starts each in this order; they wait where they have to."""
    tasks = [asyncio.create_task(each) for each in work]
    await asyncio.sleep(0)
    return tasks


async def test_the_urgent_go_first_each_in_the_order_they_came(
    work: Worker, served: list[str]
) -> None:
    tasks = await started(
        work("first", Lane.ORDINARY),
        work("sign-up 1", Lane.ORDINARY),
        work("sign-up 2", Lane.ORDINARY),
        work("login 1", Lane.URGENT),
        work("login 2", Lane.URGENT),
    )
    await asyncio.gather(*tasks)

    assert served == ["first", "login 1", "login 2", "sign-up 1", "sign-up 2"]


async def test_of_several_places_one_is_kept_for_the_urgent() -> None:
    lanes = Lanes(at_once=2, waiting={Lane.URGENT: 2, Lane.ORDINARY: 2})
    begun: list[str] = []
    over = asyncio.Event()

    async def work(name: str, lane: Lane) -> None:
        async with lanes.turn(lane):
            begun.append(name)
            await over.wait()

    tasks = await started(
        work("sign-up 1", Lane.ORDINARY),
        work("sign-up 2", Lane.ORDINARY),
        work("login 1", Lane.URGENT),
        work("login 2", Lane.URGENT),
    )
    first = list(begun)
    over.set()
    await asyncio.gather(*tasks)

    assert first == ["sign-up 1", "login 1"]
    assert begun == ["sign-up 1", "login 1", "login 2", "sign-up 2"]


async def test_a_full_lane_refuses_and_leaves_the_other_open(
    work: Worker, served: list[str]
) -> None:
    tasks = await started(
        *(work(f"sign-up {number}", Lane.ORDINARY) for number in range(3)),
        work("login", Lane.URGENT),
    )

    with pytest.raises(Throttled):
        await work("too many", Lane.ORDINARY)
    await asyncio.gather(*tasks)

    assert sorted(served) == ["login", "sign-up 0", "sign-up 1", "sign-up 2"]


async def test_who_goes_away_while_waiting_takes_no_turn(work: Worker, served: list[str]) -> None:
    _, gone, last = await started(
        work("first", Lane.ORDINARY), work("gone", Lane.ORDINARY), work("last", Lane.ORDINARY)
    )

    gone.cancel()
    await last

    assert served == ["first", "last"]


async def test_a_turn_is_passed_on_by_who_goes_away_just_as_it_comes(
    lanes: Lanes, work: Worker, served: list[str]
) -> None:
    async with lanes.turn(Lane.ORDINARY):
        gone, last = await started(work("gone", Lane.ORDINARY), work("last", Lane.ORDINARY))
    gone.cancel()
    await last
    await work("later", Lane.ORDINARY)

    assert served == ["last", "later"]
