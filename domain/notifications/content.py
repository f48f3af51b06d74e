"""What a notification says, ready to be sent by its channel."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class CalendarAttachment:
    """An iCalendar file of a mail; ``method`` is REQUEST or CANCEL (RFC 5546)."""

    method: str
    content: str


@dataclass(frozen=True, slots=True)
class RenderedNotification:
    """A notification as its recipient reads it.

    ``text`` is the text part of a mail, an SMS, or what stands below the title of a push message or
    an entry of the inbox. ``subject`` is the title of those, and empty for an SMS. Mails alone have
    ``html`` and ``calendar``.
    """

    subject: str
    text: str = field(repr=False)
    html: str | None = field(default=None, repr=False)
    calendar: CalendarAttachment | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class DigestLine:
    """A booking in the daily digest of a venue's team; ``customer`` is None where none is known."""

    starts_at: datetime
    ends_at: datetime
    rooms: str
    customer: str | None
    party_size: int
