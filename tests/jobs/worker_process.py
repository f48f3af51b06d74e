"""A worker to be killed: the product's own jobs, by `python -m tests.jobs.worker_process`.

One that is silent for a second is taken for dead, so that a test need not wait half a minute.
"""

import asyncio
from datetime import timedelta

from app import build_app
from jobs.registry import HANDLERS, RETRIES
from kit.jobs.worker import Worker
from kit.settings import load_settings

STALLED = timedelta(seconds=1)


async def main() -> None:
    settings = load_settings()
    assert settings.relay_database_url is not None
    runtime = build_app(settings, with_graphiql=False).state.runtime
    worker = Worker(
        settings.relay_database_url, runtime, HANDLERS, retries=RETRIES, stalled=STALLED
    )
    await worker.run()


if __name__ == "__main__":
    asyncio.run(main())
