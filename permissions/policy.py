"""May this caller do this, to this row? Pure rules over the grants."""

from dataclasses import replace
from typing import Protocol, runtime_checkable

from domain.accounts.users import Role
from kit.actor import Actor, ActorKind
from kit.errors import Forbidden, RequestError, Unauthenticated
from permissions.roles import GRANTS, GrantScope, P, Permission


@runtime_checkable
class Owned(Protocol):
    """A row that says itself whose it is."""

    def is_owned_by(self, actor: Actor) -> bool: ...


def grant_of(actor: Actor, permission: Permission) -> GrantScope | None:
    """How far the caller's grant goes; None when there is none. The system may do anything."""
    if actor.kind is ActorKind.SYSTEM:
        return GrantScope.ANY
    if actor.scopes is not None and permission not in actor.scopes | {P.PUBLIC}:
        return None
    return GRANTS[Role(actor.role) if actor.role else None].get(permission)


def only_own(actor: Actor, permission: Permission) -> bool:
    """Is the caller confined to their own rows here?"""
    return grant_of(actor, permission) is GrantScope.OWN


def may(actor: Actor, permission: Permission, row: object = None) -> bool:
    """Without a row: may the caller at all? With one: may they, to this one?"""
    match grant_of(actor, permission):
        case GrantScope.ANY:
            return True
        case GrantScope.OWN:
            return row is None or owns(actor, row)
        case None:
            return False


def may_for_every_row(actor: Actor, permission: Permission, own: bool) -> bool:
    """May the caller, whatever row it is? If ``own``, whatever row of their own."""
    match grant_of(actor, permission):
        case GrantScope.ANY:
            return True
        case GrantScope.OWN:
            return own
        case None:
            return False


def may_manage(actor: Actor, role: Role) -> bool:
    """May the caller make somebody this, or change or remove somebody who is?

    Nobody reaches above themselves, and a key not even those who are its maker's equals.
    """
    if actor.role is None:
        return False
    own = Role(actor.role)
    return own.is_above(role) if actor.kind is ActorKind.API_KEY else not role.is_above(own)


def owns(actor: Actor, row: object) -> bool:
    """Is the row the caller's own? What isn't ``Owned`` is nobody's."""
    return isinstance(row, Owned) and row.is_owned_by(actor)


def is_guest(actor: Actor) -> bool:
    """Does somebody without an account act, by a venue's public page or a link?"""
    return actor.kind is ActorKind.CUSTOMER and actor.user_id is None


def is_stranger(actor: Actor) -> bool:
    """Does somebody act whose address nobody has proved: a guest, or a user yet to verify it?"""
    return actor.kind is ActorKind.CUSTOMER and actor.own_id is None


def visibility_key(actor: Actor) -> Actor:
    """All of a caller that decides what they may see: callers with equal keys see the same.

    Of two who are confined to their own rows, neither sees what the other does.
    """
    grants = GRANTS[Role(actor.role) if actor.role else None]
    user_id = actor.user_id if GrantScope.OWN in grants.values() else None
    return replace(actor, user_id=user_id, session_id=None, key_id=None)


def refusal(actor: Actor, permission: Permission) -> RequestError:
    """The error for a caller who may not."""
    if actor.kind is None:
        return Unauthenticated("Log in first; this requires an access token.")
    return Forbidden(f"This requires the permission {permission}.")


def permissions_of(role: Role) -> list[str]:
    """What a role may, for a client that hides what it can't do; one's own ends with `:own`."""
    return sorted(
        permission if grant is GrantScope.ANY else f"{permission}:own"
        for permission, grant in GRANTS[role].items()
    )
