"""Adds the days of all venues' subscriptions up, for the platform's figures."""

from typing import Final

from sqlalchemy import func, select

from kit.postgres.advisory_locks import advisory_key
from kit.postgres.database import Database
from models.analytics.platform import days_counted, platform_days_stored

_LOCK: Final = advisory_key("platform days")
_BATCH: Final = 10_000


async def add_up_platform_days(relay: Database) -> None:
    """Adds the dates up on which something has changed. Several processes may run it.

    ``relay`` is the relay's database, whose role reads and marks the rows of all tenants.
    """
    while await _add_up(relay) == _BATCH:
        pass


async def _add_up(relay: Database) -> int:
    """Adds the dates of a batch of changed rows up, and returns how many rows there were."""
    async with relay.session(writes=True) as session:
        # One at a time: sums that were read earlier must not replace later ones.
        if not await session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
            return 0
        changed = (await session.scalars(days_counted(_BATCH))).all()
        if changed:
            # By a statement of its own, which sees what was committed until now.
            await session.execute(platform_days_stored(set(changed)))
        await session.commit()
        return len(changed)
