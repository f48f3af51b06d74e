"""Webhook endpoints: addresses to which events are sent."""

from datetime import datetime

import strawberry

import models
from domain.core.log_events import EventType
from domain.webhooks.deliveries import DisabledReason
from permissions.roles import P
from resolvers.webhooks import deliveries, endpoints
from schema.accounts.users import User
from schema.core.connections import Connection, connection
from schema.core.enums import describe
from schema.core.fields import Node, column, computed, node, related
from schema.core.mutations import deleted_id, mutation, payload
from schema.webhooks.deliveries import WebhookDelivery

describe(
    DisabledReason,
    "Why a webhook endpoint is disabled. Expect values to be added.",
    name="WebhookDisabledReason",
    REQUESTED="Somebody disabled it.",
    GONE="It answered with the status 410.",
    FAILING="It has accepted nothing for five days.",
    OWNER_WITHOUT_ACCESS="Its owner may no longer manage webhooks, or the account or API key has "
    "ended.",
)


@node(
    models.WebhookEndpoint,
    visible=endpoints.visible_webhook_endpoints,
    requires=P.WEBHOOKS_READ,
)
class WebhookEndpoint(Node):
    """An address to which events are sent.

    The secret is shown only when the endpoint is created, or its secret rotated.
    """

    url: str = column("The address.")
    description: str | None = column("A note for people, or null.")
    event_types: list[EventType] = computed(endpoints.event_types_of)
    query: str | None = column(
        "The query that selects what is sent of the changed object, or null for the main fields."
    )
    enabled: bool = computed(
        endpoints.is_enabled, sql=lambda _, endpoint: endpoint.disabled_at.is_(None)
    )
    disabled_at: datetime | None = column("When it was disabled, or null if it is enabled.")
    disabled_reason: DisabledReason | None = computed(
        endpoints.disabled_reason_of, sql=lambda _, endpoint: endpoint.disabled_reason
    )
    failing_since: datetime | None = column(
        "Since when it has accepted nothing, or null if it accepted the last webhook. After five "
        "days it is disabled."
    )
    old_secret_until: datetime | None = column(
        "Until when webhooks are also signed with the secret of before the last rotation, or null "
        "if it was never rotated."
    )
    owner: User | None = related(
        "The user who last saved it, or null if a program did. Webhooks show what they may read.",
        requires=P.USERS_READ,
    )
    version: int = column(
        "The version of the endpoint. It increases with every change; pass it to "
        "`updateWebhookEndpoint`."
    )
    created_at: datetime = column("When it was created.")
    deliveries: Connection[WebhookDelivery] = connection(
        deliveries.webhook_deliveries, under=models.WebhookDelivery.endpoint_id
    )


@strawberry.type
class WebhookQueries:
    webhook_endpoints: Connection[WebhookEndpoint] | None = connection(
        endpoints.webhook_endpoints, requires=P.WEBHOOKS_READ
    )


@payload
class CreateWebhookEndpointPayload:
    """The result of `createWebhookEndpoint`."""

    endpoint: WebhookEndpoint | None
    secret: str | None


@payload
class UpdateWebhookEndpointPayload:
    """The result of `updateWebhookEndpoint`."""

    endpoint: WebhookEndpoint | None


@payload
class DeleteWebhookEndpointPayload:
    """The result of `deleteWebhookEndpoint`."""

    deleted_id: strawberry.ID | None = deleted_id("WebhookEndpoint")


@payload
class RotateWebhookSecretPayload:
    """The result of `rotateWebhookSecret`."""

    endpoint: WebhookEndpoint | None
    secret: str | None


@payload
class SendTestWebhookPayload:
    """The result of `sendTestWebhook`."""

    delivery: WebhookDelivery | None


@payload
class ReplayWebhookDeliveryPayload:
    """The result of `replayWebhookDelivery`."""

    delivery: WebhookDelivery | None


@payload
class ReplayWebhookDeliveriesPayload:
    """The result of `replayWebhookDeliveries`."""

    replayed_count: int | None


@strawberry.type
class WebhookMutations:
    create_webhook_endpoint: CreateWebhookEndpointPayload | None = mutation(
        endpoints.create_webhook_endpoint,
        requires=P.WEBHOOKS_WRITE,
        emits=[EventType.WEBHOOK_ENDPOINT_CREATED],
    )
    update_webhook_endpoint: UpdateWebhookEndpointPayload | None = mutation(
        endpoints.update_webhook_endpoint,
        requires=P.WEBHOOKS_WRITE,
        emits=[EventType.WEBHOOK_ENDPOINT_UPDATED],
    )
    delete_webhook_endpoint: DeleteWebhookEndpointPayload | None = mutation(
        endpoints.delete_webhook_endpoint,
        requires=P.WEBHOOKS_WRITE,
        emits=[EventType.WEBHOOK_ENDPOINT_DELETED],
    )
    rotate_webhook_secret: RotateWebhookSecretPayload | None = mutation(
        endpoints.rotate_webhook_secret,
        requires=P.WEBHOOKS_WRITE,
        emits=[EventType.WEBHOOK_SECRET_ROTATED],
    )
    send_test_webhook: SendTestWebhookPayload | None = mutation(
        deliveries.send_test_webhook, requires=P.WEBHOOKS_WRITE
    )
    replay_webhook_delivery: ReplayWebhookDeliveryPayload | None = mutation(
        deliveries.replay_webhook_delivery, requires=P.WEBHOOKS_WRITE
    )
    replay_webhook_deliveries: ReplayWebhookDeliveriesPayload | None = mutation(
        deliveries.replay_webhook_deliveries, requires=P.WEBHOOKS_WRITE
    )
