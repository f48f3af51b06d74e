"""The store of the demo gateway: payments, refunds, idempotent calls and webhooks, in SQLite."""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson

from domain.core.money import Money
from integrations.payments.protocol import (
    Capture,
    GatewayRefused,
    Order,
    Payment,
    PaymentStatus,
    Refund,
    RefundStatus,
    Subject,
)

PAGE: Final = "/dev/pay"

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


@contextmanager
def open_store(file: Path) -> Iterator["PaymentStore"]:
    """Opens the store in a transaction that excludes other writers."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with closing(sqlite3.connect(file, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
        file.chmod(0o600)
        connection.row_factory = sqlite3.Row
        connection.executescript(_TABLES)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield PaymentStore(connection)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


class PaymentStore:
    """The statements of one transaction of the store."""

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

    def record_event(
        self, type: str, payment: Payment, at: datetime, refund: Refund | None = None
    ) -> None:
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
