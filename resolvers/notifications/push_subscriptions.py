"""Push subscriptions: the browsers to which users want web pushes."""

from collections.abc import Sequence
from typing import Annotated, Final, cast
from uuid import UUID

from sqlalchemy import Select
from typing_extensions import Doc

from domain.core.ids import PushSubscriptionId
from domain.core.log_events import Event, EventType
from domain.core.public_addresses import url_problem
from domain.core.refusals import Invalid, Refusal
from domain.notifications.push_keys import is_auth_secret, is_public_key
from integrations.outbound.client import Outbound
from integrations.push.protocol import Push
from kit.scope import Scope
from models.core.base import snapshot
from models.notifications.push_subscriptions import (
    PushSubscription,
    subscription_at,
    subscription_with,
    subscriptions_of,
)
from permissions.policy import own_user_id
from resolvers.core.lookups import get_or_refuse, raise_all

MAX_SUBSCRIPTIONS: Final = 20
"""The most browsers of a user: the oldest one makes room for another."""


def visible_push_subscriptions(scope: Scope) -> Select[PushSubscription]:
    """Selects the caller's own subscriptions."""
    return subscriptions_of(scope.tenant_id, scope.actor.user_id)


async def push_public_key(scope: Scope) -> str:
    """The `applicationServerKey` for `PushManager.subscribe()` in a browser, in base64url."""
    return cast("Push", scope.runtime.services[Push]).public_key


async def register_push_subscription(
    scope: Scope,
    *,
    endpoint: Annotated[
        str,
        Doc("The `endpoint` of the browser's `PushSubscription`: the address of a push service."),
    ],
    p256dh: Annotated[str, Doc("Its `keys.p256dh`, as `toJSON()` has it.")],
    auth: Annotated[str, Doc("Its `keys.auth`, as `toJSON()` has it.")],
) -> PushSubscription:
    """Send pushes for the caller to a browser, until it is removed or the browser ends it.

    Can be repeated at any time, which keeps its id. If another user has registered the browser
    before, their pushes no longer go to it. A user can have 20 browsers; one more takes the place
    of the oldest.
    """
    user_id = own_user_id(scope.actor)
    raise_all(_problems(scope, endpoint, p256dh, auth))
    await scope.lock(("push subscriptions",))
    found = await scope.one(subscription_at(scope.tenant_id, endpoint))
    if found is not None and found.user_id == user_id:
        found.p256dh, found.auth = p256dh, auth
        return found
    if found is not None:
        await _remove(scope, found)
    own = await scope.all(subscriptions_of(scope.tenant_id, user_id))
    for oldest in own[MAX_SUBSCRIPTIONS - 1 :]:
        await _remove(scope, oldest)
    # What was removed must be gone before its endpoint is stored again.
    await scope.flush()
    new = scope.add(
        PushSubscription(
            tenant_id=scope.tenant_id,
            user_id=user_id,
            endpoint=endpoint,
            p256dh=p256dh,
            auth=auth,
            created_at=scope.now(),
        )
    )
    scope.emit(
        Event(EventType.PUSH_SUBSCRIPTION_ADDED, "PushSubscription", new.id, after=snapshot(new))
    )
    return new


async def remove_push_subscription(
    scope: Scope, id: Annotated[PushSubscriptionId, Doc("The id of the subscription.")]
) -> PushSubscriptionId:
    """Send no more pushes for the caller to a browser, for example because they log out there."""
    await scope.lock(("push subscriptions",))
    own = visible_push_subscriptions(scope)
    await _remove(scope, await get_or_refuse(scope, own, id, what="push subscription"))
    return id


async def push_subscriptions_of(scope: Scope, user_id: UUID) -> Sequence[PushSubscription]:
    """Returns the subscriptions of a user, latest first."""
    return await scope.all(subscriptions_of(scope.tenant_id, user_id))


async def remove_subscription(scope: Scope, id: UUID) -> None:
    """Removes a subscription that the browser has ended, if it is still there."""
    found = await scope.one(subscription_with(scope.tenant_id, id))
    if found is not None:
        await _remove(scope, found)


def _problems(scope: Scope, endpoint: str, p256dh: str, auth: str) -> list[Refusal]:
    problems: list[Refusal] = []
    allows_loopback = scope.service(Outbound).allows_loopback
    if problem := url_problem(endpoint, allows_loopback=allows_loopback):
        problems.append(Invalid(problem, path=("endpoint",)))
    if not is_public_key(p256dh):
        text = "This must be the browser's public key: a point of P-256, in base64url."
        problems.append(Invalid(text, path=("p256dh",)))
    if not is_auth_secret(auth):
        problems.append(Invalid("This must be 16 bytes in base64url.", path=("auth",)))
    return problems


async def _remove(scope: Scope, subscription: PushSubscription) -> None:
    before = snapshot(subscription)
    await scope.remove(subscription)
    scope.emit(
        Event(
            EventType.PUSH_SUBSCRIPTION_REMOVED,
            "PushSubscription",
            subscription.id,
            before=before,
        )
    )
