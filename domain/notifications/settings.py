"""A venue's settings of notifications: what is sent by which channel, and when."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from domain.core.contact import email_refusals, name_refusals
from domain.core.local_time import LocalTime
from domain.core.refusals import Invalid, Path, Refusal
from domain.notifications.causes import STAFF_KINDS
from domain.notifications.kinds import TICKET_KINDS, Channel
from domain.notifications.kinds import NotificationKind as Kind

MAX_REMINDERS: Final = 6
MIN_REMINDER_MINUTES: Final = 15
MAX_REMINDER_MINUTES: Final = 30 * 24 * 60
MAX_SENDER_LENGTH: Final = 60
MAX_PAGE_LENGTH: Final = 500
CODE: Final = "{code}"
"""What the code of a booking takes the place of in the address of the venue's page."""
# The characters of a URL (RFC 3986), and the braces of the code.
_ADDRESS: Final = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%{}-]+")
LATEST_OF_A_DAY: Final = LocalTime(24 * 60 - 1)


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder of a booking, some minutes of real time before its start."""

    minutes_before: int
    channel: Channel


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Local times between which no reminders are sent; ``until`` may be on the next date."""

    start: LocalTime
    until: LocalTime


@dataclass(frozen=True, slots=True)
class ChannelSwitch:
    """Whether notifications of a kind are sent by a channel."""

    kind: Kind
    channel: Channel
    enabled: bool


DEFAULT_REMINDERS: Final = (Reminder(24 * 60, Channel.EMAIL), Reminder(2 * 60, Channel.SMS))
_ON_REQUEST: Final = frozenset({Kind.REVIEW_ASKED})


def is_on_by_default(kind: Kind, channel: Channel) -> bool:
    """Returns whether a kind is sent by a channel as long as the venue hasn't chosen.

    Customers get mails, and reminders by SMS; the team gets the digest and tickets that are almost
    due by mail. Customers with an account find the rest in their inbox, and whoever has registered
    a browser gets it there. The team's inbox has tickets; it would only repeat the list of
    bookings.
    """
    if kind in _ON_REQUEST or not is_possible(kind, channel):
        return False
    match channel:
        case Channel.EMAIL:
            return kind not in STAFF_KINDS or kind in (Kind.STAFF_DIGEST, Kind.STAFF_TICKET_DUE)
        case Channel.SMS:
            return kind is Kind.BOOKING_REMINDER
        case Channel.PUSH:
            return kind is not Kind.STAFF_DIGEST
        case Channel.IN_APP:
            return kind not in STAFF_KINDS or kind in TICKET_KINDS


def is_possible(kind: Kind, channel: Channel) -> bool:
    """Returns whether a kind can be sent by a channel: the team has no phone numbers here."""
    return channel is not Channel.SMS or kind not in STAFF_KINDS


def is_on(chosen: Mapping[str, bool], kind: Kind, channel: Channel) -> bool:
    """Returns whether a kind is sent by a channel; ``chosen`` is by ``switch_key``."""
    return chosen.get(switch_key(kind, channel), is_on_by_default(kind, channel))


def switch_key(kind: Kind, channel: Channel) -> str:
    return f"{kind} {channel}"


def switch_refusals(switches: Sequence[ChannelSwitch], *, path: Path) -> Iterator[Refusal]:
    """Yields the reasons to refuse what a venue has chosen."""
    for number, each in enumerate(switches):
        if each.enabled and not is_possible(each.kind, each.channel):
            problem = "The team has no phone numbers to send to: choose another channel."
            yield Invalid(problem, path=(*path, number, "enabled"))


def reminder_refusals(reminders: Sequence[Reminder], *, path: Path) -> Iterator[Refusal]:
    """Yields the reasons to refuse the reminders of a venue."""
    if len(reminders) > MAX_REMINDERS:
        yield Invalid(f"At most {MAX_REMINDERS} reminders.", path=path)
    for number, each in enumerate(reminders):
        if not MIN_REMINDER_MINUTES <= each.minutes_before <= MAX_REMINDER_MINUTES:
            problem = (
                f"A reminder is sent {MIN_REMINDER_MINUTES} to {MAX_REMINDER_MINUTES:,} minutes "
                "before the start."
            )
            yield Invalid(problem, path=(*path, number, "minutes_before"))
        if each in reminders[:number]:
            yield Invalid("This reminder is listed twice.", path=(*path, number))


def quiet_refusals(quiet: QuietHours, *, path: Path) -> Iterator[Refusal]:
    """Yields the reasons to refuse quiet hours."""
    for name, time in (("start", quiet.start), ("until", quiet.until)):
        yield from time_of_day_refusals(time, path=(*path, name))
    if quiet.start == quiet.until:
        yield Invalid("Quiet hours must leave time to send.", path=(*path, "until"))


def time_of_day_refusals(time: LocalTime, *, path: Path) -> Iterator[Refusal]:
    if time > LATEST_OF_A_DAY:
        yield Invalid("A time of day lies between 00:00 and 23:59.", path=path)


def sender_refusals(*, sender_name: str | None, reply_to: str | None) -> Iterator[Refusal]:
    """Yields the reasons to refuse how mails are signed."""
    if sender_name is not None:
        yield from name_refusals(sender_name, path=("sender_name",), most=MAX_SENDER_LENGTH)
    if reply_to is not None:
        yield from email_refusals(reply_to, path=("reply_to",))


def page_refusals(page: str | None) -> Iterator[Refusal]:
    """Yields the reasons to refuse the address of a venue's page for bookings."""
    if page is None:
        return
    is_text = len(page) <= MAX_PAGE_LENGTH and _ADDRESS.fullmatch(page) is not None
    if not is_text or page.count(CODE) != 1 or not _is_https(page):
        problem = f"An https address with {CODE} in its path or query, of 500 characters at most."
        yield Invalid(problem, path=("booking_page",))


def _is_https(page: str) -> bool:
    try:
        parts = urlsplit(page)
        # Raises ValueError for a port that there isn't.
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and not {*"@{"} & {*parts.netloc}
