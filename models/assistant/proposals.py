"""Proposals of the assistant, and what became of them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Select, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, Relationship, col

from domain.assistant.proposals import ProposalKind, ProposalState
from domain.core.money import Money
from models.assistant.conversations import Conversation
from models.core.base import INSTANT, TenantRow, one_of, refers_to


class Proposal(TenantRow, table=True):
    """A change that was tried: ``arguments`` are those of its mutation.

    ``result_id`` is the booking or ticket that confirming it has made or changed.
    """

    __tablename__ = "assistant_proposals"
    __table_args__ = (
        refers_to("assistant_conversations", "conversation_id", ondelete="CASCADE"),
        Index(None, "tenant_id", "conversation_id", "id"),
        Index(None, "tenant_id", "message_id"),
        CheckConstraint(one_of("kind", ProposalKind), name="kind"),
        CheckConstraint(one_of("state", ProposalState), name="state"),
    )

    conversation_id: UUID
    message_id: UUID
    kind: str
    state: str = ProposalState.PROPOSED.value
    arguments: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    summary: str
    room_id: UUID | None = None
    booking_id: UUID | None = None
    starts_at: datetime | None = Field(default=None, sa_type=INSTANT)
    ends_at: datetime | None = Field(default=None, sa_type=INSTANT)
    price_minor: int | None = Field(default=None, sa_type=BigInteger)
    currency_code: str | None = None
    created_at: datetime = Field(sa_type=INSTANT)
    expires_at: datetime = Field(sa_type=INSTANT)
    decided_at: datetime | None = Field(default=None, sa_type=INSTANT)
    result_id: UUID | None = None

    conversation: Conversation = Relationship(
        sa_relationship_kwargs={"foreign_keys": "Proposal.conversation_id", "lazy": "raise"}
    )

    @property
    def price(self) -> Money | None:
        if self.price_minor is None or self.currency_code is None:
            return None
        return Money(self.price_minor, self.currency_code)


def proposals_of(tenant_id: UUID) -> Select[Proposal]:
    return select(Proposal).where(col(Proposal.tenant_id) == tenant_id)


def proposals_in(tenant_id: UUID, message_id: UUID) -> Select[Proposal]:
    """Selects the proposals of an answer, in the order in which they were made."""
    of_it = proposals_of(tenant_id).where(col(Proposal.message_id) == message_id)
    return of_it.order_by(col(Proposal.id))
