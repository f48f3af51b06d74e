"""Conversations of the types of earlier areas."""

from permissions.roles import P
from resolvers.assistant import conversations
from schema.assistant.conversations import Conversation
from schema.core.fields import computed, extends
from schema.support.tickets import Ticket


@extends(Ticket, after="booking")
class TicketConversation:
    conversation: Conversation | None = computed(
        conversations.conversation_of, requires=P.CUSTOMERS_NOTES
    )
