"""Allowances: how often something may be done within a time window, across all processes.

They limit what unverified callers cause: accounts, mails, bookings of guests. Requests are limited
by token buckets in the memory of each process (``kit/security/token_bucket.py``).
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
    """Allows ``limit`` uses within any ``window``, for each subject."""

    name: str
    limit: int
    window: timedelta


@dataclass(frozen=True, slots=True)
class SpentStatements:
    """The SQL statements for spent allowances, which are in ``models/core/allowances.py``."""

    spend: str
    earliest: str
    refill: str


class Allowances:
    """Spends allowances in separate short transactions.

    A use stays spent even if the work fails: spend before it begins, outside its transaction.
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
        """Counts one use for the combination of subjects.

        Raises Throttled, with the seconds until the next use, if the allowance is used up.
        """
        wait = await self.try_to_spend(allowance, *subjects)
        if wait:
            seconds = math.ceil(wait.total_seconds())
            raise Throttled(
                f"Too many requests of this kind; try again in {_span(seconds)}.",
                retry_after_seconds=seconds,
            )

    async def try_to_spend(self, allowance: Allowance, *subjects: str) -> timedelta:
        """Does the same as ``spend``, but returns how long to wait, or zero."""
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
        """Resets the allowance, for subjects that turn out to be trusted."""
        if not self._is_enforced:
            return
        async with await self._database.begin(writes=True) as transaction:
            await transaction.text(self._statements.refill, [self._key(allowance, subjects)])
            await transaction.commit()

    def _key(self, allowance: Allowance, subjects: Sequence[str]) -> str:
        text = _SEPARATOR.join((allowance.name, *subjects))
        return hmac.digest(self._secret, text.encode(), "sha256").hex()


def _span(seconds: int) -> str:
    """Formats seconds in the unit that a person would use."""
    if seconds < 120:
        return f"{seconds} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{math.ceil(minutes / 60)} hours"
