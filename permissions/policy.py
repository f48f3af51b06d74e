"""The permission policy: pure rules that decide what an actor may do to a row."""

from dataclasses import replace
from typing import Final, Protocol, runtime_checkable
from uuid import UUID

from domain.accounts.users import Role
from kit.actor import Actor, ActorKind
from kit.errors import Forbidden, RequestError, Unauthenticated
from permissions.roles import FOR_OPERATORS, GRANTS, GrantScope, P, Permission

# By the text of an actor's role: finding its member takes longer than the rest of the check.
_BY_ROLE: Final = {role and role.value: grants for role, grants in GRANTS.items()}


@runtime_checkable
class Owned(Protocol):
    """A row that knows its owner."""

    def is_owned_by(self, actor: Actor) -> bool: ...


def grant_of(actor: Actor, permission: Permission) -> GrantScope | None:
    """Returns the scope of the actor's grant, or None. The system may do anything."""
    if actor.kind is ActorKind.SYSTEM:
        return GrantScope.ANY
    if actor.kind is ActorKind.PLATFORM_OPERATOR:
        return GrantScope.ANY if permission in FOR_OPERATORS else None
    if actor.scopes is not None and permission not in actor.scopes | {P.PUBLIC}:
        return None
    return _BY_ROLE[actor.role].get(permission)


def only_own(actor: Actor, permission: Permission) -> bool:
    """Returns whether the actor has the permission for their own rows only."""
    return grant_of(actor, permission) is GrantScope.OWN


def may(actor: Actor, permission: Permission, row: object = None) -> bool:
    """Returns whether the actor has the permission for a row; without a row, for any."""
    match grant_of(actor, permission):
        case GrantScope.ANY:
            return True
        case GrantScope.OWN:
            return row is None or owns(actor, row)
        case None:
            return False


def may_for_every_row(actor: Actor, permission: Permission, own: bool) -> bool:
    """Returns whether the actor has the permission for every row; if ``own``, for every own row."""
    match grant_of(actor, permission):
        case GrantScope.ANY:
            return True
        case GrantScope.OWN:
            return own
        case None:
            return False


def may_manage(actor: Actor, role: Role) -> bool:
    """Returns whether the actor may assign a role, and change or remove users who have it.

    Nobody may manage roles above their own; an API key, only those below its creator's.
    """
    if actor.role is None:
        return False
    own = Role(actor.role)
    return own.is_above(role) if actor.kind is ActorKind.API_KEY else not role.is_above(own)


def owns(actor: Actor, row: object) -> bool:
    """Returns whether the actor owns the row; rows that aren't ``Owned`` have no owner."""
    return isinstance(row, Owned) and row.is_owned_by(actor)


def is_guest(actor: Actor) -> bool:
    """Returns whether the actor has no account, and uses a venue's public page or a link."""
    return actor.kind is ActorKind.CUSTOMER and actor.user_id is None


def is_stranger(actor: Actor) -> bool:
    """Returns whether the actor's address is unverified: a guest, or a user yet to verify it."""
    return actor.kind is ActorKind.CUSTOMER and actor.own_id is None


def own_user_id(actor: Actor) -> UUID:
    """Returns the user that the actor is. Raises Forbidden for programs, guests and the system."""
    if actor.user_id is None:
        raise Forbidden("Only a user who is logged in can do this.")
    return actor.user_id


def visibility_key(actor: Actor) -> Actor:
    """Returns everything that decides what an actor may see: equal keys see the same.

    Actors who see only their own rows have different keys.
    """
    grants = _BY_ROLE[actor.role]
    user_id = actor.user_id if GrantScope.OWN in grants.values() else None
    return replace(actor, user_id=user_id, session_id=None, key_id=None)


def refusal(actor: Actor, permission: Permission) -> RequestError:
    """Returns the error for an actor without the permission."""
    if permission in FOR_OPERATORS:
        problem = "This requires a platform key of the installation's operator."
        return Unauthenticated(problem) if actor.kind is None else Forbidden(problem)
    if actor.kind is None:
        return Unauthenticated("Log in first; this requires an access token.")
    if actor.kind is ActorKind.PLATFORM_OPERATOR:
        return Forbidden("A platform key can't read this: it reads `platformMetrics` only.")
    return Forbidden(f"This requires the permission {permission}.")


def permissions_of(role: Role) -> list[str]:
    """Returns a role's permissions, for clients; those for own rows end with `:own`."""
    return sorted(
        permission if grant is GrantScope.ANY else f"{permission}:own"
        for permission, grant in GRANTS[role].items()
    )
