"""Selects the payment gateway of this installation."""

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from integrations.payments.local import LocalGateway
from integrations.payments.protocol import Gateway, GatewayRefused
from integrations.payments.stripe import StripeGateway
from integrations.stripe_client import StripeApi
from kit.clock import Clock
from kit.settings import Settings

if TYPE_CHECKING:
    from stripe import StripeClient

# Separates this use of the installation's secret: no other use can sign a valid delivery.
_PURPOSE: Final = b"deliveries of the local gateway, version 1"


def stripe_of(settings: Settings) -> StripeApi | None:
    """Returns Stripe's API if BOOM_STRIPE_SECRET_KEY is set, else None."""
    if settings.stripe_secret_key is None:
        return None
    key = settings.stripe_secret_key.get_secret_value()
    return StripeApi(key, address=settings.stripe_api_base)


def gateway_of(settings: Settings, *, clock: Clock) -> Gateway:
    """Returns Stripe if there is a key for it, else the demo's gateway; in production, none."""
    if stripe := stripe_of(settings):
        return StripeGateway(stripe, webhook_secrets=settings.stripe_webhook_secrets)
    if settings.is_production:
        return StripeGateway(_NoStripe(), webhook_secrets=())
    secret = hmac.digest(settings.secret, _PURPOSE, "sha256").hex()
    return LocalGateway(settings.data / "local-payments.sqlite3", secret=secret, clock=clock)


class _NoStripe(StripeApi):
    """Refuses every call: no gateway is configured."""

    def __init__(self) -> None:
        super().__init__("")

    @asynccontextmanager
    async def call(self) -> AsyncIterator["StripeClient"]:
        raise GatewayRefused("BOOM_STRIPE_SECRET_KEY is not set: nobody takes payments here")
        yield
