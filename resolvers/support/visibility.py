"""Who sees which tickets, and what of them."""

from sqlalchemy import Select, false
from sqlmodel import col

from kit.scope import Scope
from models.support.tickets import (
    Ticket,
    TicketMessage,
    messages_of,
    public,
    tickets_of,
)
from permissions.policy import grant_of
from permissions.roles import GrantScope, P


def visible_tickets(scope: Scope) -> Select[Ticket]:
    """Selects the tickets that the caller may see: all, their own, or none."""
    tickets, actor = tickets_of(scope.tenant_id), scope.actor
    match grant_of(actor, P.SUPPORT_READ):
        case GrantScope.ANY:
            return tickets
        case GrantScope.OWN if actor.confined_to is not None:
            return tickets.where(col(Ticket.id) == actor.confined_to)
        case GrantScope.OWN if actor.own_id is not None:
            return tickets.where(col(Ticket.customer_id) == actor.own_id)
        case _:
            return tickets.where(false())


def visible_messages(scope: Scope) -> Select[TicketMessage]:
    """Selects the messages of visible tickets; internal notes are for the team alone."""
    messages = messages_of(scope.tenant_id)
    if sees_notes(scope):
        return messages
    own = visible_tickets(scope).with_only_columns(col(Ticket.id))
    return public(messages).where(col(TicketMessage.ticket_id).in_(own))


def sees_notes(scope: Scope) -> bool:
    """Returns whether the caller is of the team, and sees all tickets with their notes."""
    return grant_of(scope.actor, P.SUPPORT_READ) is GrantScope.ANY
