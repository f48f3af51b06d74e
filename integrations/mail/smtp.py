"""Mail: sent by SMTP, or kept in a folder where no server is named."""

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
# Of SMTP's answers, from here on the same would be refused again.
_FOR_GOOD: Final = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """A plain text for one person."""

    to: str
    subject: str
    text: str = field(repr=False)


class Undeliverable(Exception):
    """A message will never arrive there: the error says why, and names nobody."""


class Mail(Protocol):
    """Brings messages to people."""

    async def send(self, message: Message) -> None:
        """Hand a message over. Raises Undeliverable, and else what the way of sending raises."""


def mail_of(settings: Settings) -> Mail:
    """Mail by BOOM_SMTP_URL, or kept in the data folder without one."""
    if settings.smtp_url is not None:
        return SmtpMail.at(settings.smtp_url.get_secret_value())
    return LocalMail(settings.data / "outbox")


class LocalMail:
    """Keeps the last messages as .eml files in a folder, for development."""

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
        # Others on the machine must not read the tokens in them.
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._folder / name).write_bytes(email.as_bytes())
        for old in sorted(self._folder.glob("*.eml"))[: -self._kept]:
            old.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class SmtpMail:
    """Sends by a mail server.

    `smtps://` is TLS from the start. `smtp://` turns to TLS where the server offers it, and must
    where a password would cross the network.
    """

    host: str
    port: int
    sender: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False

    @classmethod
    def at(cls, url: str) -> Self:
        """The server of `smtp://user:password@host:587?from=bookings%40example.com`."""
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
            if code >= _FOR_GOOD:
                raise Undeliverable(f"the mail server refuses the address: {code}") from error
            raise
        log.info("mail.sent")

    async def _hand_over(self, email: EmailMessage, to: MailAddress) -> None:
        crosses_network = not _is_loopback(self.host)
        await aiosmtplib.send(
            email,
            # Not what a reader of headers finds in there: one address could be read as two.
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
    # A reply of "I'm on holiday" to a machine helps nobody (RFC 3834).
    email["Auto-Submitted"] = "auto-generated"
    email.set_content(message.text)
    return email
