"""The public page of a venue: what anybody may see of it, and nothing else."""

from datetime import date
from typing import Annotated
from uuid import UUID

from sqlmodel import col
from typing_extensions import Doc

from integrations.human_proof.one_time import OneTimeProofs
from integrations.human_proof.protocol import Challenge
from kit.actor import Actor
from kit.errors import BadInput
from kit.postgres.keyset_pagination import Listing, Order
from kit.scope import Scope
from models.tenants import Tenant, tenant_id_of, tenant_of
from models.venue.rooms import Room, rooms_of
from resolvers.bookings.availability import Availability, AvailabilityQuery
from resolvers.bookings.availability import availability as find_availability
from resolvers.venue import hours
from resolvers.venue.hours import OpeningDay


def public(scope: Scope, tenant_id: UUID) -> Scope:
    """The tenant as anybody sees it, whoever asks: with no permission at all."""
    return scope.as_actor(Actor(kind=None, tenant_id=tenant_id))


async def venue(scope: Scope, *, subdomain: Annotated[str, Doc("The venue's.")]) -> Tenant | None:
    """The public page of a venue; null for an unknown subdomain."""
    tenant_id = await scope.value(tenant_id_of(subdomain.strip().lower()))
    return None if tenant_id is None else await public(scope, tenant_id).one(tenant_of(tenant_id))


def rooms(scope: Scope) -> Listing[Room]:
    """The rooms that are in use, by name."""
    in_use = rooms_of(scope.tenant_id).where(col(Room.archived_at).is_(None))
    return Listing(Room, in_use, (Order(Room.name_key),))


async def opening_hours(
    scope: Scope,
    room: Room,
    *,
    from_: Annotated[date, Doc("The first day.")],
    days: Annotated[int, Doc("How many days: 1 to 62.")] = 7,
) -> list[OpeningDay]:
    """The opening hours in force, a day each. At most 62 days; 1 point for every 7 days begun."""
    return await hours.opening_hours(public(scope, room.tenant_id), room, from_=from_, days=days)


async def guest_challenge(scope: Scope, venue: Tenant) -> Challenge | None:
    """A new challenge, whose solution `holdAsGuest` or `bookAsGuest` takes as `guestProof`; null
    where the venue asks for none.
    """
    if not (venue.allows_guest_booking and venue.requires_guest_proof):
        return None
    return scope.service(OneTimeProofs).challenge(venue.id)


async def availability(
    scope: Scope, venue: Tenant, *, query: Annotated[AvailabilityQuery, Doc("What is looked for.")]
) -> Availability:
    """The slots of rooms in a time: at most 31 days and 10,000 slots.

    Costs 1 point, and 1 for each day begun and room: `roomIds`, or 20 rooms where these are absent.
    """
    if query.exclude_booking_id is not None:
        raise BadInput("`excludeBookingId` is for those who may read bookings.")
    return await find_availability(public(scope, venue.id), query=query)
