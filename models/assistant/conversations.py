"""Conversations with the assistant, and their messages."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Delete,
    Index,
    LargeBinary,
    Select,
    UniqueConstraint,
    delete,
    select,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, Relationship, col

from domain.assistant.conversations import MessageOutcome, MessageRole, Provider
from kit.actor import Actor
from models.core.base import INSTANT, TenantRow, one_of, refers_to


class Conversation(TenantRow, table=True):
    """A conversation of a user, or of a guest who has its code."""

    __tablename__ = "assistant_conversations"
    __table_args__ = (
        refers_to("users", "user_id"),
        UniqueConstraint("tenant_id", "guest_hash"),
        Index(None, "tenant_id", "user_id", "updated_at", "id"),
        Index(None, "tenant_id", "updated_at"),
        CheckConstraint("(user_id IS NULL) <> (guest_hash IS NULL)", name="owner"),
    )

    user_id: UUID | None = None
    guest_hash: bytes | None = Field(default=None, sa_type=LargeBinary)
    title: str
    locale: str
    created_at: datetime = Field(sa_type=INSTANT)
    updated_at: datetime = Field(sa_type=INSTANT)

    def is_owned_by(self, actor: Actor) -> bool:
        return self.user_id is not None and self.user_id == actor.user_id


class Message(TenantRow, table=True):
    """A message of a conversation; ``tools`` are the calls that an answer took, without values.

    ``cost_micros`` is in millionths of a dollar. A person's message may have an idempotency key.
    """

    __tablename__ = "assistant_messages"
    __table_args__ = (
        refers_to("assistant_conversations", "conversation_id", ondelete="CASCADE"),
        Index(None, "tenant_id", "conversation_id", "id"),
        Index(
            "ix_assistant_messages_idempotency_key",
            "tenant_id",
            "idempotency_key",
            postgresql_where=sql("idempotency_key IS NOT NULL"),
        ),
        CheckConstraint(one_of("role", MessageRole), name="role"),
        CheckConstraint(one_of("outcome", MessageOutcome), name="outcome"),
        CheckConstraint(one_of("provider", Provider), name="provider"),
        CheckConstraint("(role = 'ASSISTANT') = (outcome IS NOT NULL)", name="answer"),
    )

    conversation_id: UUID
    role: str
    text: str
    citations: list[Any] = Field(
        default_factory=list, sa_column=Column(JSONB, nullable=False, server_default=sql("'[]'"))
    )
    outcome: str | None = None
    provider: str | None = None
    model: str | None = None
    input_tokens: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    output_tokens: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    cost_micros: int = Field(
        default=0, sa_column=Column(BigInteger, nullable=False, server_default=sql("0"))
    )
    latency_ms: int | None = None
    tools: list[Any] = Field(
        default_factory=list, sa_column=Column(JSONB, nullable=False, server_default=sql("'[]'"))
    )
    is_helpful: bool | None = None
    note: str | None = None
    idempotency_key: str | None = None
    input_hash: bytes | None = Field(default=None, sa_type=LargeBinary)
    answers_id: UUID | None = None
    created_at: datetime = Field(sa_type=INSTANT)

    conversation: Conversation = Relationship(
        sa_relationship_kwargs={"foreign_keys": "Message.conversation_id", "lazy": "raise"}
    )


def conversations_of(tenant_id: UUID) -> Select[Conversation]:
    return select(Conversation).where(col(Conversation.tenant_id) == tenant_id)


def guest_conversation(tenant_id: UUID, guest_hash: bytes) -> Select[Conversation]:
    """Selects the conversation of a guest's code."""
    return conversations_of(tenant_id).where(col(Conversation.guest_hash) == guest_hash)


def messages_of(tenant_id: UUID) -> Select[Message]:
    return select(Message).where(col(Message.tenant_id) == tenant_id)


def latest_messages(tenant_id: UUID, conversation_id: UUID, *, limit: int) -> Select[Message]:
    """Selects the latest messages of a conversation, the latest first."""
    of_it = messages_of(tenant_id).where(col(Message.conversation_id) == conversation_id)
    return of_it.order_by(col(Message.id).desc()).limit(limit)


def completed_answers(tenant_id: UUID, conversation_id: UUID) -> Select[Message]:
    """Selects the answers of a conversation that are complete."""
    return messages_of(tenant_id).where(
        col(Message.conversation_id) == conversation_id,
        col(Message.role) == MessageRole.ASSISTANT.value,
        col(Message.outcome) != MessageOutcome.ANSWERING.value,
    )


def asked_before(
    tenant_id: UUID, user_id: UUID | None, guest_hash: bytes | None, key: str, *, since: datetime
) -> Select[Message]:
    """Selects what somebody has sent with an idempotency key."""
    return (
        messages_of(tenant_id)
        .join(
            Conversation,
            (col(Conversation.tenant_id) == col(Message.tenant_id))
            & (col(Conversation.id) == col(Message.conversation_id)),
        )
        .where(
            col(Message.idempotency_key) == key,
            col(Message.created_at) > since,
            col(Conversation.user_id) == user_id
            if user_id is not None
            else col(Conversation.guest_hash) == guest_hash,
        )
    )


def answer_to(tenant_id: UUID, message_id: UUID) -> Select[Message]:
    """Selects the answer to a person's message."""
    return messages_of(tenant_id).where(col(Message.answers_id) == message_id)


def conversations_before(cutoff: datetime, *, limit: int) -> Delete:
    """Deletes conversations of all tenants whose last message is older than an instant."""
    old = (
        select(col(Conversation.tenant_id), col(Conversation.id))
        .where(col(Conversation.updated_at) < cutoff)
        .limit(limit)
        .subquery()
    )
    return delete(Conversation).where(
        col(Conversation.tenant_id) == old.c.tenant_id, col(Conversation.id) == old.c.id
    )


def is_running(message: Message, now: datetime, *, within: timedelta) -> bool:
    """Returns whether an answer is still being written: not if its process must have ended."""
    return message.outcome == MessageOutcome.ANSWERING and now - message.created_at < within
