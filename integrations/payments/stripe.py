"""Payments by Stripe: a payment is a PaymentIntent, paid by card in the customer's browser."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeGuard

import orjson

from domain.core.card_amounts import rounded_down
from domain.core.money import CURRENCY_CODES, Money, currency_digits
from integrations.payments import webhook_signatures
from integrations.payments.protocol import (
    BadEvent,
    Capture,
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
from integrations.stripe_client import StripeApi

if TYPE_CHECKING:
    from stripe import StripeClient

MOST_REFUNDS: Final = 1_000

_HEADER: Final = "stripe-signature"
_REFERENCE: Final = "reference"
_PAGE: Final = 100
# Currencies whose smallest unit at Stripe isn't that of ISO 4217.
_DIGITS: Final = {"ISK": 2, "MGA": 0, "UGX": 2}

_STATUSES: Final = {
    "requires_payment_method": PaymentStatus.OPEN,
    "requires_confirmation": PaymentStatus.OPEN,
    "requires_action": PaymentStatus.OPEN,
    "processing": PaymentStatus.PROCESSING,
    "requires_capture": PaymentStatus.HELD,
    "succeeded": PaymentStatus.PAID,
    "canceled": PaymentStatus.CANCELLED,
}
_REFUND_STATUSES: Final = {
    "pending": RefundStatus.PENDING,
    "requires_action": RefundStatus.PENDING,
    "succeeded": RefundStatus.DONE,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}
# The first matching prefix counts.
_SUBJECTS: Final = (
    ("payment_intent.", Subject.PAYMENT),
    ("charge.refunded", Subject.PAYMENT),
    ("charge.refund.", Subject.REFUND),
    ("refund.", Subject.REFUND),
    ("charge.dispute.", Subject.DISPUTE),
    ("checkout.session.", Subject.CHECKOUT),
    ("customer.subscription.", Subject.SUBSCRIPTION),
    ("invoice.", Subject.INVOICE),
)
_KINDS: Final = {
    "charge": "charge",
    "checkout.session": "checkout",
    "customer": "customer",
    "dispute": "dispute",
    "invoice": "invoice",
    "payment_intent": "payment",
    "refund": "refund",
    "subscription": "subscription",
}


class StripeGateway:
    """Stripe's gateway; ``webhook_secrets`` are those of our endpoints: account and Connect."""

    name = "stripe"

    def __init__(self, api: StripeApi, *, webhook_secrets: tuple[str, ...]) -> None:
        self._api = api
        self._webhook_secrets = webhook_secrets

    async def create(self, order: Order, *, key: str) -> Payment:
        given: Any = {
            "amount": _to_stripe(order.amount),
            "currency": order.amount.currency_code.lower(),
            "capture_method": "manual" if order.capture is Capture.LATER else "automatic",
            # Other methods may take days to confirm, but a room is held for minutes.
            "payment_method_types": ["card"],
            "metadata": {**order.metadata, _REFERENCE: order.reference},
        }
        if order.customer_id is not None:
            given["customer"] = order.customer_id
        async with self._api.call() as client:
            intent = await client.v1.payment_intents.create_async(
                given,
                _options(order.account, key),
            )
            return _payment(intent.to_dict())

    async def capture(
        self, id: str, *, amount: Money, key: str, account: str | None = None
    ) -> Payment:
        async with self._api.call() as client:
            intent = await client.v1.payment_intents.capture_async(
                id,
                {"amount_to_capture": _to_stripe(amount)},
                _options(account, key),
            )
            return _payment(intent.to_dict())

    async def cancel(self, id: str, *, key: str, account: str | None = None) -> Payment:
        try:
            async with self._api.call() as client:
                intent = await client.v1.payment_intents.cancel_async(
                    id,
                    None,
                    _options(account, key),
                )
                return _payment(intent.to_dict())
        except GatewayRefused:
            payment = await self.fetch(id, account=account)
            if payment.status is not PaymentStatus.CANCELLED:
                raise
            return payment

    async def refund(
        self,
        id: str,
        *,
        amount: Money,
        reference: str,
        key: str,
        metadata: Mapping[str, str] | None = None,
        account: str | None = None,
    ) -> Refund:
        async with self._api.call() as client:
            refund = await client.v1.refunds.create_async(
                {
                    "payment_intent": id,
                    "amount": _to_stripe(amount),
                    "metadata": {**(metadata or {}), _REFERENCE: reference},
                },
                _options(account, key),
            )
            return _refund(refund.to_dict())

    async def fetch(self, id: str, *, account: str | None = None) -> Payment:
        async with self._api.call() as client:
            intent = await client.v1.payment_intents.retrieve_async(
                id,
                None,
                _options(account),
            )
            found = intent.to_dict()
            refunds = await _refunds(client, id, account) if found["amount_received"] else ()
            return _payment(found, refunds)

    def verify_webhook(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> None:
        webhook_signatures.check(body, headers.get(_HEADER), secrets=self._webhook_secrets, now=now)

    def parse_event(self, body: bytes) -> GatewayEvent:
        try:
            return _event(orjson.loads(body))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise BadEvent(f"This is no event: {type(error).__name__}") from error

    async def close(self) -> None:
        await self._api.close()


def _options(account: str | None, key: str | None = None) -> Any:
    given = {"stripe_account": account, "idempotency_key": key}
    return {name: value for name, value in given.items() if value is not None}


async def _refunds(client: "StripeClient", id: str, account: str | None) -> tuple[Refund, ...]:
    found: list[dict[str, Any]] = []
    while len(found) < MOST_REFUNDS:
        query: Any = {"payment_intent": id, "limit": _PAGE}
        if found:
            query["starting_after"] = found[-1]["id"]
        page = await client.v1.refunds.list_async(query, _options(account))
        found += (each.to_dict() for each in page.data)
        if not page.has_more or not page.data:
            # Stripe lists the latest first. Releasing the rest of a hold isn't a refund of ours.
            return tuple(_refund(each) for each in reversed(found) if each["payment_intent"] == id)
    raise GatewayAway(f"A payment has more than {MOST_REFUNDS} refunds")


def _payment(intent: Mapping[str, Any], refunds: tuple[Refund, ...] = ()) -> Payment:
    currency = intent["currency"]
    error = intent.get("last_payment_error") or {}
    metadata = _texts(intent["metadata"])
    reference = metadata.pop(_REFERENCE, None)
    return Payment(
        id=intent["id"],
        status=_STATUSES[intent["status"]],
        amount=_from_stripe(intent["amount"], currency),
        received=_from_stripe(intent["amount_received"], currency),
        reference=reference,
        client_secret=intent.get("client_secret"),
        failure=error.get("decline_code") or error.get("code"),
        refunds=refunds,
        metadata=metadata,
    )


def _refund(refund: Mapping[str, Any]) -> Refund:
    return Refund(
        id=refund["id"],
        payment_id=refund["payment_intent"],
        status=_REFUND_STATUSES[refund["status"]],
        amount=_from_stripe(refund["amount"], refund["currency"]),
        reference=_texts(refund.get("metadata")).get(_REFERENCE),
    )


def _to_stripe(amount: Money) -> int:
    """Converts an amount to Stripe's smallest unit. Raises GatewayRefused if it can't be."""
    if rounded_down(amount) != amount:
        raise GatewayRefused(f"Stripe has no such fraction: {amount}")
    more = _more_digits(amount.currency_code)
    if more >= 0:
        return int(amount.amount_minor * 10**more)
    unit: int = 10**-more
    if amount.amount_minor % unit:
        raise GatewayRefused(f"Stripe has no such fraction: {amount}")
    return amount.amount_minor // unit


def _from_stripe(amount: object, currency: str) -> Money:
    if type(amount) is not int:
        raise TypeError("An amount is a whole number")
    code = currency.upper()
    more = _more_digits(code)
    if more < 0:
        return Money(amount * 10**-more, code)
    unit: int = 10**more
    if amount % unit:
        raise ValueError("An amount has a fraction of the smallest unit")
    return Money(amount // unit, code)


def _more_digits(code: str) -> int:
    if code not in CURRENCY_CODES:
        raise ValueError("This is no currency in use")
    ours = currency_digits(code)
    return _DIGITS.get(code, ours) - ours


# ------------------------------------------------------------------------------ events


def _event(given: Mapping[str, Any]) -> GatewayEvent:
    if given["object"] != "event":
        raise ValueError("not an event")
    seen = given["data"]["object"]
    type = _text(given["type"])
    return GatewayEvent(
        gateway=StripeGateway.name,
        id=_text(given["id"]),
        type=type,
        subject=next((subject for start, subject in _SUBJECTS if type.startswith(start)), None),
        created_at=datetime.fromtimestamp(given["created"], UTC),
        object_id=_text(seen["id"]) if seen.get("id") else "",
        ids=_ids(seen),
        metadata=_texts(seen.get("metadata") or _of_subscription(seen).get("metadata")),
        account=_text(given["account"]) if given.get("account") else None,
    )


def _ids(seen: Mapping[str, Any]) -> dict[str, str]:
    """Returns the ids of the object and of those it names, which may be expanded objects."""
    named = {**_of_subscription(seen), **seen, str(seen.get("object")): seen.get("id")}
    found = {}
    for field, kind in _KINDS.items():
        value = named.get(field)
        id = value.get("id") if isinstance(value, dict) else value
        if _is_text(id):
            found[kind] = id
    return found


def _of_subscription(seen: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the subscription details of an invoice."""
    parent = seen.get("parent")
    details = parent.get("subscription_details") if isinstance(parent, dict) else None
    return details if isinstance(details, dict) else {}


def _text(value: object) -> str:
    if not _is_text(value) or not 0 < len(value) <= 255:
        raise TypeError("not a text")
    return value


def _texts(given: object) -> dict[str, str]:
    """Returns the metadata entries that are text."""
    pairs = given.items() if isinstance(given, dict) else ()
    return {name: value for name, value in pairs if _is_text(name) and _is_text(value)}


def _is_text(value: object) -> TypeGuard[str]:
    # PostgreSQL can't store the character 0.
    return isinstance(value, str) and "\0" not in value
