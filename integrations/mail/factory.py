"""Selects how this installation sends mail."""

from integrations.mail.local import LocalMail
from integrations.mail.protocol import Mail
from integrations.mail.smtp import SmtpMail
from integrations.outbox import Outbox
from kit.settings import Settings


def mail_of(settings: Settings) -> Mail:
    """Returns SMTP mail if BOOM_SMTP_URL is set, else mail stored in the outbox."""
    if settings.smtp_url is not None:
        return SmtpMail.at(settings.smtp_url.get_secret_value())
    return LocalMail(Outbox.of(settings))
