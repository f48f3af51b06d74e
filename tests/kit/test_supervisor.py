"""Services are restarted after failures, and end with the process."""

import asyncio

import pytest
import structlog

from kit.supervisor import supervise


async def test_a_service_that_fails_starts_again() -> None:
    starts: asyncio.Queue[int] = asyncio.Queue()

    async def failing() -> None:
        starts.put_nowait(1)
        raise ConnectionError

    async with asyncio.timeout(60), supervise(failing=failing):
        assert [await starts.get() for _ in range(3)] == [1, 1, 1]


async def test_a_failure_is_told_by_the_name_of_the_service() -> None:
    failed = asyncio.Event()

    async def failing() -> None:
        failed.set()
        raise ValueError

    with structlog.testing.capture_logs() as logs:
        async with asyncio.timeout(60), supervise(cleaning=failing):
            await failed.wait()
            await asyncio.sleep(0)

    assert logs[0]["event"] == "service.failed"
    assert (logs[0]["service"], logs[0]["error"]) == ("cleaning", "ValueError")


async def test_a_lost_database_is_told_without_a_traceback() -> None:
    failed = asyncio.Event()

    async def failing() -> None:
        failed.set()
        raise ConnectionError

    with structlog.testing.capture_logs() as logs:
        async with asyncio.timeout(60), supervise(reading=failing):
            await failed.wait()
            await asyncio.sleep(0)

    assert logs[0]["exc_info"] is None


async def test_services_end_with_the_block_even_when_it_fails() -> None:
    ended = asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def failing_block() -> None:
        async with supervise(endless=endless):
            await asyncio.sleep(0)
            raise KeyError

    with pytest.raises(KeyError):
        await failing_block()

    assert ended.is_set()


async def test_a_service_that_fails_in_cleaning_up_ends_all_the_same() -> None:
    starts = 0

    async def failing() -> None:
        nonlocal starts
        starts += 1
        try:
            await asyncio.Event().wait()
        finally:
            raise ConnectionError

    async with asyncio.timeout(60), supervise(failing=failing):
        await asyncio.sleep(0)

    assert starts == 1


async def test_a_service_starts_again_after_one_of_its_own_tasks_fails() -> None:
    starts: asyncio.Queue[int] = asyncio.Queue()

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ConnectionError

    async def grouped() -> None:
        starts.put_nowait(1)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fail())
            tasks.create_task(asyncio.Event().wait())

    async with asyncio.timeout(60), supervise(grouped=grouped):
        assert [await starts.get() for _ in range(3)] == [1, 1, 1]
