"""A payment gateway for the demo: no money moves, and its state is in a file of its own.

It behaves as a real one: customers pay on its page, calls are idempotent by their key, and it
sends signed webhooks for every change.
"""

import asyncio
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson

from domain.core.card_amounts import chargeable
from domain.core.money import Money
from integrations.payments import webhook_signatures
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
    RefundStatus,
    Subject,
)
from kit.clock import Clock

T = TypeVar("T")

PAGE: Final = "/dev/pay"
HEADER: Final = "local-signature"

_DECLINED: Final = "card_declined"
_BUSY_SECONDS: Final = 5.0
_TABLES: Final = """
    CREATE TABLE IF NOT EXISTS payments (
        id TEXT PRIMARY KEY, amount INTEGER NOT NULL, currency TEXT NOT NULL,
        capture TEXT NOT NULL, reference TEXT NOT NULL, metadata TEXT NOT NULL,
        client_secret TEXT NOT NULL, status TEXT NOT NULL, received INTEGER NOT NULL,
        failure TEXT
    );
    CREATE TABLE IF NOT EXISTS refunds (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, payment_id TEXT NOT NULL,
        amount INTEGER NOT NULL, reference TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS calls (
        key TEXT PRIMARY KEY, asked TEXT NOT NULL, result TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS deliveries (
        number INTEGER PRIMARY KEY, body BLOB NOT NULL
    );
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook that hasn't been delivered yet."""

    number: int
    body: bytes


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

        def make(books: "_Books") -> Payment:
            return books.replayed(key, call) or books.opened(order, key, call)

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

        def take(books: "_Books") -> Payment:
            if replayed := books.replayed(key, call):
                return replayed
            payment = books.payment(id)
            if payment.status is not PaymentStatus.HELD:
                raise GatewayRefused("There is nothing held")
            if not _is_part(amount, payment.amount):
                raise GatewayRefused("This is more than is held")
            books.settle(id, PaymentStatus.PAID, received=amount.amount_minor)
            books.keep(key, call, id)
            books.tell("payment.paid", payment, self._clock())
            return books.payment(id)

        return await self._change(take)

    async def cancel(
        self,
        id: str,
        *,
        key: str,
        account: str | None = None,  # noqa: ARG002 - all venues have the same one
    ) -> Payment:
        call = ["cancel", id]

        def let_go(books: "_Books") -> Payment:
            payment = books.replayed(key, call) or books.payment(id)
            if payment.status is PaymentStatus.CANCELLED:
                return payment
            if payment.status not in (PaymentStatus.OPEN, PaymentStatus.HELD):
                raise GatewayRefused("A payment that is made can't be cancelled")
            books.settle(id, PaymentStatus.CANCELLED)
            books.keep(key, call, id)
            books.tell("payment.cancelled", payment, self._clock())
            return books.payment(id)

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

        def give_back(books: "_Books") -> Refund:
            if kept := books.kept(key, call):
                return next(each for each in books.payment(id).refunds if each.id == kept)
            payment = books.payment(id)
            left = payment.received.amount_minor - payment.refunded.amount_minor
            if not _is_part(amount, Money(left, payment.amount.currency_code)):
                raise GatewayRefused("This is more than is left")
            refund = books.refunded(payment, amount, reference)
            books.keep(key, call, refund.id)
            books.tell("refund.done", payment, self._clock(), refund)
            return refund

        return await self._change(give_back)

    async def fetch(
        self,
        id: str,
        *,
        account: str | None = None,  # noqa: ARG002 - all venues have the same one
    ) -> Payment:
        return await self._change(lambda books: books.payment(id), tells=False)

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

        def take(books: "_Books") -> Payment:
            payment = _still_open(books, id)
            if books.capture_of(id) is Capture.LATER:
                books.settle(id, PaymentStatus.HELD)
                books.tell("payment.held", payment, self._clock())
            else:
                books.settle(id, PaymentStatus.PAID, received=payment.amount.amount_minor)
                books.tell("payment.paid", payment, self._clock())
            return books.payment(id)

        return await self._change(take)

    async def fail(self, id: str) -> Payment:
        """Simulates a declined card; another may be tried. Raises GatewayRefused."""

        def decline(books: "_Books") -> Payment:
            payment = _still_open(books, id)
            books.settle(id, PaymentStatus.OPEN, failure=Declined(_DECLINED).code)
            books.tell("payment.failed", payment, self._clock())
            return books.payment(id)

        return await self._change(decline)

    # ------------------------------------------------------------------ webhooks

    async def undelivered(self) -> list[Delivery]:
        """Returns the webhooks that haven't been delivered, the oldest first."""
        if not self._file.exists():
            return []
        return await self._change(lambda books: books.undelivered(), tells=False)

    async def delivered(self, delivery: Delivery) -> None:
        """Marks a webhook as delivered."""
        await self._change(lambda books: books.delivered(delivery.number), tells=False)

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

    async def _change(self, work: Callable[["_Books"], T], *, tells: bool = True) -> T:
        try:
            result = await asyncio.to_thread(self._in_transaction, work)
        except sqlite3.Error as error:
            raise GatewayAway(f"The books can't be written: {type(error).__name__}") from error
        if tells:
            self._has_news.set()
        return result

    def _in_transaction(self, work: Callable[["_Books"], T]) -> T:
        with _opened(self._file) as connection:
            return work(_Books(connection))


def _still_open(books: "_Books", id: str) -> Payment:
    payment = books.payment(id)
    if payment.status is not PaymentStatus.OPEN:
        raise GatewayRefused("This payment isn't open any more")
    return payment


def _is_part(amount: Money, whole: Money) -> bool:
    is_same_currency = amount.currency_code == whole.currency_code
    return is_same_currency and 0 < amount.amount_minor <= whole.amount_minor


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """Opens the file in a transaction that excludes other writers."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with closing(sqlite3.connect(file, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
        file.chmod(0o600)
        connection.row_factory = sqlite3.Row
        connection.executescript(_TABLES)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


class _Books:
    """The statements of one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def payment(self, id: str) -> Payment:
        """Returns a payment. Raises GatewayRefused for an unknown one."""
        row = self._one("SELECT * FROM payments WHERE id = ?", id)
        if row is None:
            raise GatewayRefused("There is no such payment")
        currency = row["currency"]
        refunds = self._connection.execute(
            "SELECT * FROM refunds WHERE payment_id = ? ORDER BY number", (id,)
        )
        return Payment(
            id=id,
            status=PaymentStatus(row["status"]),
            amount=Money(row["amount"], currency),
            received=Money(row["received"], currency),
            reference=row["reference"],
            client_secret=row["client_secret"],
            checkout_url=f"{PAGE}/{id}",
            failure=row["failure"],
            refunds=tuple(_refund(each, currency) for each in refunds),
            metadata=orjson.loads(row["metadata"]),
        )

    def capture_of(self, id: str) -> Capture:
        row = self._one("SELECT capture FROM payments WHERE id = ?", id)
        return Capture(row["capture"]) if row else Capture.NOW

    def opened(self, order: Order, key: str, call: list[Any]) -> Payment:
        id = f"pay_{secrets.token_urlsafe(18)}"
        self._connection.execute(
            "INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, NULL)",
            (
                *(id, order.amount.amount_minor, order.amount.currency_code, order.capture.value),
                *(order.reference, orjson.dumps(dict(order.metadata)).decode()),
                *(f"{id}_secret_{secrets.token_urlsafe(18)}", PaymentStatus.OPEN.value),
            ),
        )
        self.keep(key, call, id)
        return self.payment(id)

    def settle(
        self, id: str, status: PaymentStatus, *, received: int = 0, failure: str | None = None
    ) -> None:
        self._connection.execute(
            "UPDATE payments SET status = ?, received = ?, failure = ? WHERE id = ?",
            (status.value, received, failure, id),
        )

    def refunded(self, payment: Payment, amount: Money, reference: str) -> Refund:
        id = f"ref_{secrets.token_urlsafe(18)}"
        self._connection.execute(
            "INSERT INTO refunds (id, payment_id, amount, reference) VALUES (?, ?, ?, ?)",
            (id, payment.id, amount.amount_minor, reference),
        )
        return Refund(id, payment.id, RefundStatus.DONE, amount, reference)

    # Calls by their key, so that each is done once.

    def kept(self, key: str, call: list[Any]) -> str | None:
        """Returns the result of a call by its key. Raises GatewayRefused for another call's."""
        row = self._one("SELECT asked, result FROM calls WHERE key = ?", key)
        if row is None:
            return None
        if row["asked"] != _digest(call):
            raise GatewayRefused("The key has been used for something else")
        return str(row["result"])

    def replayed(self, key: str, call: list[Any]) -> Payment | None:
        kept = self.kept(key, call)
        return self.payment(kept) if kept else None

    def keep(self, key: str, call: list[Any], result: str) -> None:
        self._connection.execute("INSERT INTO calls VALUES (?, ?, ?)", (key, _digest(call), result))

    # Webhooks to deliver.

    def tell(self, type: str, payment: Payment, at: datetime, refund: Refund | None = None) -> None:
        body = {
            "id": f"evt_{secrets.token_urlsafe(18)}",
            "type": type,
            "subject": Subject.REFUND if refund else Subject.PAYMENT,
            "created": int(at.timestamp()),
            "object_id": refund.id if refund else payment.id,
            "ids": {"payment": payment.id} | ({"refund": refund.id} if refund else {}),
            "metadata": dict(payment.metadata),
        }
        self._connection.execute("INSERT INTO deliveries (body) VALUES (?)", (orjson.dumps(body),))

    def undelivered(self) -> list[Delivery]:
        rows = self._connection.execute("SELECT * FROM deliveries ORDER BY number LIMIT 100")
        return [Delivery(row["number"], row["body"]) for row in rows]

    def delivered(self, number: int) -> None:
        self._connection.execute("DELETE FROM deliveries WHERE number = ?", (number,))

    def _one(self, statement: str, *values: str) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._connection.execute(statement, values).fetchone()
        return row


def _refund(row: sqlite3.Row, currency: str) -> Refund:
    amount = Money(row["amount"], currency)
    return Refund(row["id"], row["payment_id"], RefundStatus.DONE, amount, row["reference"])


def _digest(call: list[Any]) -> str:
    return sha256(orjson.dumps(call, option=orjson.OPT_SORT_KEYS)).hexdigest()
