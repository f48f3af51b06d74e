"""Guests: they ask without an account, and look after that one ticket by a code."""

from datetime import datetime

import strawberry

from domain.core.log_events import EventType as E
from permissions.roles import P
from resolvers.support import guest_tickets
from schema.core.fields import column, computed, query, value
from schema.core.mutations import mutation, payload, unless_refused
from schema.support.kinds import AuthorKind, MessageChannel, TicketStatus


@value()
class GuestTicketMessage:
    """A message of a ticket as seen by a guest."""

    author_kind: AuthorKind = column("Who wrote it.")
    channel: MessageChannel = column("How it came in.")
    text: str = column("The text; of a mail, without what it quotes.")
    created_at: datetime = column("When it was written.")


@value()
class GuestTicket:
    """A ticket as seen by a guest who has its code."""

    number: int = column("The number of the ticket, unique in the venue. It never changes.")
    subject: str = column("What it is about.")
    status: TicketStatus = column("The status of the ticket.")
    messages: list[GuestTicketMessage] = computed(guest_tickets.messages_of)
    rating: int | None = column("The guest's rating, 1 to 5, or null if there is none.")
    created_at: datetime = column("When it was opened.")
    updated_at: datetime = column("When it last changed, or a message was added.")


@strawberry.type
class GuestTicketQueries:
    guest_ticket: GuestTicket | None = query(guest_tickets.guest_ticket, requires=P.PUBLIC)


@payload
class OpenTicketAsGuestPayload:
    """The result of `openTicketAsGuest`."""

    number: int | None = column(unless_refused("The number of the ticket"))


@payload
class ReplyToGuestTicketPayload:
    """The result of `replyToGuestTicket`."""

    ticket: GuestTicket | None


@payload
class RateGuestTicketPayload:
    """The result of `rateGuestTicket`."""

    ticket: GuestTicket | None


@strawberry.type
class GuestTicketMutations:
    open_ticket_as_guest: OpenTicketAsGuestPayload | None = mutation(
        guest_tickets.open_ticket_as_guest, requires=P.PUBLIC, emits=[E.TICKET_OPENED]
    )
    reply_to_guest_ticket: ReplyToGuestTicketPayload | None = mutation(
        guest_tickets.reply_to_guest_ticket,
        requires=P.PUBLIC,
        emits=[E.TICKET_REPLIED, E.TICKET_OPENED],
    )
    rate_guest_ticket: RateGuestTicketPayload | None = mutation(
        guest_tickets.rate_guest_ticket, requires=P.PUBLIC, emits=[E.TICKET_RATED]
    )
