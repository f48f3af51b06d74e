"""Deliveries of webhooks: lists, tests and replays them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from sqlalchemy import Select
from typing_extensions import Doc

from domain.core.ids import WebhookDeliveryId, WebhookEndpointId
from domain.core.refusals import Invalid, LimitReached
from domain.webhooks.deliveries import DeliveryStatus
from domain.webhooks.events import TEST
from kit.postgres.keyset_pagination import Listing, Order
from kit.scope import Scope
from models.webhooks.deliveries import (
    WebhookDelivery,
    WebhookDeliveryFilter,
    endpoints_woken,
    replayed,
    tests_waiting,
    webhook_deliveries_matching,
    webhook_deliveries_of,
)
from models.webhooks.endpoints import WebhookEndpoint
from resolvers.core.lookups import get_or_refuse
from resolvers.webhooks.endpoints import visible_webhook_endpoints

KEPT_FOR: Final = timedelta(days=30)
"""Retention of deliveries."""
MAX_TESTS: Final = 10
"""The most tests that wait to be sent to an endpoint."""
MAX_REPLAYED: Final = 10_000
"""The most deliveries that are replayed at once."""


@dataclass(frozen=True, slots=True)
class WebhookAttempt:
    """An attempt to send a webhook."""

    at: datetime
    duration_ms: int
    status_code: int | None
    error: str | None


def visible_webhook_deliveries(scope: Scope) -> Select[WebhookDelivery]:
    return webhook_deliveries_of(scope.tenant_id)


def webhook_deliveries(
    scope: Scope,
    *,
    filter: Annotated[
        WebhookDeliveryFilter | None, Doc("Which deliveries to return; all by default.")
    ] = None,
) -> Listing[WebhookDelivery]:
    """What was sent to the endpoint in the last 30 days, and what waits; the newest first."""
    deliveries = webhook_deliveries_matching(visible_webhook_deliveries(scope), filter)
    order = (Order(WebhookDelivery.created_at, descending=True),)
    return Listing(WebhookDelivery, deliveries, order)


async def status_of(_: Scope, delivery: WebhookDelivery) -> DeliveryStatus:
    """The state of the delivery."""
    return DeliveryStatus(delivery.status)


async def attempts_of(_: Scope, delivery: WebhookDelivery) -> list[WebhookAttempt]:
    """The attempts to send it, the newest last: at most 20."""
    return [
        WebhookAttempt(
            datetime.fromisoformat(each["at"]),
            each["durationMs"],
            each["statusCode"],
            each["error"],
        )
        for each in delivery.attempts
    ]


async def send_test_webhook(
    scope: Scope, id: Annotated[WebhookEndpointId, Doc("The id of the endpoint.")]
) -> WebhookDelivery:
    """Send a webhook of the type 'webhook.test' to an endpoint, about the endpoint itself."""
    endpoint = await _enabled_endpoint(scope, id)
    used = await scope.value(tests_waiting(scope.tenant_id, endpoint.id))
    if used >= MAX_TESTS:
        raise LimitReached("tests that wait", limit=MAX_TESTS, used=used)
    now = scope.now()
    new = scope.add(
        WebhookDelivery(
            tenant_id=scope.tenant_id,
            endpoint_id=endpoint.id,
            type=TEST,
            event_at=now,
            subject_type="WebhookEndpoint",
            subject_id=endpoint.id,
            next_attempt_at=now,
            created_at=now,
        )
    )
    await scope.flush()
    await _wake(scope, endpoint)
    return new


async def replay_webhook_delivery(
    scope: Scope, id: Annotated[WebhookDeliveryId, Doc("The id of the delivery.")]
) -> WebhookDelivery:
    """Send a webhook again, with the same id, whether it was delivered or not.

    It shows the object as it is now. Later webhooks about the object wait until it is delivered.
    """
    await scope.lock(("webhook endpoints",))
    visible = visible_webhook_deliveries(scope)
    delivery = await get_or_refuse(scope, visible, id, what="webhook delivery")
    endpoint = await _endpoint(scope, WebhookEndpointId(delivery.endpoint_id))
    delivery.status = DeliveryStatus.WAITING.value
    delivery.attempt_count = 0
    delivery.next_attempt_at = scope.now()
    await scope.flush()
    await _wake(scope, endpoint)
    return delivery


async def replay_webhook_deliveries(
    scope: Scope,
    *,
    endpoint_id: Annotated[WebhookEndpointId, Doc("The id of the endpoint.")],
    since: Annotated[datetime, Doc("Send those of events since then: at most 30 days ago.")],
    delivered_too: Annotated[
        bool, Doc("Whether to send also those that were delivered; only those that failed if not.")
    ] = False,
) -> int:
    """Send webhooks again that failed, the oldest first: at most 10,000 at once. Each keeps its id.

    Returns how many are sent again.
    """
    endpoint = await _enabled_endpoint(scope, endpoint_id, path=("endpoint_id",))
    statuses: Sequence[DeliveryStatus] = (DeliveryStatus.FAILED,)
    if delivered_too:
        statuses = (*statuses, DeliveryStatus.DELIVERED)
    key = scope.tenant_id, endpoint.id
    done = await scope.run(
        replayed(key, now=scope.now(), since=since, statuses=statuses, limit=MAX_REPLAYED)
    )
    await _wake(scope, endpoint)
    return done.rowcount


async def _enabled_endpoint(
    scope: Scope, id: WebhookEndpointId, *, path: Any = ("id",)
) -> WebhookEndpoint:
    await scope.lock(("webhook endpoints",))
    endpoint = await _endpoint(scope, id, path=path)
    if endpoint.disabled_at is not None:
        raise Invalid("The endpoint is disabled; enable it first.", path=path)
    return endpoint


async def _endpoint(scope: Scope, id: WebhookEndpointId, *, path: Any = ("id",)) -> WebhookEndpoint:
    visible = visible_webhook_endpoints(scope)
    return await get_or_refuse(scope, visible, id, what="webhook endpoint", path=path)


async def _wake(scope: Scope, endpoint: WebhookEndpoint) -> None:
    if endpoint.disabled_at is None:
        key = endpoint.tenant_id, endpoint.id
        await scope.run(endpoints_woken([key], now=scope.now()))
