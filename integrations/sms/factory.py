"""Selects how this installation sends SMS."""

from integrations.outbox import Outbox
from integrations.sms.local import LocalSms
from integrations.sms.protocol import Sms
from kit.settings import Settings


def sms_of(settings: Settings) -> Sms:
    """Returns Twilio if BOOM_SMS_URL is set, else SMS stored in the outbox."""
    if settings.sms_url is None:
        return LocalSms(Outbox.of(settings))
    # Imported here: many installations don't use it, and its HTTP client imports slowly.
    from integrations.sms.twilio import TwilioSms

    return TwilioSms.at(settings.sms_url.get_secret_value())
