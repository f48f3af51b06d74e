"""Reads mails that arrive: who sent them to whom, and the text of the answer (RFC 5322, MIME)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import default
from email.utils import getaddresses, parseaddr
from hashlib import sha256
from typing import Final

from domain.support.mail_text import answer_in, text_of_html
from integrations.mail.reports import MailReport, report_of

MAX_BYTES: Final = 10 * 1024 * 1024
MAX_PARTS: Final = 25
"""The most MIME parts with others inside."""
READ_BYTES: Final = 2 * 1024 * 1024
"""How much of a mail is read: its text comes first, and attachments aren't kept."""
MAX_TEXT: Final = 200_000
"""The most characters of a text in which the answer is looked for."""

_NESTING: Final = (b"boundary=", b"message/rfc822")
_TO: Final = ("Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc")
_MESSAGE_ID: Final = re.compile(r"<[^<>\s]{1,250}>")


class UnreadableMail(Exception):
    """What arrived isn't a mail."""


@dataclass(frozen=True, slots=True)
class InboundMail:
    """A mail that has arrived.

    ``text`` is what the sender wrote, without what is quoted; "" if there is nothing else.
    ``ignored`` says why nobody should be told of it: a program sent it. ``message_id`` identifies
    it among all mails. ``report`` is what a mail server reports by it of a mail of ours.
    """

    recipients: tuple[str, ...]
    sender: str
    text: str = field(repr=False)
    message_id: str
    attachment_count: int = 0
    ignored: str | None = None
    report: MailReport | None = None


def read_mail(raw: bytes, recipients: tuple[str, ...] = ()) -> InboundMail:
    """Reads a mail; ``recipients`` are those of its envelope, if known. Raises UnreadableMail."""
    identity, raw = sha256(raw).hexdigest(), raw[:READ_BYTES]
    # Python's parser compares each line with the boundaries of all parts around it: six megabytes
    # within a hundred parts took it 88 s.
    if any(raw.lower().count(each) > MAX_PARTS for each in _NESTING):
        raise UnreadableMail("it has too many parts")
    try:
        mail = message_from_bytes(raw, policy=default)
        senders = _header(mail, "From")
        if not senders:
            raise UnreadableMail("it has no sender")
        named = _header(mail, "Message-ID")
        text, attachments = _content(mail)
        return InboundMail(
            recipients=(*recipients, *_recipients(mail)),
            sender=parseaddr(senders)[1],
            text=answer_in(text),
            message_id=_identity(named, identity),
            attachment_count=attachments,
            ignored=_automatic(mail),
            report=report_of(mail),
        )
    # Python raises all of these for headers and parts that aren't as they should be.
    except (
        MessageError,
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
        RecursionError,
    ) as error:
        raise UnreadableMail(str(error) or type(error).__name__) from error


def _header(mail: EmailMessage, name: str) -> str:
    return _storable(str(mail.get(name, ""))).strip()


def _recipients(mail: EmailMessage) -> Iterator[str]:
    for name in _TO:
        texts = [_storable(str(each)) for each in mail.get_all(name, [])]
        yield from (address for _, address in getaddresses(texts) if address)


def _identity(named: str, digest: str) -> str:
    match = _MESSAGE_ID.search(named)
    return match[0] if match else f"<{digest}@unnamed>"


def _automatic(mail: EmailMessage) -> str | None:
    """Returns why it is a mail that no person has written (RFC 3834, RFC 3464), or None."""
    submitted = _header(mail, "Auto-Submitted").partition(";")[0].strip().lower()
    if submitted not in ("", "no"):
        return f"Auto-Submitted: {submitted}"
    if _header(mail, "Precedence").lower() in ("bulk", "junk", "list", "auto_reply"):
        return "Precedence"
    for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress", "X-Loop"):
        if mail.get(name) is not None:
            return name
    if mail.get("Return-Path") is not None and not parseaddr(_header(mail, "Return-Path"))[1]:
        return "Return-Path"
    local = parseaddr(_header(mail, "From"))[1].partition("@")[0].lower()
    if local in ("mailer-daemon", "postmaster", ""):
        return "From"
    if mail.get_content_type() in ("multipart/report", "message/delivery-status"):
        return "Content-Type"
    return None


def _content(mail: EmailMessage) -> tuple[str, int]:
    """Returns the text of a mail, from HTML if it has no other, and the number of attachments."""
    plain, html, attachments = None, None, 0
    for part in mail.walk():
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        is_text = part.get_content_disposition() != "attachment"
        if is_text and kind == "text/plain" and plain is None:
            plain = _decoded(part)
        elif is_text and kind == "text/html" and html is None:
            html = _decoded(part)
        elif part.get_content_disposition() is not None or not kind.startswith("text/"):
            attachments += 1
    if plain is not None and plain.strip():
        return plain, attachments
    return text_of_html(html or ""), attachments


def _decoded(part: EmailMessage) -> str:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    charset = part.get_content_charset("utf-8")
    try:
        text = content.decode(charset, errors="replace")
    # Some, such as idna, know no replacement.
    except (LookupError, ValueError):
        text = content.decode("utf-8", errors="replace")
    return _storable(text[:MAX_TEXT].replace("\r\n", "\n"))


def _storable(text: str) -> str:
    """Returns a text without what PostgreSQL can't store: NUL, and bytes that Python kept."""
    return text.replace("\x00", "").encode(errors="replace").decode()
