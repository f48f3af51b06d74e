"""Sends mail by SMTP."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from ipaddress import ip_address
from typing import Any, Final, Self
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import aiosmtplib
import structlog

from domain.core.email_addresses import MailAddress
from integrations.delivery import OutcomeUnknown, Undeliverable
from integrations.mail.composition import as_email, recipient_of
from integrations.mail.local import SENDER
from integrations.mail.protocol import Message

TIMEOUT_SECONDS: Final = 20
# SMTP replies from here on are permanent: a retry would be refused again (RFC 5321, 4.2.1).
_PERMANENT: Final = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SmtpMail:
    """Sends mail by an SMTP server.

    `smtps://` uses TLS from the start. `smtp://` uses STARTTLS if the server offers it, and
    requires it if a password would cross the network.
    """

    host: str
    port: int
    sender: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    timeout_seconds: float = TIMEOUT_SECONDS

    @classmethod
    def at(cls, url: str) -> Self:
        """Configures a server by `smtp://user:password@host:587?from=bookings%40example.com`."""
        parts = urlsplit(url)
        options: Mapping[str, list[str]] = parse_qs(parts.query)
        username = unquote(parts.username) if parts.username else None
        tls = parts.scheme == "smtps"
        return cls(
            host=parts.hostname or "localhost",
            port=parts.port or _default_port(parts),
            sender=options.get("from", [username if username and "@" in username else SENDER])[0],
            username=username,
            password=unquote(parts.password) if parts.password else None,
            tls=tls,
        )

    async def send(self, message: Message) -> str:
        to = recipient_of(message)
        email = as_email(message, to, sender=self.sender, at=datetime.now(UTC))
        try:
            await self._hand_over(email, to)
        except aiosmtplib.SMTPNotSupported as error:
            if to.local.isascii():
                raise
            raise Undeliverable(
                "the mail server takes no address with letters beyond ASCII before its @: "
                "it lacks SMTPUTF8"
            ) from error
        except aiosmtplib.SMTPRecipientsRefused as error:
            code = error.recipients[0].code
            if code >= _PERMANENT:
                raise Undeliverable(f"the mail server refuses the address: {code}") from error
            raise
        log.info("mail.sent")
        return str(email["Message-ID"])

    async def _hand_over(self, email: EmailMessage, to: MailAddress) -> None:
        crosses_network = not _is_loopback(self.host)
        client = _Client(
            hostname=self.host,
            port=self.port,
            username=self.username,
            password=self.password,
            use_tls=self.tls,
            start_tls=True if self.username and crosses_network and not self.tls else None,
            timeout=self.timeout_seconds,
        )
        async with client:
            # Explicit, not parsed from the headers: one address could be parsed as two.
            await client.send_message(email, recipients=[str(to)])


class _Client(aiosmtplib.SMTP):
    """A client that tells a connection that is lost while the message is handed over."""

    async def data(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().data(*args, **options)
        except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError) as error:
            raise OutcomeUnknown("the mail server may have taken the message") from error


def _default_port(parts: SplitResult) -> int:
    if parts.scheme == "smtps":
        return 465
    return 587 if parts.username else 25


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
