"""Makes exports in a process of its own, and prints how much memory each took at its peak.

python -m tests.jobs.large_export TENANT EXPORT…    after a first one, which loads what is needed
"""

import asyncio
import resource
import sys
from time import perf_counter, process_time
from uuid import UUID

from app import build_app
from jobs.exports import make_export
from kit.settings import load_settings


async def _make(tenant_id: UUID, ids: list[str]) -> None:
    app = build_app(load_settings(), with_graphiql=False)
    for id in ids:
        began, cpu = perf_counter(), process_time()
        await make_export(app.state.runtime, tenant_id, {"id": id})
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"{peak} {process_time() - cpu:.1f} {perf_counter() - began:.1f}")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(_make(UUID(sys.argv[1]), sys.argv[2:]))
