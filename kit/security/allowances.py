"""Counted allowances: how often something may be done within a time, over all processes.

They bound what strangers cause: accounts, mails, bookings of guests. Requests as such are weighed
by points, in the memory of each process (``kit/security/token_bucket.py``).
"""

import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from kit.clock import Clock
from kit.errors import Throttled
from kit.postgres.database import Database

_SEPARATOR: Final = "\x1f"


@dataclass(frozen=True, slots=True)
class Allowance:
    """At most ``limit`` times within any ``window``, for each subject by itself."""

    name: str
    limit: int
    window: timedelta


@dataclass(frozen=True, slots=True)
class SpentStatements:
    """SQL over the table of what was spent: ``models/core/allowances.py`` says what each takes."""

    spend: str
    earliest: str
    refill: str


class Allowances:
    """Spends allowances in short transactions of their own.

    What was spent stays spent, whatever becomes of the work: spend before it begins, and outside
    of a transaction that has begun.
    """

    def __init__(
        self,
        database: Database,
        statements: SpentStatements,
        *,
        secret: bytes,
        clock: Clock,
        is_enforced: bool = True,
    ) -> None:
        self._database = database
        self._statements = statements
        self._secret = hmac.digest(secret, b"allowances", "sha256")
        self._clock = clock
        self._is_enforced = is_enforced

    async def spend(self, allowance: Allowance, *subjects: str) -> None:
        """Counts one use for who or what the subjects name together.

        Raises Throttled, with the seconds until the next use, where the allowance is used up.
        """
        wait = await self.try_to_spend(allowance, *subjects)
        if wait:
            seconds = math.ceil(wait.total_seconds())
            raise Throttled(
                f"Too many requests of this kind; try again in {_span(seconds)}.",
                retry_after_seconds=seconds,
            )

    async def try_to_spend(self, allowance: Allowance, *subjects: str) -> timedelta:
        """Like ``spend``, for callers that answer otherwise: gives how long to wait, or zero."""
        if not self._is_enforced:
            return timedelta()
        now = self._clock()
        key, begins_at = self._key(allowance, subjects), now - allowance.window
        async with await self._database.begin(writes=True) as transaction:
            spent = await transaction.text(
                self._statements.spend,
                [key, now, begins_at, now + allowance.window, allowance.limit],
            )
            await transaction.commit()
        if spent is not None:
            return timedelta()
        earliest: Any = await self._database.text(self._statements.earliest, [key, begins_at])
        frees_at: datetime = (earliest[0] or now) + allowance.window
        return max(frees_at - now, timedelta(seconds=1))

    async def refill(self, allowance: Allowance, *subjects: str) -> None:
        """Forget what was spent, for subjects that turn out to be trusted."""
        if not self._is_enforced:
            return
        async with await self._database.begin(writes=True) as transaction:
            await transaction.text(self._statements.refill, [self._key(allowance, subjects)])
            await transaction.commit()

    def _key(self, allowance: Allowance, subjects: Sequence[str]) -> str:
        text = _SEPARATOR.join((allowance.name, *subjects))
        return hmac.digest(self._secret, text.encode(), "sha256").hex()


def _span(seconds: int) -> str:
    """Seconds in the unit that a person would use."""
    if seconds < 120:
        return f"{seconds} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{math.ceil(minutes / 60)} hours"
