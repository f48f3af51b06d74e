"""What is kept for a time only, and then forgotten."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import CursorResult

from kit.database import Database
from kit.scope import Runtime
from models.idempotency import results_before
from models.log import origins_before
from resolvers.transactions import KEPT_FOR

ORIGINS_KEPT_FOR: Final = timedelta(days=90)
BATCH: Final = 1_000

log = structlog.get_logger(__name__)


async def forget_what_is_old(runtime: Runtime, relay: Database) -> None:
    """Forget, in every tenant, results of idempotency keys and where changes were asked from."""
    now = runtime.clock()
    results = await _forget(relay, lambda: results_before(now - KEPT_FOR, limit=BATCH))
    origins = await _forget(relay, lambda: origins_before(now - ORIGINS_KEPT_FOR, limit=BATCH))
    log.info("housekeeping.done", results=results, origins=origins)


async def _forget(relay: Database, some: Callable[[], Any]) -> int:
    """Short transactions, each of one batch: a long one would hold back live events."""
    total = 0
    while True:
        async with relay.session(writes=True) as session, session.begin():
            deleted = await session.execute(some())
        assert isinstance(deleted, CursorResult)
        total += deleted.rowcount
        if deleted.rowcount < BATCH:
            return total
