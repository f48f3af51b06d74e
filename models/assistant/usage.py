"""What the assistant was used for, by date of the venue and by model."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Select, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, SQLModel, col

from domain.assistant.conversations import Provider
from models.core.base import one_of


def _count() -> Any:
    return Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default=text("0")))


class AssistantDay(SQLModel, table=True):
    """The usage of a model on a date; ``public_tokens`` are those of guests and customers."""

    __tablename__ = "assistant_days"
    __table_args__ = (CheckConstraint(one_of("provider", Provider), name="provider"),)

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    day: date = Field(primary_key=True)
    model: str = Field(primary_key=True)
    provider: str
    answers: int = _count()
    failures: int = _count()
    calls: int = _count()
    input_tokens: int = _count()
    output_tokens: int = _count()
    public_tokens: int = _count()
    cost_micros: int = _count()


COUNTED = (
    "answers",
    "failures",
    "calls",
    "input_tokens",
    "output_tokens",
    "public_tokens",
    "cost_micros",
)
"""The columns that are added up."""


def usage_added(
    tenant_id: UUID, day: date, provider: str, model: str, counts: Mapping[str, int]
) -> Any:
    """Adds an answer to the usage of a date."""
    statement = insert(AssistantDay).values(
        tenant_id=tenant_id, day=day, provider=provider, model=model, **counts
    )
    return statement.on_conflict_do_update(
        index_elements=["tenant_id", "day", "model"],
        set_={
            name: getattr(AssistantDay, name) + getattr(statement.excluded, name) for name in counts
        },
    )


def usage_of_days(tenant_id: UUID, from_: date, until: date) -> Select[AssistantDay]:
    """Selects the usage of the dates from one to another, which isn't included."""
    return (
        select(AssistantDay)
        .where(
            col(AssistantDay.tenant_id) == tenant_id,
            col(AssistantDay.day) >= from_,
            col(AssistantDay.day) < until,
        )
        .order_by(col(AssistantDay.day), col(AssistantDay.model))
    )


def tokens_used(tenant_id: UUID, from_: date, until: date) -> Select[int, int]:
    """Selects the tokens of some dates, and how many of them guests and customers used."""
    total = func.sum(col(AssistantDay.input_tokens) + col(AssistantDay.output_tokens))
    return select(
        func.coalesce(total, 0), func.coalesce(func.sum(col(AssistantDay.public_tokens)), 0)
    ).where(
        col(AssistantDay.tenant_id) == tenant_id,
        col(AssistantDay.day) >= from_,
        col(AssistantDay.day) < until,
    )
