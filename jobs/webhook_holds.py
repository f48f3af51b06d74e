"""Holds endpoints for the process that sends webhooks, and stores its attempts, many at once.

A transaction for each delivery would take most of the processor time that it costs.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import orjson

from domain.webhooks.deliveries import ATTEMPTS_KEPT, DeliveryStatus, pause_after
from kit.clock import Clock
from kit.postgres.database import Database
from kit.postgres.transaction import Transaction
from models.webhooks.deliveries import Key
from models.webhooks.sending import (
    DUE,
    HOLD_DUE,
    HOLD_DUE_OF,
    LET_GO,
    NOTE_ATTEMPTS,
    RENEW,
    DueDelivery,
    DueEndpoint,
    due_in,
    keys,
)

AT_ONCE: Final = 4
"""How much is sent to an endpoint at once; one after another while it fails."""
GATHER_SECONDS: Final = 0.02
"""How long an attempt waits for others that are stored with it."""
STORED_AT_ONCE: Final = 200
"""The endpoints whose attempts are stored in one transaction."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to send a delivery; without an ``error`` it succeeded."""

    delivery: DueDelivery
    at: datetime
    seconds: float
    status: int | None
    error: str | None

    def values(self, now: datetime) -> tuple[Any, ...]:
        """Returns what is stored of it, in the order of NOTE_ATTEMPTS."""
        noted = {
            "at": self.at.isoformat(),
            "durationMs": round(self.seconds * 1000),
            "statusCode": self.status,
            "error": self.error,
        }
        attempts = orjson.dumps([*self.delivery.attempts, noted][-ATTEMPTS_KEPT:]).decode()
        count = self.delivery.attempt_count + 1
        if self.error is None:
            return DeliveryStatus.DELIVERED.value, count, attempts, None, now
        pause = pause_after(count)
        if pause is None:
            return DeliveryStatus.FAILED.value, count, attempts, None, None
        return DeliveryStatus.WAITING.value, count, attempts, now + pause, None


@dataclass(frozen=True, slots=True)
class _Report:
    """What was sent to an endpoint, and who waits to hear what is due next."""

    key: Key
    attempts: Sequence[Attempt]
    is_last: bool
    next: asyncio.Future[DueEndpoint | None]

    @property
    def answered(self) -> bool | None:
        return any(each.error is None for each in self.attempts) if self.attempts else None


class WebhookHolds:
    """Endpoints that one process holds, each for a time that is renewed with its attempts."""

    def __init__(self, relay: Database, *, clock: Clock, hold: timedelta) -> None:
        self._relay = relay
        self._clock = clock
        self._hold = hold
        self._me = uuid4()
        self._reports: list[_Report] = []
        self._storing: asyncio.Task[None] | None = None

    async def take(
        self, endpoints: Collection[Key] | None, *, limit: int
    ) -> Mapping[Key, DueEndpoint]:
        """Holds endpoints to which something is to be sent: of these only, if given."""
        now = self._clock()
        values = {"holder": self._me, "now": now, "until": now + self._hold, "most": limit}
        async with await self._relay.begin(writes=True) as transaction:
            if endpoints is None:
                rows = await transaction.rows(HOLD_DUE, values)
            else:
                rows = await transaction.rows(HOLD_DUE_OF, {**values, **keys(endpoints)})
            taken = [(row["tenant_id"], row["id"]) for row in rows]
            due = await self._due(transaction, taken, going_on=taken, now=now)
            await transaction.commit()
        return due

    async def report(
        self, key: Key, attempts: Sequence[Attempt], *, is_last: bool
    ) -> DueEndpoint | None:
        """Stores attempts, and returns what is due next; without that, lets the endpoint go."""
        following: asyncio.Future[DueEndpoint | None] = asyncio.get_running_loop().create_future()
        self._reports.append(_Report(key, attempts, is_last, following))
        if self._storing is None:
            self._storing = asyncio.create_task(self._store_all(), name="webhook attempts")
        return await following

    async def _store_all(self) -> None:
        try:
            while self._reports:
                await asyncio.sleep(GATHER_SECONDS)
                reports = self._reports[:STORED_AT_ONCE]
                del self._reports[:STORED_AT_ONCE]
                try:
                    due = await self._stored(reports)
                except Exception as error:  # noqa: BLE001 - raised where each waits
                    for each in reports:
                        if not each.next.done():
                            each.next.set_exception(error)
                else:
                    for each in reports:
                        if not each.next.done():
                            each.next.set_result(due.get(each.key))
        finally:
            self._storing = None

    async def _stored(self, reports: Sequence[_Report]) -> Mapping[Key, DueEndpoint]:
        now = self._clock()
        reported = [each.key for each in reports]
        renewed = {
            **keys(reported),
            "answered": [each.answered for each in reports],
            "holder": self._me,
            "now": now,
            "until": now + self._hold,
        }
        attempts = [(each.key[0], attempt) for each in reports for attempt in each.attempts]
        async with await self._relay.begin(writes=True) as transaction:
            if attempts:
                await transaction.rows(NOTE_ATTEMPTS, _noted(attempts, now))
            await transaction.rows(RENEW, renewed)
            going_on = [each.key for each in reports if not each.is_last]
            due = await self._due(transaction, reported, going_on=going_on, now=now)
            await transaction.commit()
        return due

    async def _due(
        self,
        transaction: Transaction,
        held: Sequence[Key],
        *,
        going_on: Sequence[Key],
        now: datetime,
    ) -> Mapping[Key, DueEndpoint]:
        """Returns what is due to endpoints that go on, and lets the others go."""
        due: Mapping[Key, DueEndpoint] = {}
        if going_on:
            values = {**keys(going_on), "holder": self._me, "now": now, "most": AT_ONCE}
            due = due_in(await transaction.rows(DUE, values))
        others = [each for each in held if each not in due]
        if others:
            await transaction.rows(LET_GO, {**keys(others), "holder": self._me})
        return due


def _noted(attempts: Sequence[tuple[Any, Attempt]], now: datetime) -> dict[str, Any]:
    names = ("statuses", "counts", "attempts", "next_at", "delivered_at")
    columns = zip(*(attempt.values(now) for _, attempt in attempts), strict=True)
    deliveries = ((tenant_id, attempt.delivery.id) for tenant_id, attempt in attempts)
    return {**keys(deliveries), **dict(zip(names, map(list, columns), strict=True))}
