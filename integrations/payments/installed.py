"""Which gateway this installation has."""

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Final, NoReturn

from domain.money import Money
from integrations.payments.local import LocalGateway
from integrations.payments.protocol import (
    BadSignature,
    Gateway,
    GatewayEvent,
    GatewayRefused,
    Order,
    Payment,
    Refund,
)
from integrations.payments.stripe import StripeGateway
from integrations.stripe_api import StripeApi
from kit.clock import Clock
from kit.settings import Settings

# So that no other use of the installation's secret can ever sign what passes as a delivery.
_PURPOSE: Final = b"deliveries of the local gateway, version 1"


def stripe_of(settings: Settings) -> StripeApi | None:
    """Stripe by BOOM_STRIPE_SECRET_KEY; None without it."""
    if settings.stripe_secret_key is None:
        return None
    key = settings.stripe_secret_key.get_secret_value()
    return StripeApi(key, address=settings.stripe_api_base)


def gateway_of(settings: Settings, *, clock: Clock) -> Gateway:
    """Stripe where there is a key for it; else the demo's, but none in production."""
    if stripe := stripe_of(settings):
        return StripeGateway(stripe, webhook_secrets=settings.stripe_webhook_secrets)
    if settings.is_production:
        return NoGateway()
    secret = hmac.digest(settings.secret, _PURPOSE, "sha256").hex()
    return LocalGateway(settings.data / "local-payments.sqlite3", secret=secret, clock=clock)


class NoGateway:
    """Refuses everything: nobody has said yet who is to move the money."""

    name = "none"

    async def create(self, order: Order, *, key: str) -> Payment:  # noqa: ARG002
        _refuse()

    async def capture(
        self,
        id: str,
        *,
        amount: Money,
        key: str,
        account: str | None = None,  # noqa: ARG002
    ) -> Payment:
        _refuse()

    async def cancel(self, id: str, *, key: str, account: str | None = None) -> Payment:  # noqa: ARG002
        _refuse()

    async def refund(
        self,
        id: str,  # noqa: ARG002
        *,
        amount: Money,  # noqa: ARG002
        reference: str,  # noqa: ARG002
        key: str,  # noqa: ARG002
        metadata: Mapping[str, str] | None = None,  # noqa: ARG002
        account: str | None = None,  # noqa: ARG002
    ) -> Refund:
        _refuse()

    async def fetch(self, id: str, *, account: str | None = None) -> Payment:  # noqa: ARG002
        _refuse()

    def verify_webhook(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> None:  # noqa: ARG002
        raise BadSignature("There is no gateway")

    def parse_event(self, body: bytes) -> GatewayEvent:  # noqa: ARG002
        _refuse()

    async def close(self) -> None:
        """There is nothing to let go of."""


def _refuse() -> NoReturn:
    raise GatewayRefused("This installation takes no payments: BOOM_STRIPE_SECRET_KEY is not set")
