"""May this caller do this, to this row? Pure rules over the grants."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from domain.accounts.users import Role
from kit.actor import Actor, ActorKind
from kit.errors import Forbidden, RequestError, Unauthenticated
from models.accounts.users import User
from models.bookings.bookings import Booking
from models.customers import Customer
from permissions.roles import GRANTS, GrantScope, P, Permission


@dataclass(frozen=True, slots=True)
class BookingOwner:
    """What says whose a booking is, for readers that don't load the whole row."""

    id: UUID
    customer_id: UUID | None
    held_by_id: UUID | None


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
    """Is the row the caller's own: their customer record, a booking of it, their user?"""
    match row:
        case Customer():
            return row.id == actor.own_id
        case Booking() | BookingOwner():
            return _owns_booking(actor, row)
        case User():
            return row.id == actor.user_id
        case _:
            return False


def owned_until(actor: Actor, booking: BookingOwner, before: Mapping[str, object] | None) -> bool:
    """Was a booking the caller's own until a change? ``before`` is what the log kept of it."""
    if before is None:
        return False
    customer = before.get("customer_id", booking.customer_id)
    customer_id = UUID(str(customer)) if customer is not None else None
    return owns(actor, replace(booking, customer_id=customer_id))


def _owns_booking(actor: Actor, booking: Booking | BookingOwner) -> bool:
    if actor.confined_to is not None:
        return booking.id == actor.confined_to
    if booking.customer_id is not None:
        return booking.customer_id == actor.own_id
    # Held by somebody who is no customer yet: their address is still to be verified.
    return booking.held_by_id is not None and booking.held_by_id == actor.user_id


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
        return Unauthenticated("Log in first: this needs an access token.")
    return Forbidden(f"This needs the permission {permission}.")


def permissions_of(role: Role) -> list[str]:
    """What a role may, for a client that hides what it can't do; one's own ends with `:own`."""
    return sorted(
        permission if grant is GrantScope.ANY else f"{permission}:own"
        for permission, grant in GRANTS[role].items()
    )
