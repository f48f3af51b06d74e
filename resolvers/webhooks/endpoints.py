"""Webhook endpoints: creates, changes, lists and disables them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from sqlalchemy import Select
from typing_extensions import Doc

from domain.core.ids import WebhookEndpointId
from domain.core.log_events import Event, EventType, Snapshot
from domain.core.patch import ABSENT, Absent
from domain.core.public_addresses import url_problem
from domain.core.refusals import Invalid, LimitReached, Refusal, Required
from domain.core.text import LongText
from domain.webhooks.deliveries import DisabledReason
from domain.webhooks.events import TOPICS, Topic
from domain.webhooks.signatures import OLD_SECRET_LIFETIME, new_secret
from integrations.outbound.client import Outbound
from kit.actor import Actor
from kit.errors import Forbidden
from kit.postgres.keyset_pagination import Listing, Order
from kit.scope import Scope
from kit.security.encryption import Cipher
from models.core.base import snapshot
from models.webhooks.endpoints import WebhookEndpoint, endpoints_counted, webhook_endpoints_of
from models.webhooks.sending import DueEndpoint
from permissions.policy import may
from permissions.roles import P, Permission
from resolvers.core.lookups import get_at_version, get_or_refuse, raise_all
from resolvers.webhooks.notices import mail_disabled
from resolvers.webhooks.object_queries import MAX_QUERY, ObjectQueries

MAX_ENDPOINTS: Final = 20
"""The most endpoints of a venue."""
MAX_DESCRIPTION: Final = 200

NEEDED: Final[Mapping[Topic, Permission]] = {
    Topic.BOOKING: P.BOOKINGS_READ,
    Topic.GUEST_LINK: P.BOOKINGS_READ,
    Topic.ROOM: P.ROOMS_READ,
    Topic.HOURS: P.HOURS_READ,
    Topic.BLACKOUT: P.HOURS_READ,
    Topic.TENANT: P.TENANT_READ,
    Topic.SETTINGS: P.TENANT_READ,
    Topic.QUOTA: P.BOOKINGS_READ,
    Topic.PRICE_RULES: P.PRICES_READ,
    Topic.COUPON: P.BOOKINGS_MANAGE,
    Topic.CUSTOMER: P.CUSTOMERS_READ,
    Topic.CUSTOMERS: P.CUSTOMERS_READ,
    Topic.CUSTOMER_MERGE: P.CUSTOMERS_READ,
    Topic.PAYMENT: P.PAYMENTS_READ,
    Topic.REFUND: P.PAYMENTS_READ,
    Topic.WAITLIST: P.BOOKINGS_READ,
    Topic.TICKET: P.SUPPORT_READ,
}
"""The permission that the owner of an endpoint needs for its events."""

_URL: Final = Doc(
    "The address to send events to, such as 'https://example.com/hooks': https, at most 2,000 "
    "characters, a host that everybody on the Internet can reach, no user name, password or "
    "fragment, and port 443 or 1024 to 65535."
)
_EVENT_TYPES: Final = Doc(
    "The types of events to send: at least one, and those of bookings, rooms, hours, "
    "customers, payments, prices, the waitlist, tickets and settings only."
)
_QUERY: Final = Doc(
    "A query of this API that selects what to send of the changed object, with the variable "
    "`$id: ID!` and the root field `node(id: $id)` alone: at most 5,000 characters and 100 "
    "points. It runs with what you may read. By default, the ids and the main fields are sent."
)
_DESCRIPTION: Final = Doc("A note for people: at most 200 characters.")
Version = Annotated[
    int,
    Doc(
        "The version of the endpoint that you read. If it has changed since, the mutation is "
        "refused with STALE_VERSION."
    ),
]


@dataclass(frozen=True, slots=True)
class EndpointWithSecret:
    """An endpoint with its new secret, which can't be retrieved later."""

    endpoint: WebhookEndpoint
    secret: str = field(repr=False)


def visible_webhook_endpoints(scope: Scope) -> Select[WebhookEndpoint]:
    return webhook_endpoints_of(scope.tenant_id)


def webhook_endpoints(scope: Scope) -> Listing[WebhookEndpoint]:
    """The webhook endpoints of the venue, newest first, disabled ones too."""
    order = (Order(WebhookEndpoint.created_at, descending=True),)
    return Listing(WebhookEndpoint, visible_webhook_endpoints(scope), order)


async def create_webhook_endpoint(
    scope: Scope,
    *,
    url: Annotated[str, _URL],
    event_types: Annotated[tuple[EventType, ...], _EVENT_TYPES],
    description: Annotated[str | None, _DESCRIPTION] = None,
    query: Annotated[LongText | None, _QUERY] = None,
) -> EndpointWithSecret:
    """Add an address to which events are sent, signed by Standard Webhooks. A venue can have at
    most 20.

    The secret that verifies the signatures is returned only once. Webhooks show what you may read:
    if you lose `webhooks:write`, the endpoint is disabled.
    """
    refused = [
        *_url_refusals(scope, url),
        *_type_refusals(scope.actor, event_types),
        *_description_refusals(description),
        *await _query_refusals(scope, query),
    ]
    await scope.lock(("webhook endpoints",))
    used = await scope.value(endpoints_counted(scope.tenant_id))
    if used >= MAX_ENDPOINTS:
        refused.append(LimitReached("webhook endpoints", limit=MAX_ENDPOINTS, used=used))
    raise_all(refused)
    now, secret = scope.now(), new_secret()
    new = WebhookEndpoint(
        tenant_id=scope.tenant_id,
        url=url,
        event_types=_sorted(event_types),
        description=description,
        query=query,
        secret="",
        created_at=now,
        updated_at=now,
    )
    _take_over(scope.actor, new)
    new.secret = _sealed(scope, new, secret)
    scope.add(new)
    scope.emit(
        Event(EventType.WEBHOOK_ENDPOINT_CREATED, "WebhookEndpoint", new.id, after=snapshot(new))
    )
    return EndpointWithSecret(new, secret)


async def update_webhook_endpoint(
    scope: Scope,
    id: Annotated[WebhookEndpointId, Doc("The id of the endpoint.")],
    *,
    version: Version,
    url: Annotated[str | Absent, _URL] = ABSENT,
    event_types: Annotated[tuple[EventType, ...] | Absent, _EVENT_TYPES] = ABSENT,
    description: Annotated[str | Absent | None, _DESCRIPTION] = ABSENT,
    query: Annotated[LongText | Absent | None, _QUERY] = ABSENT,
    enabled: Annotated[
        bool | Absent,
        Doc(
            "False: nothing is sent any more, and new events are ignored. True: what waits is "
            "sent, and new events again."
        ),
    ] = ABSENT,
) -> WebhookEndpoint:
    """Change, disable or enable a webhook endpoint. You become its owner: its webhooks show what
    you may read.
    """
    refused: list[Refusal] = []
    if url is not ABSENT:
        refused += _url_refusals(scope, url)
    if description is not ABSENT:
        refused += _description_refusals(description)
    if query is not ABSENT:
        refused += await _query_refusals(scope, query)
    await scope.lock(("webhook endpoints",))
    visible = visible_webhook_endpoints(scope)
    endpoint = await get_at_version(scope, visible, id, version=version, what="webhook endpoint")
    before = snapshot(endpoint)
    types = endpoint.types if event_types is ABSENT else event_types
    # Those that stay are checked too: another owner may read less.
    raise_all([*refused, *_type_refusals(scope.actor, types)])
    endpoint.event_types = _sorted(types)
    for name, value in {"url": url, "description": description, "query": query}.items():
        if value is not ABSENT:
            setattr(endpoint, name, value)
    _take_over(scope.actor, endpoint)
    if enabled is True and endpoint.disabled_at is not None:
        endpoint.disabled_at = endpoint.disabled_reason = endpoint.failing_since = None
        endpoint.due_at = scope.now()
    elif enabled is False and endpoint.disabled_at is None:
        _disable(scope, endpoint, DisabledReason.REQUESTED)
    _change(scope, EventType.WEBHOOK_ENDPOINT_UPDATED, endpoint, before)
    return endpoint


async def delete_webhook_endpoint(
    scope: Scope, id: Annotated[WebhookEndpointId, Doc("The id of the endpoint.")]
) -> UUID:
    """Delete a webhook endpoint, with its secret and what waits to be sent to it."""
    await scope.lock(("webhook endpoints",))
    visible = visible_webhook_endpoints(scope)
    endpoint = await get_or_refuse(scope, visible, id, what="webhook endpoint")
    before = snapshot(endpoint)
    endpoint.deleted_at = scope.now()
    endpoint.secret = ""
    endpoint.old_secret = endpoint.old_secret_until = endpoint.due_at = None
    _change(scope, EventType.WEBHOOK_ENDPOINT_DELETED, endpoint, before)
    return endpoint.id


async def rotate_webhook_secret(
    scope: Scope, id: Annotated[WebhookEndpointId, Doc("The id of the endpoint.")]
) -> EndpointWithSecret:
    """Give a webhook endpoint a new secret, which is returned only once.

    For 24 hours, webhooks are signed with both secrets. Rotate twice if the old one is known to
    somebody else.
    """
    await scope.lock(("webhook endpoints",))
    visible = visible_webhook_endpoints(scope)
    endpoint = await get_or_refuse(scope, visible, id, what="webhook endpoint")
    secret = new_secret()
    endpoint.old_secret, endpoint.secret = endpoint.secret, _sealed(scope, endpoint, secret)
    endpoint.old_secret_until = scope.now() + OLD_SECRET_LIFETIME
    _change(scope, EventType.WEBHOOK_SECRET_ROTATED, endpoint, snapshot(endpoint))
    return EndpointWithSecret(endpoint, secret)


async def disable_endpoint(scope: Scope, id: UUID, reason: DisabledReason) -> None:
    """Disables an endpoint that can't go on, and tells its owner; does nothing if it is."""
    await scope.lock(("webhook endpoints",))
    endpoint = await scope.one(
        visible_webhook_endpoints(scope).where(WebhookEndpoint.id == id)  # type: ignore[arg-type]
    )
    if endpoint is None or endpoint.disabled_at is not None:
        return
    before = snapshot(endpoint)
    _disable(scope, endpoint, reason)
    _change(scope, EventType.WEBHOOK_ENDPOINT_DISABLED, endpoint, before)
    await mail_disabled(scope, endpoint, reason)


async def event_types_of(_: Scope, endpoint: WebhookEndpoint) -> list[EventType]:
    """The types of the events that are sent, sorted by name."""
    return endpoint.types


async def disabled_reason_of(_: Scope, endpoint: WebhookEndpoint) -> DisabledReason | None:
    """Why nothing is sent to the endpoint, or null if it is enabled."""
    return DisabledReason(endpoint.disabled_reason) if endpoint.disabled_reason else None


async def is_enabled(_: Scope, endpoint: WebhookEndpoint) -> bool:
    """Whether events are sent to the endpoint."""
    return endpoint.disabled_at is None


def secrets_of(endpoint: DueEndpoint, cipher: Cipher, *, now: datetime) -> list[str]:
    """Returns the secrets that sign, the newest first. Raises DecryptionError."""
    sealed = [endpoint.secret]
    if endpoint.old_secret and endpoint.old_secret_until and now < endpoint.old_secret_until:
        sealed.append(endpoint.old_secret)
    return [cipher.decrypt(each, use=use_of(endpoint.id)) for each in sealed]


def _sealed(scope: Scope, endpoint: WebhookEndpoint, secret: str) -> str:
    return scope.service(Cipher).encrypt(secret, use=use_of(endpoint.id))


def use_of(id: UUID) -> str:
    """Returns the use for which the secrets of an endpoint are encrypted."""
    return f"webhook secret {id}"


def _take_over(actor: Actor, endpoint: WebhookEndpoint) -> None:
    if actor.id is None:
        raise Forbidden("Only users and API keys can have webhook endpoints.")
    endpoint.owner_id, endpoint.owner_key_id = actor.user_id, actor.key_id


def _disable(scope: Scope, endpoint: WebhookEndpoint, reason: DisabledReason) -> None:
    endpoint.disabled_at, endpoint.disabled_reason = scope.now(), reason.value
    endpoint.due_at = None


def _change(scope: Scope, type: EventType, endpoint: WebhookEndpoint, before: Snapshot) -> None:
    endpoint.version += 1
    endpoint.updated_at = scope.now()
    after = snapshot(endpoint)
    scope.emit(Event(type, "WebhookEndpoint", endpoint.id, before=before, after=after))


def _sorted(types: Sequence[EventType]) -> list[str]:
    return sorted({each.value for each in types})


def _url_refusals(scope: Scope, url: str) -> list[Refusal]:
    problem = url_problem(url, allows_loopback=scope.service(Outbound).allows_loopback)
    return [] if problem is None else [Invalid(problem, path=("url",))]


def _description_refusals(text: str | None) -> list[Refusal]:
    if text is None or len(text) <= MAX_DESCRIPTION:
        return []
    problem = f"The description must be at most {MAX_DESCRIPTION} characters long."
    return [Invalid(problem, path=("description",))]


def _type_refusals(actor: Actor, types: Sequence[EventType]) -> list[Refusal]:
    if not types:
        return [Required(path=("event_types",))]
    refused: list[Refusal] = []
    for place, each in enumerate(types):
        path = ("event_types", place)
        if each not in TOPICS:
            refused.append(Invalid(f"{each.value} isn't sent by webhooks.", path=path))
        elif not may(actor, needed := NEEDED[TOPICS[each]]):
            problem = f"{each.value} needs the permission {needed}, which you don't have."
            refused.append(Invalid(problem, path=path))
    return refused


async def _query_refusals(scope: Scope, query: str | None) -> list[Refusal]:
    if query is None:
        return []
    if len(query) > MAX_QUERY:
        problem = f"The query must be at most {MAX_QUERY:,} characters long."
        return [Invalid(problem, path=("query",))]
    problems = await scope.service(ObjectQueries).problems(query)  # type: ignore[type-abstract]
    return [Invalid(each, path=("query",)) for each in problems]
