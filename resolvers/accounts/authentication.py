"""Authenticates callers by access tokens and API keys, and users by passwords."""

import math
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Final, cast
from uuid import UUID

from sqlalchemy import Select

from domain.accounts.users import Role, password_refusals
from domain.core.contact import normalised_email
from domain.core.ids import ApiKeyId
from domain.core.refusals import Path, Refusal
from kit.actor import ANONYMOUS, Actor, ActorKind, Request
from kit.errors import Throttled
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from kit.security.authenticator import Credentials
from kit.security.login_throttle import LoginThrottle
from kit.security.network_addresses import network_of
from kit.security.passwords import Checked, Passwords
from kit.security.priority_semaphore import Lane
from kit.security.tokens import Claims, KeyToken, PlatformKey
from kit.settings import Settings
from models.accounts.sessions import BEARER, CREATOR
from models.accounts.users import User, user_of, user_with_email
from models.tenants import tenant_id_of, tenant_of
from resolvers.accounts.api_keys import actor_of_key, actor_of_key_id

OPERATOR: Final = Actor(ActorKind.PLATFORM_OPERATOR)
"""Any caller with a key of the platform."""


def actor_finder(runtime: Runtime) -> Callable[[Credentials], Awaitable[Actor | None]]:
    """Returns the function that finds the actor of credentials, in a snapshot of its own."""

    settings = cast("Settings", runtime.services[Settings])
    operator_hashes = frozenset(map(bytes.fromhex, settings.platform_keys))

    async def find(credentials: Credentials) -> Actor | None:
        if isinstance(credentials, PlatformKey):
            return OPERATOR if credentials.hash in operator_hashes else None
        scope = Scope(runtime, ANONYMOUS, Request(new_id()))
        try:
            if isinstance(credentials, KeyToken):
                return await actor_of_key(scope, credentials)
            return await actor_of(scope, credentials)
        finally:
            await scope.close()

    return find


async def actor_of(scope: Scope, claims: Claims) -> Actor | None:
    """Returns the actor of an access token; None if its session or user is no longer active."""
    await scope.enter(claims.tenant_id)
    users, plans = await scope.read_batch_outside(
        BEARER, session_id=claims.session_id, user_id=claims.user_id
    )
    return actor_for(users[0], claims.session_id, plan=plans[0].plan_code) if users else None


def actor_for(user: User, session_id: UUID | None = None, *, plan: str) -> Actor:
    """Returns the actor of a user."""
    is_customer = user.role == Role.CUSTOMER
    return Actor(
        kind=ActorKind.CUSTOMER if is_customer else ActorKind.USER,
        tenant_id=user.tenant_id,
        user_id=user.id,
        session_id=session_id,
        role=user.role,
        own_id=user.customer_id,
        plan=plan,
    )


async def actor_of_creator(scope: Scope, user_id: UUID | None, key_id: UUID | None) -> Actor | None:
    """Returns the user or API key that created something, with the permissions of now.

    None if the account is closed, or the key invalid. One of the ids is None.
    """
    if key_id is not None:
        return await actor_of_key_id(scope, ApiKeyId(key_id))
    assert user_id is not None
    users, plans = await scope.read_batch_outside(CREATOR, user_id=user_id)
    if not users or not users[0].has_joined:
        return None
    return actor_for(users[0], plan=plans[0].plan_code)


def lock_of(user_id: UUID) -> tuple[object, ...]:
    """Returns the lock of a user's credentials: password, sessions and mailed secrets."""
    return ("user", user_id)


async def locked_user(scope: Scope, id: UUID) -> User | None:
    """Locks a user's credentials and reads the user; None if they can't log in."""
    await scope.lock(lock_of(id))
    user = await scope.one(user_of(scope.tenant_id, id))
    return user if user is not None and user.has_joined else None


async def user_called(
    scope: Scope,
    *,
    subdomain: str,
    email: str,
    find: Callable[[UUID, str], Select[User]] = user_with_email,
) -> User | None:
    """Returns the user with an e-mail address, and enters their tenant."""
    address = normalised_email(email)
    tenant_id = await scope.read_outside(tenant_id_of(subdomain.strip().lower()))
    if tenant_id is None or address is None:
        return None
    await scope.enter(tenant_id)
    return await scope.read_outside(find(tenant_id, address))


async def new_password_refusals(
    scope: Scope, user: User, password: str, *, path: Path
) -> list[Refusal]:
    """Returns the refusals of a user's new password. Call it before the first statement."""
    tenant = await scope.read_outside(tenant_of(user.tenant_id))
    assert tenant is not None, "a user has one"
    words = [tenant.name, tenant.subdomain, user.name]
    return list(password_refusals(password, email=user.email, words=words, path=path))


async def check_password(
    scope: Scope,
    password: str,
    known_hash: str | None,
    *,
    account: str,
    lane: Lane = Lane.URGENT,
) -> Checked:
    """Verifies a password; without a hash it takes as long, and is wrong.

    Call it before the first statement, because it is slow. Raises Throttled after many failures.
    """
    attempts, clock = scope.service(LoginThrottle), scope.runtime.clock
    # Hashed, because the input may be as long as a request.
    name = sha256(account.encode()).hexdigest()
    address = network_of(scope.request.ip_address)

    def admit() -> None:
        pause = attempts.wait(name, address, now=clock())
        if pause:
            seconds = math.ceil(pause.total_seconds())
            raise Throttled(
                f"Too many wrong passwords; try again in {seconds} s.", retry_after_seconds=seconds
            )

    checked = await scope.service(Passwords).check(password, known_hash, lane=lane, admit=admit)
    if checked.right:
        attempts.succeeded(name, address)
    else:
        attempts.failed(name, address, now=clock())
    return checked
