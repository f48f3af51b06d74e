"""Deliveries of webhooks, and the attempts to send them."""

from datetime import datetime
from typing import Any

import strawberry

import models
from domain.webhooks.deliveries import DeliveryStatus
from kit.scope import Scope
from models.webhooks.deliveries import WebhookDeliveryFilter
from permissions.roles import P
from resolvers.webhooks import deliveries
from schema.core.enums import describe
from schema.core.fields import Node, column, computed, node, value
from schema.core.global_ids import encode_id
from schema.core.inputs import input_type

describe(
    DeliveryStatus,
    "The state of a webhook's delivery.",
    name="WebhookDeliveryStatus",
    WAITING="It is sent, or tried again, at `nextAttemptAt`.",
    DELIVERED="The endpoint answered with a status from 200 to 299.",
    FAILED="Ten attempts failed, over 75 hours. It can be replayed.",
)
input_type(
    WebhookDeliveryFilter,
    "Which deliveries to return. Deliveries must match all fields that are given.",
    name="WebhookDeliveryFilter",
    statuses="Match any of these statuses.",
    event_types="Match events of any of these types.",
    created_at="Match deliveries that were queued in this period.",
)


@value(deliveries.WebhookAttempt)
class WebhookAttempt:
    """An attempt to send a webhook."""

    at: datetime = column("When it began.")
    duration_ms: int = column("How long it took, in milliseconds.")
    status_code: int | None = column("The status of the answer, or null if there was none.")
    error: str | None = column(
        "Why it failed: the first 200 characters of the answer, or what went wrong without one. "
        "Null if it succeeded."
    )


async def _subject_id(_: Scope, delivery: Any) -> strawberry.ID:
    """The id of the changed object, even if it was deleted."""
    return strawberry.ID(encode_id(delivery.subject_type, delivery.subject_id))


@node(
    models.WebhookDelivery,
    visible=deliveries.visible_webhook_deliveries,
    requires=P.WEBHOOKS_READ,
)
class WebhookDelivery(Node):
    """An event that is sent to a webhook endpoint. Its id is the header `webhook-id`.

    It is deleted 30 days after the event. What was sent isn't kept.
    """

    type: str = column("The type of the event as it is sent, such as 'booking.created'.")
    event_at: datetime = column("When the event happened.")
    subject_id: strawberry.ID = computed(_subject_id)
    status: DeliveryStatus = computed(deliveries.status_of, sql=lambda _, delivery: delivery.status)
    attempt_count: int = column("The number of attempts, since it was last replayed.")
    attempts: list[WebhookAttempt] = computed(deliveries.attempts_of)
    next_attempt_at: datetime | None = column(
        "When it is sent at the earliest, or null if it doesn't wait."
    )
    delivered_at: datetime | None = column("When it was last delivered, or null if it never was.")
    created_at: datetime = column("When it was queued.")
