"""Which gateway this installation has."""

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
        return StripeGateway(_NoStripe(), webhook_secrets=())
    secret = hmac.digest(settings.secret, _PURPOSE, "sha256").hex()
    return LocalGateway(settings.data / "local-payments.sqlite3", secret=secret, clock=clock)


class _NoStripe(StripeApi):
    """Refuses everything: nobody has said yet who is to move the money."""

    def __init__(self) -> None:
        super().__init__("")

    @asynccontextmanager
    async def call(self) -> AsyncIterator["StripeClient"]:
        raise GatewayRefused("BOOM_STRIPE_SECRET_KEY is not set: nobody takes payments here")
        yield
