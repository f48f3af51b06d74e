"""Support tickets, and the messages in them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Delete,
    Index,
    Select,
    UniqueConstraint,
    and_,
    delete,
    func,
    select,
    text,
    tuple_,
)
from sqlmodel import Field, Relationship, col

from domain.support.service_hours import Deadlines, TicketClock
from domain.support.tickets import (
    BEST_RATING,
    RUNNING,
    UNSOLVED,
    AuthorKind,
    MessageChannel,
    TicketPriority,
    TicketStatus,
)
from kit.actor import Actor
from models.accounts.users import User
from models.bookings.bookings import Booking
from models.core.base import INSTANT, Logged, TenantRow, one_of, refers_to
from models.core.filters import DateTimeRange, IdFilter, is_among, is_any, within
from models.customers.customers import Customer

_RUNNING: Final = one_of("status", sorted(RUNNING))


class Ticket(TenantRow, Logged, table=True):
    """A question of a customer to the team, with the clocks of its answer.

    Internal notes change neither ``version`` nor ``updated_at``, which the customer sees.
    ``used_seconds`` and ``running_since`` are those of ``TicketClock``. ``next_step_at`` is when a
    job has to look at it: to tell the managers, or to close it.
    """

    LOGGED: ClassVar = ("status", "priority", "customer_id", "booking_id", "assignee_id", "rating")

    __tablename__ = "tickets"
    __table_args__ = (
        refers_to("customers", "customer_id"),
        refers_to("bookings", "booking_id"),
        refers_to("users", "assignee_id"),
        refers_to("tickets", "follow_up_of_id"),
        UniqueConstraint("tenant_id", "number"),
        Index(None, "tenant_id", "updated_at", "id"),
        Index(None, "tenant_id", "customer_id", "updated_at", "id"),
        Index(None, "tenant_id", "booking_id"),
        Index(
            "ix_tickets_next_step",
            "tenant_id",
            "next_step_at",
            postgresql_where=text("next_step_at IS NOT NULL"),
        ),
        Index("ix_tickets_running", "tenant_id", "id", postgresql_where=text(_RUNNING)),
        CheckConstraint(one_of("status", TicketStatus), name="status"),
        CheckConstraint(one_of("priority", TicketPriority), name="priority"),
        CheckConstraint(f"rating BETWEEN 1 AND {BEST_RATING}", name="rating"),
        CheckConstraint("(rating IS NULL) = (rated_at IS NULL)", name="rated_at"),
    )

    number: int
    subject: str
    status: str = TicketStatus.NEW.value
    priority: str = TicketPriority.NORMAL.value
    customer_id: UUID
    booking_id: UUID | None = None
    conversation_id: UUID | None = None
    follow_up_of_id: UUID | None = None
    assignee_id: UUID | None = None
    is_verified: bool = False
    version: int = 1
    created_at: datetime = Field(sa_type=INSTANT)
    updated_at: datetime = Field(sa_type=INSTANT)
    first_replied_at: datetime | None = Field(default=None, sa_type=INSTANT)
    used_seconds: int = 0
    running_since: datetime | None = Field(default=None, sa_type=INSTANT)
    first_reply_due_at: datetime | None = Field(default=None, sa_type=INSTANT)
    first_reply_warning_at: datetime | None = Field(default=None, sa_type=INSTANT)
    first_reply_warned_at: datetime | None = Field(default=None, sa_type=INSTANT)
    resolution_due_at: datetime | None = Field(default=None, sa_type=INSTANT)
    resolution_warning_at: datetime | None = Field(default=None, sa_type=INSTANT)
    resolution_warned_at: datetime | None = Field(default=None, sa_type=INSTANT)
    solved_at: datetime | None = Field(default=None, sa_type=INSTANT)
    closes_at: datetime | None = Field(default=None, sa_type=INSTANT)
    closed_at: datetime | None = Field(default=None, sa_type=INSTANT)
    next_step_at: datetime | None = Field(default=None, sa_type=INSTANT)
    rating: int | None = None
    rating_comment: str | None = None
    rated_at: datetime | None = Field(default=None, sa_type=INSTANT)

    customer: Customer = Relationship(
        sa_relationship_kwargs={"foreign_keys": "Ticket.customer_id", "lazy": "raise"}
    )
    booking: Booking | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "Ticket.booking_id", "lazy": "raise"}
    )
    assignee: User | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "Ticket.assignee_id", "lazy": "raise"}
    )
    follow_up_of: "Ticket" = Relationship(
        sa_relationship_kwargs={
            "foreign_keys": "Ticket.follow_up_of_id",
            "remote_side": "Ticket.id",
            "lazy": "raise",
        }
    )

    def is_owned_by(self, actor: Actor) -> bool:
        if actor.confined_to is not None:
            return self.id == actor.confined_to
        return self.customer_id == actor.own_id

    @property
    def clock(self) -> TicketClock:
        used = timedelta(seconds=self.used_seconds)
        return TicketClock(self.first_replied_at, used, self.running_since)

    def set_deadlines(self, deadlines: Deadlines) -> None:
        """Stores what is due when, and when a job has to look at the ticket next."""
        self.first_reply_due_at = deadlines.first_reply_due_at
        self.first_reply_warning_at = deadlines.first_reply_warning_at
        self.resolution_due_at = deadlines.resolution_due_at
        self.resolution_warning_at = deadlines.resolution_warning_at
        warnings = (
            self.first_reply_warning_at if self.first_reply_warned_at is None else None,
            self.resolution_warning_at if self.resolution_warned_at is None else None,
        )
        steps = [each for each in (*warnings, self.closes_at) if each is not None]
        self.next_step_at = min(steps, default=None)


class TicketMessage(TenantRow, table=True):
    """A message of a ticket, or an internal note, which no customer ever sees.

    ``from_address`` is where a mail came from, if that isn't the customer's address.
    ``message_id`` is that of the mail.
    """

    __tablename__ = "ticket_messages"
    __table_args__ = (
        refers_to("tickets", "ticket_id"),
        refers_to("users", "author_id"),
        UniqueConstraint("tenant_id", "message_id"),
        Index(None, "tenant_id", "ticket_id", "created_at", "id"),
        CheckConstraint(one_of("author_kind", AuthorKind), name="author_kind"),
        CheckConstraint(one_of("channel", MessageChannel), name="channel"),
        CheckConstraint("from_address IS NULL OR is_internal", name="from_address"),
    )

    ticket_id: UUID
    author_kind: str
    author_id: UUID | None = None
    is_internal: bool = False
    channel: str = MessageChannel.API.value
    text: str
    from_address: str | None = None
    message_id: str | None = None
    attachment_count: int = 0
    created_at: datetime = Field(sa_type=INSTANT)

    author: User | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "TicketMessage.author_id", "lazy": "raise"}
    )


@dataclass(frozen=True, slots=True)
class TicketFilter:
    statuses: tuple[TicketStatus, ...] | None = None
    priorities: tuple[TicketPriority, ...] | None = None
    customer_id: IdFilter | None = None
    assignee_id: IdFilter | None = None
    booking_id: IdFilter | None = None
    unassigned: bool | None = None
    created_at: DateTimeRange | None = None


def tickets_of(tenant_id: UUID) -> Select[Ticket]:
    return select(Ticket).where(col(Ticket.tenant_id) == tenant_id)


def ticket_of(tenant_id: UUID, id: UUID) -> Select[Ticket]:
    return tickets_of(tenant_id).where(col(Ticket.id) == id)


def ticket_numbered(tenant_id: UUID, number: int) -> Select[Ticket]:
    return tickets_of(tenant_id).where(col(Ticket.number) == number)


def tickets_matching(tickets: Select[Ticket], filter: TicketFilter | None) -> Select[Ticket]:
    """Filters tickets by all given conditions."""
    if filter is None:
        return tickets
    if filter.statuses is not None:
        tickets = tickets.where(is_any(Ticket.status, [each.value for each in filter.statuses]))
    if filter.priorities is not None:
        wanted = [each.value for each in filter.priorities]
        tickets = tickets.where(is_any(Ticket.priority, wanted))
    if filter.unassigned is not None:
        is_nobodys = col(Ticket.assignee_id).is_(None)
        tickets = tickets.where(is_nobodys if filter.unassigned else ~is_nobodys)
    return tickets.where(
        is_among(Ticket.customer_id, filter.customer_id),
        is_among(Ticket.assignee_id, filter.assignee_id),
        is_among(Ticket.booking_id, filter.booking_id),
        within(Ticket.created_at, filter.created_at),
    )


def last_number(tenant_id: UUID) -> Select[int | None]:
    """Selects the highest number of a venue's tickets."""
    return select(func.max(col(Ticket.number))).where(col(Ticket.tenant_id) == tenant_id)


def unsolved_of(tenant_id: UUID, customer_id: UUID) -> Select[int]:
    """Counts the tickets of a customer that aren't solved."""
    return select(func.count()).where(
        col(Ticket.tenant_id) == tenant_id,
        col(Ticket.customer_id) == customer_id,
        col(Ticket.status).in_([each.value for each in UNSOLVED]),
    )


# ------------------------------------------------------------------------------ messages


def messages_of(tenant_id: UUID) -> Select[TicketMessage]:
    return select(TicketMessage).where(col(TicketMessage.tenant_id) == tenant_id)


def messages_in(tenant_id: UUID, ticket_id: UUID) -> Select[TicketMessage]:
    """Selects the messages of a ticket, internal notes too, the oldest first."""
    return (
        messages_of(tenant_id)
        .where(col(TicketMessage.ticket_id) == ticket_id)
        .order_by(col(TicketMessage.created_at), col(TicketMessage.id))
    )


def public(messages: Select[TicketMessage]) -> Select[TicketMessage]:
    """Leaves out internal notes."""
    return messages.where(col(TicketMessage.is_internal).is_(False))


def messages_counted(tenant_id: UUID, ticket_id: UUID) -> Select[int]:
    """Counts the messages of a ticket, internal notes too."""
    return select(func.count()).where(
        col(TicketMessage.tenant_id) == tenant_id, col(TicketMessage.ticket_id) == ticket_id
    )


def message_landed(tenant_id: UUID, message_id: str) -> Select[TicketMessage]:
    """Selects the message that a mail has become."""
    return messages_of(tenant_id).where(col(TicketMessage.message_id) == message_id)


# ------------------------------------------------------------------------------ all tenants


def due_tickets(now: datetime, *, limit: int) -> Select[UUID, UUID]:
    """Selects tenant and id of the tickets of every tenant that a job has to look at."""
    return (
        select(col(Ticket.tenant_id), col(Ticket.id))
        .where(col(Ticket.next_step_at) <= now)
        .order_by(col(Ticket.next_step_at))
        .limit(limit)
    )


def messages_before(cutoff: datetime, *, limit: int) -> Delete:
    """Deletes a batch of the messages of tickets that were closed before an instant."""
    old = (
        select(col(TicketMessage.tenant_id), col(TicketMessage.id))
        .join(
            Ticket,
            and_(
                col(Ticket.tenant_id) == col(TicketMessage.tenant_id),
                col(Ticket.id) == col(TicketMessage.ticket_id),
            ),
        )
        .where(col(Ticket.closed_at) < cutoff)
        .limit(limit)
    )
    key = tuple_(col(TicketMessage.tenant_id), col(TicketMessage.id))
    return delete(TicketMessage).where(key.in_(old))


def running_tickets(tenant_id: UUID) -> Select[UUID]:
    """Selects the tickets of a venue whose clocks run."""
    return select(col(Ticket.id)).where(col(Ticket.tenant_id) == tenant_id, text(_RUNNING))


def tenants_with_running_tickets(tenant_ids: Collection[UUID]) -> Select[UUID]:
    """Selects those of some tenants who have tickets whose clocks run."""
    return (
        select(col(Ticket.tenant_id))
        .distinct()
        .where(col(Ticket.tenant_id).in_(tenant_ids), text(_RUNNING))
    )
