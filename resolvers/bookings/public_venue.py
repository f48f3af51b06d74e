"""The public page of a venue, with only the data that is public."""

from datetime import date
from typing import Annotated
from uuid import UUID

from sqlmodel import col
from typing_extensions import Doc

from integrations.human_proof.one_time import OneTimeProofs
from integrations.human_proof.protocol import Challenge
from kit.actor import Actor
from kit.errors import BadInput
from kit.graphql.selected import EVERYTHING, Selected
from kit.postgres.keyset_pagination import Listing, Order
from kit.scope import Scope
from models.tenants import Tenant, tenant_id_of, tenant_of
from models.venue.rooms import Room, rooms_of
from resolvers.bookings.availability import Availability, AvailabilityQuery
from resolvers.bookings.availability import availability as find_availability
from resolvers.venue import hours
from resolvers.venue.hours import OpeningDay


def public(scope: Scope, tenant_id: UUID) -> Scope:
    """Returns a scope of the tenant without any permission, for any caller."""
    return scope.as_actor(Actor(kind=None, tenant_id=tenant_id))


async def venue(
    scope: Scope, *, subdomain: Annotated[str, Doc("The subdomain of the venue.")]
) -> Tenant | None:
    """The public data of a venue. Null if no venue has this subdomain."""
    tenant_id = await scope.value(tenant_id_of(subdomain.strip().lower()))
    return None if tenant_id is None else await public(scope, tenant_id).one(tenant_of(tenant_id))


def rooms(scope: Scope) -> Listing[Room]:
    """The rooms in use, sorted by name."""
    in_use = rooms_of(scope.tenant_id).where(col(Room.archived_at).is_(None))
    return Listing(Room, in_use, (Order(Room.name_key),))


async def opening_hours(
    scope: Scope,
    room: Room,
    *,
    from_: Annotated[date, Doc("The first day, in the venue's time zone.")],
    days: Annotated[int, Doc("The number of days: 1 to 62.")] = 7,
) -> list[OpeningDay]:
    """The opening hours that apply on each of a number of days, with exceptions taken into account.

    Costs 1 point for every 7 days begun.
    """
    return await hours.opening_hours(public(scope, room.tenant_id), room, from_=from_, days=days)


async def guest_challenge(scope: Scope, venue: Tenant) -> Challenge | None:
    """A new challenge, whose solution is the `guestProof` of `holdAsGuest` or `bookAsGuest`.

    Null if the venue requires none.
    """
    if not (venue.allows_guest_booking and venue.requires_guest_proof):
        return None
    return scope.service(OneTimeProofs).challenge(venue.id)


async def availability(
    scope: Scope,
    venue: Tenant,
    *,
    query: Annotated[AvailabilityQuery, Doc("The period, rooms and duration to search for.")],
    selected: Selected = EVERYTHING,
) -> Availability:
    """Search for slots in a period of at most 31 days.

    If there could be more than 10,000 slots, the query is refused: choose fewer rooms or days.
    Costs 1 point, plus 1 point for each room and each day begun; without `roomIds` 20 rooms are
    charged.
    """
    if query.exclude_booking_id is not None:
        raise BadInput("You need the permission `bookings:read` for `excludeBookingId`.")
    return await find_availability(public(scope, venue.id), query=query, selected=selected)
