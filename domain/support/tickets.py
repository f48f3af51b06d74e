"""Support tickets: their states, who writes in them, and what they can hold."""

import unicodedata
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

from domain.core.formatting import counted
from domain.core.refusals import Invalid, Path, Refusal, Required
from domain.core.text import tidy_name
from domain.support.refusals import TicketTransition

MAX_SUBJECT: Final = 200
MAX_TEXT: Final = 5_000
MAX_MESSAGES: Final = 500
"""The most messages of a ticket, internal notes too."""
MAX_COMMENT: Final = 1_000
BEST_RATING: Final = 5
MAX_OPEN_OF_CUSTOMER: Final = 20
"""The most tickets of a customer that aren't solved."""


class TicketStatus(StrEnum):
    """The status of a ticket; the value is stored."""

    NEW = "NEW"
    OPEN = "OPEN"
    PENDING = "PENDING"
    SOLVED = "SOLVED"
    CLOSED = "CLOSED"


class TicketPriority(StrEnum):
    """How urgent a ticket is; the value is stored."""

    LOW = "LOW"
    NORMAL = "NORMAL"
    HIGH = "HIGH"
    URGENT = "URGENT"


class AuthorKind(StrEnum):
    """Who wrote a message."""

    CUSTOMER = "CUSTOMER"
    STAFF = "STAFF"
    SYSTEM = "SYSTEM"


class MessageChannel(StrEnum):
    """How a message came in."""

    API = "API"
    MAIL = "MAIL"


class TicketStep(StrEnum):
    """What happens to a ticket and may change its status."""

    CUSTOMER_REPLY = "customer reply"
    STAFF_REPLY = "staff reply"
    STAFF_QUESTION = "staff question"
    ASSIGN = "assign"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    CLOSE = "close"


UNSOLVED: Final = frozenset({TicketStatus.NEW, TicketStatus.OPEN, TicketStatus.PENDING})
RUNNING: Final = frozenset({TicketStatus.NEW, TicketStatus.OPEN})
"""The team has to do something: the clocks run in the venue's opening hours."""

_NEW, _OPEN, _PENDING = TicketStatus.NEW, TicketStatus.OPEN, TicketStatus.PENDING
_SOLVED, _CLOSED = TicketStatus.SOLVED, TicketStatus.CLOSED
_NEXT: Final[Mapping[TicketStep, Mapping[TicketStatus, TicketStatus]]] = {
    # One who answers what is solved isn't content with it.
    TicketStep.CUSTOMER_REPLY: {_NEW: _NEW, _OPEN: _OPEN, _PENDING: _OPEN, _SOLVED: _OPEN},
    TicketStep.STAFF_REPLY: {_NEW: _OPEN, _OPEN: _OPEN, _PENDING: _OPEN, _SOLVED: _SOLVED},
    TicketStep.STAFF_QUESTION: dict.fromkeys((_NEW, _OPEN, _PENDING, _SOLVED), _PENDING),
    TicketStep.ASSIGN: {_NEW: _OPEN, _OPEN: _OPEN, _PENDING: _PENDING, _SOLVED: _SOLVED},
    TicketStep.RESOLVE: dict.fromkeys((_NEW, _OPEN, _PENDING), _SOLVED),
    TicketStep.REOPEN: {_SOLVED: _OPEN},
    TicketStep.CLOSE: {_SOLVED: _CLOSED},
}


def status_after(status: TicketStatus, step: TicketStep) -> TicketStatus:
    """Returns the status that a step leads to. Raises TicketTransition."""
    steps = _NEXT[step]
    if status not in steps:
        raise TicketTransition(status.value, tuple(each.value for each in steps))
    return steps[status]


def subject_refusals(subject: str, *, path: Path = ("subject",)) -> Iterator[Refusal]:
    """Yields the reasons to refuse the tidy subject of a ticket."""
    if not subject:
        yield Required(path=path)
    if len(subject) > MAX_SUBJECT:
        yield Invalid(f"At most {counted(MAX_SUBJECT, 'character')}.", path=path)
    # Not those that join letters, as in Persian and in some emoji.
    if any(unicodedata.category(each) in ("Cc", "Zl", "Zp") for each in subject):
        yield Invalid("A subject is one line of text.", path=path)


def text_refusals(text: str, *, path: Path = ("text",)) -> Iterator[Refusal]:
    """Yields the reasons to refuse the text of a message."""
    if not tidy_name(text):
        yield Required(path=path)
    if len(text) > MAX_TEXT:
        yield Invalid(f"At most {MAX_TEXT:,} characters.", path=path)


def rating_refusals(rating: int, comment: str | None) -> Iterator[Refusal]:
    """Yields the reasons to refuse a customer's rating."""
    if not 1 <= rating <= BEST_RATING:
        yield Invalid(f"A rating is 1 to {BEST_RATING}.", path=("rating",))
    if comment is not None and len(comment) > MAX_COMMENT:
        yield Invalid(f"At most {MAX_COMMENT:,} characters.", path=("comment",))
