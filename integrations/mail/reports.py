"""Reads reports on mails of ours: that one wasn't delivered, or that its recipient complains.

Delivery status notifications (RFC 3464) and feedback reports (RFC 5965) are mails of the type
multipart/report (RFC 6522), and name the mail that they are about.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage, Message
from enum import Enum, auto
from typing import Final

_MESSAGE_ID: Final = re.compile(rb"(?im)^message-id:\s*<([^<>\s]{1,250})>")


class MailReportKind(Enum):
    """What is reported."""

    BOUNCED = auto()
    COMPLAINED = auto()


@dataclass(frozen=True, slots=True)
class MailReport:
    """A report on a mail of ours, by its Message-ID without brackets."""

    kind: MailReportKind
    message_id: str


def report_of(mail: EmailMessage) -> MailReport | None:
    """Returns what a mail reports; None for any other mail.

    A delay is no report, and neither is a failure that may pass: the mail server tries again, and
    reports at last that it has given up. Raises what Python does for headers that aren't as they
    should be.
    """
    kind = _kind(mail)
    id = None if kind is None else _message_id(mail)
    return None if kind is None or id is None else MailReport(kind, id)


def _kind(mail: EmailMessage) -> MailReportKind | None:
    for part in mail.walk():
        match part.get_content_type():
            case "message/delivery-status" if any(map(_is_failure, _blocks(part))):
                return MailReportKind.BOUNCED
            case "message/feedback-report":
                return MailReportKind.COMPLAINED
    return None


def _blocks(part: Message) -> Iterator[Message]:
    """Yields the blocks of a delivery status: that of the mail, then one for each recipient."""
    blocks = part.get_payload()
    if isinstance(blocks, list):
        yield from (each for each in blocks if isinstance(each, Message))


def _is_failure(block: Message) -> bool:
    action = str(block.get("Action", "")).strip().lower()
    return action == "failed" and str(block.get("Status", "")).strip().startswith("5")


def _message_id(mail: EmailMessage) -> str | None:
    """Returns the id of the mail that is reported on, whose headers are the last part."""
    for part in mail.walk():
        if part.get_content_type() in ("message/rfc822", "text/rfc822-headers"):
            found = _MESSAGE_ID.search(_content(part))
            if found:
                return found[1].decode("ascii", errors="replace")
    return None


def _content(part: Message) -> bytes:
    inside = part.get_payload()
    if isinstance(inside, list):
        return b"".join(each.as_bytes() for each in inside if isinstance(each, Message))
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""
