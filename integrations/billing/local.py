"""Local billing, which charges nobody: for the demo and for private installations.

Each change takes effect at once and is free; trials and periods pass as they would at Stripe. Its
state is in a file, not in our database.
"""

import asyncio
import calendar
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

import orjson

from domain.billing.plan_subscriptions import LIVE, Subscription, SubscriptionStatus
from domain.tenants.plans import PlanCode
from integrations.billing.protocol import Account, Buyer
from integrations.payments.protocol import GatewayRefused
from kit.clock import Clock

T = TypeVar("T")

_BUSY_SECONDS: Final = 5.0
_TABLE: Final = """
    CREATE TABLE IF NOT EXISTS customers (
        id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL UNIQUE, subscription TEXT
    )
"""


class LocalBilling:
    """Stores customers in ``file``; each tenant is one, with at most one subscription."""

    name = "local"
    is_enforced = False

    def __init__(self, file: Path, *, clock: Clock) -> None:
        self._file = file
        self._clock = clock

    async def create_customer(self, buyer: Buyer, *, key: str) -> str:  # noqa: ARG002 - one each
        def make(books: sqlite3.Connection) -> str:
            tenant_id = str(buyer.tenant_id)
            books.execute(
                "INSERT OR IGNORE INTO customers (id, tenant_id) VALUES (?, ?)",
                (f"local_{tenant_id}", tenant_id),
            )
            return f"local_{tenant_id}"

        return await self._in_books(make)

    async def start_trial(
        self,
        customer_id: str,
        plan: PlanCode,
        *,
        tenant_id: UUID,  # noqa: ARG002 - the customer says it
        days: int,
        key: str,  # noqa: ARG002 - what has begun begins once
    ) -> None:
        def start(had: Subscription | None) -> Subscription:
            if had is not None and had.status in LIVE:
                return had
            now = self._clock()
            ends_at = now + timedelta(days=days)
            return Subscription(
                plan,
                SubscriptionStatus.TRIALING,
                begun_at=now,
                period_start=now,
                period_end=ends_at,
                trial_ends_at=ends_at,
            )

        await self._changed(customer_id, start)

    async def start_checkout(
        self,
        customer_id: str,
        plan: PlanCode,
        *,
        tenant_id: UUID,  # noqa: ARG002 - the customer says it
        trial_ends_at: datetime | None,  # noqa: ARG002 - there is nothing to pay
        success_url: str,
        cancel_url: str,  # noqa: ARG002 - there is nothing to cancel
        key: str,  # noqa: ARG002 - what has begun begins once
    ) -> str:
        def subscribe(_: Subscription | None) -> Subscription:
            now = self._clock()
            return Subscription(
                plan,
                SubscriptionStatus.ACTIVE,
                begun_at=now,
                period_start=now,
                period_end=_month_after(now, day=now.day),
            )

        await self._changed(customer_id, subscribe)
        return success_url

    async def change_plan(self, id: str, plan: PlanCode, *, at_once: bool, key: str) -> None:  # noqa: ARG002
        if at_once:
            await self._replace(id, plan=plan, next_plan=None)
        else:
            await self._replace(id, next_plan=plan)

    async def keep_plan(self, id: str, *, key: str) -> None:  # noqa: ARG002 - safe to repeat
        await self._replace(id, next_plan=None)

    async def cancel(self, id: str, *, key: str) -> None:  # noqa: ARG002 - safe to repeat
        await self._replace(id, cancels_at_period_end=True, next_plan=None)

    async def resume(self, id: str, *, key: str) -> None:  # noqa: ARG002 - safe to repeat
        await self._replace(id, cancels_at_period_end=False)

    async def end(self, id: str, *, key: str) -> None:  # noqa: ARG002 - safe to repeat
        await self._replace(id, status=SubscriptionStatus.CANCELED, ended_at=self._clock())

    async def open_portal(self, customer_id: str, *, return_url: str) -> str:  # noqa: ARG002
        return return_url

    async def fetch(self, customer_id: str) -> Account:
        subscription = await self._changed(customer_id, lambda had: had)
        if subscription is None:
            return Account()
        return Account(subscription_id=customer_id, subscription=subscription)

    async def owner_of(self, customer_id: str) -> UUID | None:
        def read(books: sqlite3.Connection) -> UUID | None:
            found = books.execute(
                "SELECT tenant_id FROM customers WHERE id = ?", (customer_id,)
            ).fetchone()
            return UUID(found[0]) if found else None

        return await self._in_books(read)

    async def close(self) -> None:
        """Does nothing."""

    # ------------------------------------------------------------------ books

    async def _replace(self, id: str, **changes: Any) -> None:
        def change(had: Subscription | None) -> Subscription:
            if had is None or had.status not in LIVE:
                raise GatewayRefused("There is nothing to change")
            return replace(had, **changes)

        await self._changed(id, change)

    async def _changed(
        self, customer_id: str, change: Callable[[Subscription | None], Subscription | None]
    ) -> Subscription | None:
        """Applies a change to the subscription as of now, and returns it."""

        def write(books: sqlite3.Connection) -> Subscription | None:
            found = books.execute(
                "SELECT subscription FROM customers WHERE id = ?", (customer_id,)
            ).fetchone()
            if found is None:
                raise GatewayRefused("There is no such customer")
            had = _read(found[0]) if found[0] else None
            changed = change(_at(had, self._clock()) if had else None)
            text = orjson.dumps(asdict(changed)).decode() if changed else None
            books.execute("UPDATE customers SET subscription = ? WHERE id = ?", (text, customer_id))
            return changed

        return await self._in_books(write)

    async def _in_books(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def run() -> T:
            with self._books() as books:
                return work(books)

        return await asyncio.to_thread(run)

    @contextmanager
    def _books(self) -> Iterator[sqlite3.Connection]:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with closing(
            sqlite3.connect(self._file, timeout=_BUSY_SECONDS, isolation_level=None)
        ) as books:
            books.execute(_TABLE)
            books.execute("BEGIN IMMEDIATE")
            try:
                yield books
                books.execute("COMMIT")
            except BaseException:
                books.execute("ROLLBACK")
                raise


def _at(subscription: Subscription, now: datetime) -> Subscription:
    """Returns a subscription as of now, with all periods renewed or ended that are over."""
    while (
        subscription.status in LIVE
        and subscription.period_end is not None
        and subscription.period_end <= now
    ):
        end = subscription.period_end
        if subscription.cancels_at_period_end:
            return replace(subscription, status=SubscriptionStatus.CANCELED, ended_at=end)
        subscription = replace(
            subscription,
            status=SubscriptionStatus.ACTIVE,
            plan=subscription.next_plan or subscription.plan,
            next_plan=None,
            period_start=end,
            period_end=_month_after(end, day=_anchor(subscription).day),
        )
    return subscription


def _anchor(subscription: Subscription) -> datetime:
    """Returns when the first month began; later ones begin on the same day if they have it."""
    return subscription.trial_ends_at or subscription.begun_at


def _month_after(at: datetime, *, day: int) -> datetime:
    """Returns the same time on a day of the next month, or on its last day."""
    year, month = (at.year, at.month + 1) if at.month < 12 else (at.year + 1, 1)
    return at.replace(year=year, month=month, day=min(day, calendar.monthrange(year, month)[1]))


def _read(text: str) -> Subscription:
    given = orjson.loads(text)
    times = ("begun_at", "period_start", "period_end", "trial_ends_at", "overdue_since", "ended_at")
    return Subscription(
        **{
            **given,
            **{name: datetime.fromisoformat(given[name]) for name in times if given[name]},
            "plan": PlanCode(given["plan"]),
            "status": SubscriptionStatus(given["status"]),
            "next_plan": PlanCode(given["next_plan"]) if given["next_plan"] else None,
        }
    )
