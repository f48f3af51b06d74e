"""Who bills venues on this installation."""

from integrations.billing.local import LocalBilling
from integrations.billing.protocol import Billing
from integrations.billing.stripe import StripeBilling
from integrations.payments.factory import stripe_of
from kit.clock import Clock
from kit.settings import Settings


def billing_of(settings: Settings, *, clock: Clock) -> Billing:
    """Stripe where there is a key for it; else nobody is billed."""
    if stripe := stripe_of(settings):
        return StripeBilling(stripe, clock=clock)
    return LocalBilling(settings.data / "local-billing.sqlite3", clock=clock)
