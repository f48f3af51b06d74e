"""API keys: creates, lists, revokes and authenticates them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from sqlalchemy import Select
from typing_extensions import Doc

from domain.core.contact import name_refusals
from domain.core.ids import ApiKeyId
from domain.core.log_events import Event, EventType
from domain.core.refusals import Invalid, LimitReached, Refusal, Required
from domain.core.text import tidy_name
from kit.actor import Actor, ActorKind
from kit.background_tasks import BackgroundTasks
from kit.postgres.keyset_pagination import Listing, Order
from kit.scope import Scope
from kit.security.tokens import KeyToken
from models.accounts.api_keys import (
    ApiKey,
    api_keys_of,
    key_used,
    key_with,
    keys_counted,
    open_keys_of,
    valid_key,
)
from models.accounts.users import User
from models.core.base import snapshot
from permissions.policy import may, own_user_id
from permissions.roles import FOR_KEYS, Permission
from resolvers.core.lookups import get_or_refuse, raise_all
from resolvers.core.transactions import perform

MAX_KEYS: Final = 50
"""The most active keys of a tenant; revoked and expired ones don't count."""
BETWEEN_NOTES: Final = timedelta(minutes=1)
"""How often the use of a key is recorded at most."""


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A new key with its secret, which can't be retrieved later."""

    api_key: ApiKey
    secret: str = field(repr=False)


def visible_api_keys(scope: Scope) -> Select[ApiKey]:
    return api_keys_of(scope.tenant_id)


def api_keys(scope: Scope) -> Listing[ApiKey]:
    """The API keys of the tenant, newest first, including revoked ones."""
    order = (Order(ApiKey.created_at, descending=True),)
    return Listing(ApiKey, visible_api_keys(scope), order)


async def create_api_key(
    scope: Scope,
    *,
    name: Annotated[str, Doc("The name of the key, which also appears in the audit log.")],
    permissions: Annotated[
        tuple[str, ...], Doc("The permissions of the key, such as 'bookings:read': at least one.")
    ],
    expires_at: Annotated[datetime | None, Doc("When the key expires; never by default.")] = None,
) -> NewApiKey:
    """Create an API key for a program. A tenant can have at most 50 valid keys.

    The secret is returned only once; the program sends it in the same header as an access token.
    The key can do what its `permissions` allow, as long as the user who creates it can do that too.
    It is revoked when that user's account is deactivated.
    """
    name = tidy_name(name)
    refused: list[Refusal] = [
        *name_refusals(name, path=("name",)),
        *_permission_refusals(scope.actor, permissions),
    ]
    creator_id = own_user_id(scope.actor)
    await scope.lock(("api keys",))
    used = await scope.value(keys_counted(scope.tenant_id, now=scope.now()))
    if used >= MAX_KEYS:
        refused.append(LimitReached("API keys", limit=MAX_KEYS, used=used))
    if expires_at is not None and expires_at <= scope.now():
        refused.append(Invalid("The expiry must be in the future.", path=("expires_at",)))
    raise_all(refused)
    token = KeyToken.new(scope.tenant_id)
    key = ApiKey(
        tenant_id=scope.tenant_id,
        name=name,
        prefix=token.prefix,
        token_hash=token.hash,
        permissions=sorted(set(permissions)),
        created_by_id=creator_id,
        created_at=scope.now(),
        expires_at=expires_at,
    )
    scope.add(key)
    scope.emit(Event(EventType.API_KEY_CREATED, "ApiKey", key.id, after=snapshot(key)))
    return NewApiKey(key, str(token))


async def revoke_api_key(
    scope: Scope, id: Annotated[ApiKeyId, Doc("The id of the API key.")]
) -> ApiKey:
    """Revoke an API key.

    It takes effect within a second, and open connections of the key are closed.
    """
    await scope.lock(("api key", id))
    key = await get_or_refuse(scope, visible_api_keys(scope), id, what="API key")
    if key.revoked_at is None:
        _revoke(scope, key)
    return key


async def revoke_keys_of(scope: Scope, user: User) -> None:
    """Revokes all keys that a user has created, for good: also if the account is reactivated.

    Takes no lock.
    """
    for key in await scope.all(open_keys_of(user.tenant_id, user.id)):
        _revoke(scope, key)


def _revoke(scope: Scope, key: ApiKey) -> None:
    before = snapshot(key)
    key.revoked_at = scope.now()
    scope.emit(
        Event(EventType.API_KEY_REVOKED, "ApiKey", key.id, before=before, after=snapshot(key))
    )


# ------------------------------------------------------------------------------ authentication


async def actor_of_key(scope: Scope, token: KeyToken) -> Actor | None:
    """Returns the actor of a key; None if it is unknown, expired or revoked."""
    await scope.enter(token.tenant_id)
    rows = await scope.rows(key_with(token.tenant_id, token.hash))
    actor = _actor_of(scope, rows)
    if actor is None:
        return None
    key = rows[0][0]
    if key.last_used_at is None or scope.now() - key.last_used_at >= BETWEEN_NOTES:
        _note_use(scope, actor, ApiKeyId(key.id))
    return actor


async def actor_of_key_id(scope: Scope, id: ApiKeyId) -> Actor | None:
    """Returns the actor of a key with the permissions that it has now; None if it is invalid.

    For what the key has requested before: it isn't checked that the caller has the key.
    """
    return _actor_of(scope, await scope.rows(valid_key(scope.tenant_id, id)))


def _actor_of(scope: Scope, rows: Sequence[Any]) -> Actor | None:
    if not rows:
        return None
    key, role, plan = rows[0]
    if key.expires_at is not None and key.expires_at <= scope.now():
        return None
    return Actor(
        ActorKind.API_KEY,
        key.tenant_id,
        role=role,
        plan=plan,
        key_id=key.id,
        scopes=frozenset(key.permissions),
    )


def _note_use(scope: Scope, actor: Actor, id: ApiKeyId) -> None:
    async def note(writing: Scope) -> None:
        await writing.lock()
        now = writing.now()
        await writing.run(key_used(writing.tenant_id, id, at=now, unless_since=now - BETWEEN_NOTES))

    async def write() -> None:
        await perform(scope.runtime, actor, scope.request, note)

    # In the background: the request doesn't wait for it.
    scope.service(BackgroundTasks).start("API key used", write())


def _permission_refusals(actor: Actor, given: tuple[str, ...]) -> list[Refusal]:
    if not given:
        return [Required(path=("permissions",))]
    return [
        Invalid("You can't give this permission to a key.", path=("permissions", place))
        for place, text in enumerate(given)
        if text not in FOR_KEYS or not may(actor, Permission(text))
    ]
