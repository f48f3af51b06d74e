"""Writes a message as a mail with all its parts (RFC 5322, MIME)."""

import re
from datetime import datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import EmailPolicy, Policy, default
from email.utils import format_datetime, make_msgid, parseaddr
from typing import Final

from domain.core.email_addresses import MailAddress, mail_address
from integrations.delivery import Undeliverable
from integrations.mail.protocol import Message

ICS_NAME: Final = "invite.ics"

_METHOD: Final = re.compile(r"[A-Z]+")


class _Unfolded(UnstructuredHeader, BaseHeader):
    """A header on one line, however long it is."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


def _policy() -> "EmailPolicy[EmailMessage]":
    registry = HeaderRegistry()
    # Python folds an address that is longer than a line into encoded words (RFC 2047), which mail
    # programs don't decode in this header.
    registry.map_to_type("List-Unsubscribe", _Unfolded)
    return default.clone(header_factory=registry)


_POLICY: Final = _policy()


def recipient_of(message: Message) -> MailAddress:
    """Returns the address of the recipient. Raises Undeliverable if it is none."""
    to = mail_address(message.to)
    if to is None:
        raise Undeliverable("what is stored as the address is none")
    return to


def as_email(message: Message, to: MailAddress, *, sender: str, at: datetime) -> EmailMessage:
    """Returns a message as a mail. Raises ValueError for a line break in a header."""
    name, address = parseaddr(sender)
    email = EmailMessage(_POLICY)
    email["From"] = Address(display_name=message.from_name or name, addr_spec=address)
    email["To"] = Address(username=to.local, domain=to.domain)
    if message.reply_to is not None and (reply_to := mail_address(message.reply_to)):
        email["Reply-To"] = Address(username=reply_to.local, domain=reply_to.domain)
    email["Subject"] = message.subject
    email["Date"] = format_datetime(at)
    email["Message-ID"] = _message_id(message, domain=address.rpartition("@")[2])
    # Keeps automatic replies from answering it (RFC 3834).
    email["Auto-Submitted"] = "auto-generated"
    for name, value in message.headers.items():
        email[name] = value
    email.set_content(message.text)
    if message.html is not None:
        email.add_alternative(message.html, subtype="html")
    if message.calendar is not None:
        _add_calendar(email, *message.calendar)
    return email


def _message_id(message: Message, *, domain: str) -> str:
    if message.message_id is None:
        return make_msgid(domain=domain)
    return f"<{message.message_id}@{domain}>"


def _add_calendar(email: EmailMessage, method: str, content: str) -> None:
    """Adds a calendar twice: Gmail and Outlook read the part, Apple's Mail the attachment."""
    if not _METHOD.fullmatch(method):
        raise ValueError("a calendar's method is one word in capitals")
    email.add_alternative(content, subtype="calendar", params={"method": method})
    email.add_attachment(content.encode(), maintype="application", subtype="ics", filename=ICS_NAME)
