"""Selects the billing service of this installation."""

from integrations.billing.local import LocalBilling
from integrations.billing.protocol import Billing
from integrations.billing.stripe import StripeBilling
from integrations.payments.factory import stripe_of
from kit.clock import Clock
from kit.settings import Settings


def billing_of(settings: Settings, *, clock: Clock) -> Billing:
    """Returns Stripe if there is a key for it, else LocalBilling, which bills nobody."""
    if stripe := stripe_of(settings):
        return StripeBilling(stripe, clock=clock)
    return LocalBilling(settings.data / "local-billing.sqlite3", clock=clock)
