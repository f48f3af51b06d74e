"""Sends mail by SMTP, or stores it in a folder if no server is configured."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Protocol, Self
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import aiosmtplib
import structlog

from domain.core.email_addresses import MailAddress, mail_address
from kit.settings import Settings

TIMEOUT_SECONDS: Final = 20
KEPT: Final = 200
_SENDER: Final = "no-reply@localhost"
# SMTP replies from here on are permanent: a retry would be refused again (RFC 5321, 4.2.1).
_PERMANENT: Final = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """A plain text message for one recipient."""

    to: str
    subject: str
    text: str = field(repr=False)


class Undeliverable(Exception):
    """The message can never be delivered; the error says why, without personal data."""


class Mail(Protocol):
    """Sends messages."""

    async def send(self, message: Message) -> None:
        """Sends a message. Raises Undeliverable, and other errors if a retry may succeed."""


def mail_of(settings: Settings) -> Mail:
    """Returns SMTP mail if BOOM_SMTP_URL is set, else mail stored in the data folder."""
    if settings.smtp_url is not None:
        return SmtpMail.at(settings.smtp_url.get_secret_value())
    return LocalMail(settings.data / "outbox")


class LocalMail:
    """Stores the last messages as .eml files in a folder, for development."""

    def __init__(self, folder: Path, *, kept: int = KEPT) -> None:
        self._folder = folder
        self._kept = kept

    async def send(self, message: Message) -> None:
        now = datetime.now(UTC)
        name = f"{now:%Y%m%dT%H%M%S.%f}-{secrets.token_hex(2)}.eml"
        email = _as_email(message, _recipient(message), _SENDER, now)
        await asyncio.to_thread(self._keep, name, email)
        log.info("mail.kept", file=str(self._folder / name))

    def _keep(self, name: str, email: EmailMessage) -> None:
        # Other users of the machine must not read the tokens in them.
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._folder / name).write_bytes(email.as_bytes())
        for old in sorted(self._folder.glob("*.eml"))[: -self._kept]:
            old.unlink(missing_ok=True)


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
            sender=options.get("from", [username if username and "@" in username else _SENDER])[0],
            username=username,
            password=unquote(parts.password) if parts.password else None,
            tls=tls,
        )

    async def send(self, message: Message) -> None:
        to = _recipient(message)
        try:
            await self._hand_over(_as_email(message, to, self.sender, datetime.now(UTC)), to)
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

    async def _hand_over(self, email: EmailMessage, to: MailAddress) -> None:
        crosses_network = not _is_loopback(self.host)
        await aiosmtplib.send(
            email,
            # Explicit, not parsed from the headers: one address could be parsed as two.
            recipients=[str(to)],
            hostname=self.host,
            port=self.port,
            username=self.username,
            password=self.password,
            use_tls=self.tls,
            start_tls=True if self.username and crosses_network and not self.tls else None,
            timeout=TIMEOUT_SECONDS,
        )


def _default_port(parts: SplitResult) -> int:
    if parts.scheme == "smtps":
        return 465
    return 587 if parts.username else 25


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _recipient(message: Message) -> MailAddress:
    to = mail_address(message.to)
    if to is None:
        raise Undeliverable("what is stored as the address is none")
    return to


def _as_email(message: Message, to: MailAddress, sender: str, at: datetime) -> EmailMessage:
    email = EmailMessage()
    email["From"] = sender
    email["To"] = Address(username=to.local, domain=to.domain)
    email["Subject"] = message.subject
    email["Date"] = format_datetime(at)
    email["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    # Keeps automatic replies from answering it (RFC 3834).
    email["Auto-Submitted"] = "auto-generated"
    email.set_content(message.text)
    return email
