"""Background tasks run without being awaited, and their failures are logged."""

import asyncio

from structlog.testing import capture_logs

from kit.background_tasks import BackgroundTasks


async def test_an_errand_goes_on_by_itself() -> None:
    done = asyncio.Event()
    errands = BackgroundTasks()

    async def work() -> None:
        done.set()

    errands.start("mail", work())
    await errands.finish()

    assert done.is_set()


async def test_an_errand_that_an_errand_starts_is_finished_too() -> None:
    done = asyncio.Event()
    errands = BackgroundTasks()

    async def second() -> None:
        done.set()

    async def first() -> None:
        errands.start("second", second())

    errands.start("first", first())
    await errands.finish()

    assert done.is_set()


async def test_a_failure_is_logged_and_hurts_nobody() -> None:
    errands = BackgroundTasks()

    async def fail() -> None:
        raise ConnectionRefusedError

    with capture_logs() as logs:
        errands.start("mail", fail())
        await errands.finish()

    assert [(line["event"], line["errand"]) for line in logs] == [("errand.failed", "mail")]


async def test_there_is_a_most_to_how_many_wait() -> None:
    errands = BackgroundTasks(limit=1)
    released = asyncio.Event()
    done = []

    async def work(name: str) -> None:
        await released.wait()
        done.append(name)

    with capture_logs() as logs:
        errands.start("first", work("first"))
        errands.start("second", work("second"))
    released.set()
    await errands.finish()

    assert done == ["first"]
    assert [line["event"] for line in logs] == ["errand.dropped"]
