"""Events of payment gateways, each stored once before it is handled."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    Delete,
    Index,
    Select,
    Update,
    delete,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert
from sqlmodel import Field, SQLModel, col

from models.core.base import INSTANT, one_of

EVENT_JOB: Final = "webhook"
"""The job that handles an event."""


class EventState(StrEnum):
    """The state of an event: waiting, handled, or without effect here."""

    RECEIVED = "received"
    DONE = "done"
    IGNORED = "ignored"


class WebhookEvent(SQLModel, table=True):
    """An event by the gateway's own id. Its tenant is found by its handler.

    ``about`` has the ids that the event names, without personal data; the rest is fetched.
    """

    __tablename__ = "webhook_events"
    __table_args__ = (
        Index(None, "received_at"),
        CheckConstraint(one_of("state", EventState), name="state"),
    )

    gateway: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    type: str
    created_at: datetime = Field(sa_type=INSTANT)
    received_at: datetime = Field(sa_type=INSTANT)
    handled_at: datetime | None = Field(default=None, sa_type=INSTANT)
    state: str
    about: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


def event_stored(event: WebhookEvent) -> Insert:
    """Inserts an event, unless it is stored already."""
    return insert(WebhookEvent).values(event.model_dump()).on_conflict_do_nothing()


def event_state(gateway: str, id: str) -> Select[str]:
    return select(col(WebhookEvent.state)).where(
        col(WebhookEvent.gateway) == gateway, col(WebhookEvent.id) == id
    )


def event_handled(gateway: str, id: str, state: EventState, *, at: datetime) -> Update:
    return (
        update(WebhookEvent)
        .where(col(WebhookEvent.gateway) == gateway, col(WebhookEvent.id) == id)
        .values(state=state.value, handled_at=at)
        .execution_options(synchronize_session=False)
    )


def webhook_events_before(cutoff: datetime, *, limit: int) -> Delete:
    """Deletes a batch of events received before an instant."""
    key = tuple_(col(WebhookEvent.gateway), col(WebhookEvent.id))
    old = select(*key.clauses).where(col(WebhookEvent.received_at) < cutoff).limit(limit)
    return delete(WebhookEvent).where(key.in_(old))
