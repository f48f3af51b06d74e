"""Conversations with the assistant, and the citations of its answers."""

from datetime import datetime
from uuid import UUID

import strawberry

import models
from domain.assistant import citations
from domain.assistant.conversations import MessageOutcome, MessageRole, Provider
from kit.scope import Scope
from permissions.roles import P
from resolvers.assistant import access, conversations, sending
from schema.assistant.proposals import Proposal
from schema.core.connections import Connection, connection
from schema.core.enums import describe
from schema.core.fields import Node, column, computed, node, query, value
from schema.core.global_ids import encode_id
from schema.core.mutations import mutation, payload

describe(
    MessageRole,
    "Who wrote a message.",
    USER="The person.",
    ASSISTANT="The assistant.",
)
describe(
    MessageOutcome,
    "What became of an answer. Unless it was answered, the text ends with what to do. Expect "
    "values to be added.",
    ANSWERING="It is being written.",
    ANSWERED="It is complete.",
    TIMED_OUT="It took more than a minute, or half a minute for one of its steps.",
    BUSY="The provider of the model has too many requests.",
    UNAVAILABLE="The provider of the model failed, or this server was stopped.",
    INVALID="The model has answered nothing that can be shown.",
    TOO_LONG="It was longer than 8,000 characters, and was cut.",
    TOO_MANY_CALLS="More than 8 things would have had to be looked up.",
    ENDED="The person's account was closed meanwhile.",
)
describe(
    Provider,
    "Who answers.",
    name="AssistantProvider",
    OPENAI="A language model behind OpenAI's API, or one like it.",
    LOCAL="Rules of this server, without a language model: plainly weaker.",
)


async def _object_id(_: Scope, citation: citations.Citation) -> str | None:
    """The id of the room, booking, article or proposal, for `node`, or null if it is none of
    these."""
    node = citation.source.node
    return None if node is None else encode_id(node[0], UUID(node[1]))


@value(citations.Citation)
class Citation:
    """What a claim of an answer rests on: something that was looked up in the conversation."""

    id: str = column(
        "The id of the source, such as 'slot:…', 'price:…', 'rule:…', 'article:…', 'booking:…' or "
        "'hours:…'. The same source has the same id."
    )
    kind: str = column("The kind of the source: what its id begins with.")
    label: str = column("What to call the source, for a person.")
    object_id: strawberry.ID | None = computed(_object_id)
    at: int = column(
        "The end of the claim in the message's `text`: the number of Unicode code points before it."
    )


@value(citations.Part)
class MessagePart:
    """A sentence of an answer."""

    text: str = column("The text, with the space after it.")
    citations: list[Citation] = column("What the sentence rests on; empty if it claims nothing.")
    is_guess: bool = column(
        "Whether it names a time or an amount and rests on nothing: show it as a guess."
    )


@node(models.Message, visible=access.visible_messages, requires=P.MEMBER)
class Message(Node):
    """A message of a conversation with the assistant."""

    role: MessageRole = computed(conversations.role_of, sql=lambda _, row: row.role)
    text: str = column(
        "The text; of an answer that is being written, empty. E-mail addresses and phone numbers "
        "aren't stored, unless the installation is set to."
    )
    parts: list[MessagePart] = computed(conversations.parts_in)
    citations: list[Citation] = computed(conversations.citations_of)
    proposals: list[Proposal] = computed(conversations.proposals_with)
    outcome: MessageOutcome | None = computed(
        conversations.outcome_of, sql=lambda _, row: row.outcome
    )
    provider: Provider | None = computed(conversations.provider_of, sql=lambda _, row: row.provider)
    model: str | None = column("The name of the model, or null for a person's message.")
    is_helpful: bool | None = column("Whether the answer helped, or null if nobody has said.")
    created_at: datetime = column("When it was sent, or begun.")


@node(models.Conversation, visible=access.visible_conversations, requires=P.MEMBER)
class Conversation(Node):
    """A conversation with the venue's assistant, which only the person who began it can read."""

    title: str = column("The first words of its first message.")
    locale: str = column("The person's language, as a tag such as 'de-CH'.")
    messages: Connection[Message] = connection(
        conversations.messages,
        inside=lambda scope, row: access.own_view(scope, row.tenant_id, row.id),
    )
    created_at: datetime = column("When it began.")
    updated_at: datetime = column("When its last message was sent.")


@strawberry.type
class ConversationQueries:
    conversation: Conversation | None = query(
        conversations.conversation, requires=P.PUBLIC, personal=True
    )
    conversations: Connection[Conversation] | None = connection(
        conversations.conversations, requires=P.MEMBER
    )


@payload
class SendMessagePayload:
    """The result of `sendMessage`."""

    conversation: Conversation | None
    message: Message | None = column(
        "The answer, or null if the mutation was refused; see `userErrors`."
    )
    proposals: list[Proposal] = column(
        "What the answer proposes; empty if it proposes nothing, or the mutation was refused."
    )
    guest_token: str | None = column(
        "The code of a guest's new conversation, which is returned only this once, or null. Treat "
        "it as a secret."
    )
    replayed: bool


@payload
class RateMessagePayload:
    """The result of `rateMessage`."""

    message: Message | None


@strawberry.type
class ConversationMutations:
    send_message: SendMessagePayload | None = mutation(
        sending.send_message, requires=P.PUBLIC, idempotent=True, personal=True
    )
    rate_message: RateMessagePayload | None = mutation(
        conversations.rate_message, requires=P.PUBLIC, personal=True
    )
