"""Adds the days of all venues' subscriptions up, for the platform's figures."""

from typing import Final

from sqlalchemy import func, select

from kit.postgres.advisory_locks import advisory_key
from kit.postgres.database import Database
from models.analytics.platform import days_counted, platform_days_stored

_LOCK: Final = advisory_key("platform days")


async def add_up_platform_days(relay: Database) -> None:
    """Adds the dates up on which something has changed. Several processes may run it.

    ``relay`` is the relay's database, whose role reads and marks the rows of all tenants.
    """
    async with relay.session(writes=True) as session:
        # One at a time: sums that were read earlier must not replace later ones.
        if not await session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
            return
        dates = set((await session.scalars(days_counted())).all())
        if dates:
            # By a statement of its own, which sees what was committed until now.
            await session.execute(platform_days_stored(dates))
        await session.commit()
