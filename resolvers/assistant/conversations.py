"""Reads conversations, and rates answers."""

from typing import Annotated, Any

from sqlmodel import col
from typing_extensions import Doc

from domain.assistant.citations import Part, from_json, parts_of
from domain.assistant.conversations import MessageOutcome, MessageRole, Provider
from domain.core.ids import ConversationId, MessageId
from domain.core.refusals import Invalid
from domain.core.text import tidy_name
from kit.postgres.keyset_pagination import Listing, Order
from kit.scope import Scope
from models.assistant.conversations import Conversation, Message, conversations_of, messages_of
from models.assistant.proposals import Proposal, proposals_in
from models.support.tickets import Ticket
from resolvers.assistant.access import (
    GuestToken,
    act_as_owner,
    own_view,
    reading_as_owner,
    visible_conversations,
)
from resolvers.core.lookups import get_or_refuse

MAX_NOTE_LENGTH = 1_000


async def conversation(
    scope: Scope,
    *,
    id: Annotated[ConversationId, Doc("The id of the conversation.")],
    guest_token: GuestToken = None,
) -> Conversation | None:
    """Find one of the caller's conversations with the assistant. Null if they have no such one."""
    if (found := reading_as_owner(scope, guest_token)) is None:
        return None
    reader, owner = found
    return await reader.one(owner.conversations().where(col(Conversation.id) == id))


def conversations(scope: Scope) -> Listing[Conversation]:
    """The caller's conversations with the assistant, the latest first. They are kept for 90 days
    after their last message."""
    order = (Order(Conversation.updated_at, descending=True),)
    return Listing(Conversation, visible_conversations(scope), order)


def messages(scope: Scope) -> Listing[Message]:
    """The messages, the latest first. Contact data in them isn't stored."""
    of_it = messages_of(scope.tenant_id).where(
        col(Message.conversation_id) == scope.actor.confined_to
    )
    return Listing(Message, of_it, (Order(Message.created_at, descending=True),))


async def rate_message(
    scope: Scope,
    id: Annotated[MessageId, Doc("The id of the answer.")],
    *,
    helpful: Annotated[bool, Doc("Whether the answer helped.")],
    note: Annotated[str | None, Doc("What was right or wrong: at most 1,000 characters.")] = None,
    guest_token: GuestToken = None,
) -> Message:
    """Say whether an answer of the assistant helped. A later rating replaces an earlier one."""
    owner = await act_as_owner(scope, guest_token)
    told = tidy_name(note or "") or None
    if told is not None and len(told) > MAX_NOTE_LENGTH:
        raise Invalid(f"A note has at most {MAX_NOTE_LENGTH:,} characters.", path=("note",))
    await scope.lock(("assistant answer", id))
    answers = owner.messages().where(col(Message.role) == MessageRole.ASSISTANT.value)
    message = await get_or_refuse(scope, answers, id, what="answer")
    message.is_helpful, message.note = helpful, told
    return message


# ------------------------------------------------------------------------------ fields


async def role_of(_: Scope, message: Message) -> MessageRole:
    """Who wrote it."""
    return MessageRole(message.role)


async def outcome_of(_: Scope, message: Message) -> MessageOutcome | None:
    """What became of an answer, or null for a person's message."""
    return None if message.outcome is None else MessageOutcome(message.outcome)


async def provider_of(_: Scope, message: Message) -> Provider | None:
    """Who answered, or null for a person's message."""
    return None if message.provider is None else Provider(message.provider)


async def citations_of(_: Scope, message: Message) -> list[Any]:
    """What the claims of an answer rest on, in the order of the text: at most a few for each
    sentence."""
    return from_json(message.citations)


async def parts_in(_: Scope, message: Message) -> list[Part]:
    """The text by sentences, each with what it rests on. Together they are the text."""
    return list(parts_of(message.text, from_json(message.citations)))


async def conversation_of(scope: Scope, ticket: Ticket) -> Conversation | None:
    """The conversation with the assistant from which it was opened, for the team, or null. It is
    kept for 90 days."""
    if ticket.conversation_id is None:
        return None
    found = conversations_of(ticket.tenant_id).where(col(Conversation.id) == ticket.conversation_id)
    return await scope.one(found)


async def proposals_with(scope: Scope, message: Message) -> list[Proposal]:
    """What the answer proposes, in the order in which it was tried: at most 8."""
    reader = own_view_of_message(scope, message)
    return await reader.all(proposals_in(message.tenant_id, message.id))


def own_view_of_message(scope: Scope, row: Message | Proposal) -> Scope:
    """Returns a scope that reads what belongs to a message or proposal of the caller."""
    return own_view(scope, row.tenant_id, row.conversation_id)
