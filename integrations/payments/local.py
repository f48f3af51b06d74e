"""A payment gateway for the demo: no money moves, and its state is in a file of its own.

It behaves as a real one: customers pay on its page, calls are idempotent by their key, and it
sends signed webhooks for every change.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

import orjson

from domain.core.card_amounts import chargeable
from domain.core.money import Money
from integrations.payments import webhook_signatures
from integrations.payments.local_store import Delivery, PaymentStore, open_store
from integrations.payments.protocol import (
    BadEvent,
    Capture,
    Declined,
    GatewayAway,
    GatewayEvent,
    GatewayRefused,
    Order,
    Payment,
    PaymentStatus,
    Refund,
    Subject,
)
from kit.clock import Clock

T = TypeVar("T")

HEADER: Final = "local-signature"

_DECLINED: Final = "card_declined"


class LocalGateway:
    """Stores payments in ``file``, and signs its webhooks with ``secret``."""

    name = "local"

    def __init__(self, file: Path, *, secret: str, clock: Clock) -> None:
        self._file = file
        self._secret = secret
        self._clock = clock
        self._has_news = asyncio.Event()

    # ------------------------------------------------------------------ what every gateway does

    async def create(self, order: Order, *, key: str) -> Payment:
        call = ["create", str(order.amount), order.reference, order.capture, dict(order.metadata)]
        if order.amount.amount_minor <= 0 or chargeable(order.amount) != order.amount:
            raise GatewayRefused(f"A card can't be charged this: {order.amount}")

        def make(store: PaymentStore) -> Payment:
            return store.replayed(key, call) or store.opened(order, key, call)

        return await self._change(make)

    async def capture(
        self,
        id: str,
        *,
        amount: Money,
        key: str,
        account: str | None = None,  # noqa: ARG002 - all venues have the same one
    ) -> Payment:
        call = ["capture", id, str(amount)]

        def take(store: PaymentStore) -> Payment:
            if replayed := store.replayed(key, call):
                return replayed
            payment = store.payment(id)
            if payment.status is not PaymentStatus.HELD:
                raise GatewayRefused("There is nothing held")
            if not _is_part(amount, payment.amount):
                raise GatewayRefused("This is more than is held")
            store.settle(id, PaymentStatus.PAID, received=amount.amount_minor)
            store.keep(key, call, id)
            store.record_event("payment.paid", payment, self._clock())
            return store.payment(id)

        return await self._change(take)

    async def cancel(
        self,
        id: str,
        *,
        key: str,
        account: str | None = None,  # noqa: ARG002 - all venues have the same one
    ) -> Payment:
        call = ["cancel", id]

        def let_go(store: PaymentStore) -> Payment:
            payment = store.replayed(key, call) or store.payment(id)
            if payment.status is PaymentStatus.CANCELLED:
                return payment
            if payment.status not in (PaymentStatus.OPEN, PaymentStatus.HELD):
                raise GatewayRefused("A payment that is made can't be cancelled")
            store.settle(id, PaymentStatus.CANCELLED)
            store.keep(key, call, id)
            store.record_event("payment.cancelled", payment, self._clock())
            return store.payment(id)

        return await self._change(let_go)

    async def refund(
        self,
        id: str,
        *,
        amount: Money,
        reference: str,
        key: str,
        metadata: Mapping[str, str] | None = None,  # noqa: ARG002 - its events carry the payment's
        account: str | None = None,  # noqa: ARG002 - all venues have the same one
    ) -> Refund:
        call = ["refund", id, str(amount), reference]

        def give_back(store: PaymentStore) -> Refund:
            if kept := store.kept(key, call):
                return next(each for each in store.payment(id).refunds if each.id == kept)
            payment = store.payment(id)
            left = payment.received.amount_minor - payment.refunded.amount_minor
            if not _is_part(amount, Money(left, payment.amount.currency_code)):
                raise GatewayRefused("This is more than is left")
            refund = store.refunded(payment, amount, reference)
            store.keep(key, call, refund.id)
            store.record_event("refund.done", payment, self._clock(), refund)
            return refund

        return await self._change(give_back)

    async def fetch(
        self,
        id: str,
        *,
        account: str | None = None,  # noqa: ARG002 - all venues have the same one
    ) -> Payment:
        return await self._change(lambda store: store.payment(id), notifies=False)

    def verify_webhook(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> None:
        webhook_signatures.check(body, headers.get(HEADER), secrets=[self._secret], now=now)

    def parse_event(self, body: bytes) -> GatewayEvent:
        try:
            given = orjson.loads(body)
            return GatewayEvent(
                gateway=self.name,
                id=str(given["id"]),
                type=str(given["type"]),
                subject=Subject(given["subject"]),
                created_at=datetime.fromtimestamp(given["created"], UTC),
                object_id=str(given["object_id"]),
                ids=dict(given["ids"]),
                metadata=dict(given["metadata"]),
            )
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise BadEvent(f"This is no event: {type(error).__name__}") from error

    async def close(self) -> None:
        """Does nothing."""

    # ------------------------------------------------------------------ what its customers do

    async def pay(self, id: str) -> Payment:
        """Simulates a successful payment by card. Raises GatewayRefused if it is too late."""

        def take(store: PaymentStore) -> Payment:
            payment = _still_open(store, id)
            if store.capture_of(id) is Capture.LATER:
                store.settle(id, PaymentStatus.HELD)
                store.record_event("payment.held", payment, self._clock())
            else:
                store.settle(id, PaymentStatus.PAID, received=payment.amount.amount_minor)
                store.record_event("payment.paid", payment, self._clock())
            return store.payment(id)

        return await self._change(take)

    async def fail(self, id: str) -> Payment:
        """Simulates a declined card; another may be tried. Raises GatewayRefused."""

        def decline(store: PaymentStore) -> Payment:
            payment = _still_open(store, id)
            store.settle(id, PaymentStatus.OPEN, failure=Declined(_DECLINED).code)
            store.record_event("payment.failed", payment, self._clock())
            return store.payment(id)

        return await self._change(decline)

    # ------------------------------------------------------------------ webhooks

    async def undelivered(self) -> list[Delivery]:
        """Returns the webhooks that haven't been delivered, the oldest first."""
        if not self._file.exists():
            return []
        return await self._change(lambda store: store.undelivered(), notifies=False)

    async def delivered(self, delivery: Delivery) -> None:
        """Marks a webhook as delivered."""
        await self._change(lambda store: store.delivered(delivery.number), notifies=False)

    def signed(self, delivery: Delivery) -> Mapping[str, str]:
        """Returns the headers of a webhook that is sent now."""
        return {
            HEADER: webhook_signatures.signed(delivery.body, secret=self._secret, at=self._clock())
        }

    async def news(self, *, within_seconds: float) -> None:
        """Waits until this process has a webhook to deliver, at most this long."""
        try:
            async with asyncio.timeout(within_seconds):
                await self._has_news.wait()
        except TimeoutError:
            return
        self._has_news.clear()

    async def _change(self, work: Callable[[PaymentStore], T], *, notifies: bool = True) -> T:
        try:
            result = await asyncio.to_thread(self._in_transaction, work)
        except sqlite3.Error as error:
            raise GatewayAway(f"The store can't be written: {type(error).__name__}") from error
        if notifies:
            self._has_news.set()
        return result

    def _in_transaction(self, work: Callable[[PaymentStore], T]) -> T:
        with open_store(self._file) as store:
            return work(store)


def _still_open(store: PaymentStore, id: str) -> Payment:
    payment = store.payment(id)
    if payment.status is not PaymentStatus.OPEN:
        raise GatewayRefused("This payment isn't open any more")
    return payment


def _is_part(amount: Money, whole: Money) -> bool:
    is_same_currency = amount.currency_code == whole.currency_code
    return is_same_currency and 0 < amount.amount_minor <= whole.amount_minor
