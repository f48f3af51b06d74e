"""Mails: what stands around the text of a template, and all of it as the text part of a mail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.notifications.causes import STAFF_KINDS
from domain.notifications.kinds import TICKET_KINDS
from domain.notifications.kinds import NotificationKind as Kind
from domain.notifications.product_texts import labels
from domain.notifications.templates import filled
from domain.notifications.variables import Variable

_BOOKING: Final = ("when", "rooms", "guests", "price", "due", "reference")
_DETAILS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.BOOKING_REQUESTED: _BOOKING,
    Kind.BOOKING_CONFIRMED: _BOOKING,
    Kind.BOOKING_CHANGED: ("when", "before", *_BOOKING[1:]),
    Kind.BOOKING_CANCELLED: ("when", "rooms", "reference"),
    Kind.BOOKING_REJECTED: ("when", "rooms", "reference"),
    Kind.BOOKING_REMINDER: _BOOKING,
    Kind.PAYMENT_RECEIVED: ("amount", *_BOOKING),
    Kind.PAYMENT_FAILED: ("amount", "when", "rooms", "reference"),
    Kind.REFUNDED: ("amount", "when", "rooms", "reference"),
    Kind.WAITLIST_OFFERED: ("when", "rooms", "guests", "price", "deadline", "code"),
    Kind.REVIEW_ASKED: (),
    Kind.STAFF_DIGEST: (),
    Kind.STAFF_BOOKING_CREATED: ("customer", *_BOOKING),
    Kind.STAFF_BOOKING_CANCELLED: ("customer", "when", "rooms", "reference"),
    Kind.TICKET_RECEIVED: ("ticket", "subject", "code"),
    Kind.TICKET_ANSWERED: ("ticket", "subject", "code"),
    Kind.STAFF_TICKET_OPENED: ("customer", "ticket", "subject"),
    Kind.STAFF_TICKET_REPLIED: ("customer", "ticket", "subject"),
    Kind.STAFF_TICKET_DUE: ("customer", "ticket", "subject", "deadline"),
}
"""The lines of the table of a mail; those whose values are empty are left out."""

_BUTTONS: Final[Mapping[Kind, str]] = {
    **dict.fromkeys((Kind.BOOKING_REQUESTED, Kind.BOOKING_CONFIRMED), "manage"),
    **dict.fromkeys((Kind.BOOKING_CHANGED, Kind.BOOKING_REMINDER), "manage"),
    Kind.PAYMENT_RECEIVED: "manage",
    Kind.PAYMENT_FAILED: "pay",
    Kind.WAITLIST_OFFERED: "accept",
}


@dataclass(frozen=True, slots=True)
class Link:
    """An address with the text of its link."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says: paragraphs, a table of details, a button and the small print.

    All of it is plain text; a paragraph can have several lines.
    """

    language: str
    subject: str
    paragraphs: Sequence[str]
    details: Sequence[tuple[str, str]]
    button: Link | None
    small_print: str
    unsubscribe: Link | None


def letter(
    kind: Kind,
    language: str,
    *,
    subject: str,
    text: str,
    values: Mapping[Variable, str],
    unsubscribe_url: str,
) -> Letter:
    """Returns a mail with the text of its template; links without an address are left out."""
    words = labels(language)
    details = ((words[name], _detail(name, values)) for name in _DETAILS[kind])
    label, url = _BUTTONS.get(kind), values.get(Variable.MANAGE_LINK)
    reason = words["staff" if kind in STAFF_KINDS else "wrote" if kind in TICKET_KINDS else "why"]
    return Letter(
        language,
        subject,
        text.split("\n\n"),
        [(name, value) for name, value in details if value],
        Link(words[label], url) if label and url else None,
        filled(reason, values),
        Link(words["unsubscribe"], unsubscribe_url) if unsubscribe_url else None,
    )


def as_text(letter: Letter) -> str:
    """Returns the text part of a mail."""
    details = (f"{name}: {', '.join(value.splitlines())}" for name, value in letter.details)
    parts = [*letter.paragraphs, "\n".join(details)]
    if letter.button is not None:
        parts.append(f"{letter.button.text}:\n{letter.button.url}")
    end = ["-- ", letter.small_print]
    if letter.unsubscribe is not None:
        end.append(f"{letter.unsubscribe.text}:\n{letter.unsubscribe.url}")
    return "\n\n".join(filter(None, [*parts, "\n".join(end)])) + "\n"


def _detail(name: str, values: Mapping[Variable, str]) -> str:
    match name:
        case "when":
            return _moment(values, Variable.DATE, Variable.TIME)
        case "before":
            return _moment(values, Variable.OLD_DATE, Variable.OLD_TIME)
        case _:
            return values.get(Variable(name), "")


def _moment(values: Mapping[Variable, str], *parts: Variable) -> str:
    return "\n".join(filter(None, (values.get(each) for each in parts)))
