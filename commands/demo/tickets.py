"""Support tickets in all states, and a canned reply."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from commands.demo.history import History
from domain.accounts.users import Role
from domain.core.log_events import Event, EventType
from domain.support.service_hours import ServiceHours, deadlines, stopped
from domain.support.settings import DEFAULT_CLOSE_DAYS
from domain.support.sla import DEFAULT_TARGETS, target_for
from domain.support.tickets import RUNNING, AuthorKind, MessageChannel, TicketPriority, TicketStatus
from models.core.base import snapshot
from models.customers.customers import Customer
from models.support.canned_replies import CannedReply
from models.support.tickets import Ticket, TicketMessage

_ANSWER_AFTER: Final = timedelta(minutes=40)


@dataclass(frozen=True, slots=True)
class _Story:
    """A ticket: what the customer and the team wrote in turn, and a note of the team."""

    ago: timedelta
    subject: str
    texts: Sequence[str]
    status: TicketStatus
    priority: TicketPriority = TicketPriority.NORMAL
    note: str | None = None
    rating: int | None = None


_STORIES: Final = (
    _Story(
        timedelta(days=12),
        "Open on the holiday?",
        ["Are you open on the next public holiday?", "Yes, from noon to midnight."],
        TicketStatus.CLOSED,
    ),
    _Story(
        timedelta(days=3),
        "A lost jacket",
        [
            "I left a red jacket on Saturday. Do you have it?",
            "We do! It waits for you at the bar.",
        ],
        TicketStatus.SOLVED,
        rating=5,
    ),
    _Story(
        timedelta(days=2),
        "An invoice for my company",
        ["Can I have an invoice?", "Of course. Which address do you need on it?"],
        TicketStatus.PENDING,
    ),
    _Story(
        timedelta(hours=5),
        "The wrong date",
        [
            "I booked the wrong date, and can't move it any more.",
            "We will look what we can do.",
            "Thank you! It is for tomorrow, so I need to know today.",
        ],
        TicketStatus.OPEN,
        priority=TicketPriority.HIGH,
        note="A regular: move it without a fee.",
    ),
    _Story(
        timedelta(minutes=50),
        "Our own cake",
        ["May we bring a birthday cake for twelve?"],
        TicketStatus.NEW,
    ),
)


def support_rows(
    history: History, customers: Sequence[Customer], hours: ServiceHours
) -> tuple[list[Ticket | CannedReply], list[TicketMessage]]:
    """Returns tickets and a canned reply, and the messages in the tickets."""
    reply = CannedReply(
        tenant_id=history.tenant_id,
        id=history.new_id(),
        title="We look into it",
        text="Hello {first_name},\n\nwe look into it, and write to you again today.\n\n{venue}",
        created_at=history.opened_at,
        updated_at=history.opened_at,
    )
    history.created(EventType.CANNED_REPLY_CREATED, reply, at=reply.created_at, by=Role.MANAGER)
    rows: list[Ticket | CannedReply] = [reply]
    messages: list[TicketMessage] = []
    for number, (story, customer) in enumerate(zip(_STORIES, customers, strict=False), 1):
        ticket = _ticket(history, number, story, customer, hours)
        rows.append(ticket)
        messages += _messages(history, ticket, story)
    return rows, messages


def _ticket(
    history: History, number: int, story: _Story, customer: Customer, hours: ServiceHours
) -> Ticket:
    opened_at = history.now - story.ago
    replied_at = opened_at + _ANSWER_AFTER if len(story.texts) > 1 else None
    ticket = Ticket(
        tenant_id=history.tenant_id,
        id=history.new_id(),
        number=number,
        subject=story.subject,
        priority=story.priority.value,
        customer_id=customer.id,
        is_verified=True,
        running_since=opened_at,
        created_at=opened_at,
        updated_at=opened_at,
    )
    history.created(EventType.TICKET_OPENED, ticket, at=opened_at, by=Role.STAFF)
    before = snapshot(ticket)
    ticket.status, ticket.first_replied_at = story.status.value, replied_at
    last = opened_at + _ANSWER_AFTER * (len(story.texts) - 1)
    if story.status not in RUNNING:
        ticket.used_seconds = round(stopped(ticket.clock, hours, now=last).total_seconds())
        ticket.running_since = None
    if story.status in (TicketStatus.SOLVED, TicketStatus.CLOSED):
        ticket.solved_at = last
        closes_at = last + timedelta(days=DEFAULT_CLOSE_DAYS)
        is_closed = story.status is TicketStatus.CLOSED
        ticket.closed_at, ticket.closes_at = (closes_at, None) if is_closed else (None, closes_at)
    if story.rating is not None:
        ticket.rating, ticket.rated_at = story.rating, last
    ticket.set_deadlines(
        deadlines(ticket.clock, target_for(DEFAULT_TARGETS, story.priority), hours)
    )
    if snapshot(ticket) != before:
        ticket.version, ticket.updated_at = len(story.texts), last
        event = Event(
            EventType.TICKET_REPLIED, "Ticket", ticket.id, before=before, after=snapshot(ticket)
        )
        history.add_event(event, at=last, by=Role.STAFF)
    return ticket


def _messages(history: History, ticket: Ticket, story: _Story) -> Iterator[TicketMessage]:
    for place, text in enumerate(story.texts):
        kind = AuthorKind.STAFF if place % 2 else AuthorKind.CUSTOMER
        at = ticket.created_at + place * _ANSWER_AFTER
        yield _message(history, ticket, text, at, author_kind=kind.value)
    if story.note is not None:
        at = ticket.created_at + timedelta(minutes=5)
        staff = AuthorKind.STAFF.value
        yield _message(history, ticket, story.note, at, author_kind=staff, is_internal=True)


def _message(
    history: History, ticket: Ticket, text: str, at: datetime, **given: Any
) -> TicketMessage:
    is_staff = given["author_kind"] == AuthorKind.STAFF
    return TicketMessage(
        tenant_id=history.tenant_id,
        id=history.new_id(),
        ticket_id=ticket.id,
        author_id=history.users[Role.STAFF].id if is_staff else None,
        channel=MessageChannel.API.value,
        text=text,
        created_at=at,
        **given,
    )
