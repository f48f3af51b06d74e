"""Mail: messages, and what sends them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """A message for one recipient, as plain text and, if given, as HTML too.

    ``calendar`` is an iCalendar method, such as REQUEST, and the calendar of one entry, which mail
    programs offer to add. ``headers`` are further headers. ``from_name`` is shown in front of the
    sender's address. ``message_id`` is what the Message-ID has before its @: a message that is sent
    twice with the same one is shown once by many programs.
    """

    to: str
    subject: str
    text: str = field(repr=False)
    html: str | None = field(default=None, repr=False)
    calendar: tuple[str, str] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    from_name: str | None = None
    reply_to: str | None = field(default=None, repr=False)
    message_id: str | None = None


class Mail(Protocol):
    """Sends messages."""

    async def send(self, message: Message) -> str:
        """Sends a message, and returns its Message-ID.

        Raises Undeliverable, OutcomeUnknown, and other errors if a retry may succeed.
        """
        ...
