"""The public page of a venue: its rooms, when they are open, what they cost, what is free."""

from datetime import datetime

import strawberry

import models
from domain.money import CurrencyCode
from domain.slots import SlotState
from domain.venue_time import TimeZone
from kit.cost import Cost
from permissions.roles import P
from resolvers import payment_settings, venues
from schema.availability import rooms_times_days
from schema.fields import column, computed, query, value
from schema.ids import encode_id
from schema.money import Money
from schema.opening_hours import OpeningDay
from schema.pages import Connection, connection
from schema.payments import PaymentSettings


def _room_id(root: models.Room) -> strawberry.ID:
    return strawberry.ID(encode_id("Room", root.id))


@value()
class VenueRoom:
    """A room as anybody sees it."""

    id: strawberry.ID = strawberry.field(resolver=_room_id, description="For asking and booking.")
    name: str = column("What people call it.")
    description: str | None = column("For people who choose a room.")
    category: str | None = column("Groups rooms of a kind.")
    capacity: int = column("How many people it holds.")
    color: str | None = column("For calendars: '#RRGGBB'.")
    hourly_rate: Money | None = column("What an hour costs; null without a price.")
    opening_hours: list[OpeningDay] = computed(
        venues.opening_hours, cost=Cost(0, size=lambda given: -(-given["days"] // 7))
    )


@value()
class VenueSlot:
    """A room at a time, as anybody sees it."""

    room: VenueRoom = column("The room.")
    starts_at: datetime = column("When it starts.")
    ends_at: datetime = column("When it ends.")
    state: SlotState = column("Whether it can be booked.")
    price: Money | None = column("What it costs; null without a price.")


@value()
class VenueAvailability:
    """What is free, as of one moment."""

    slots: list[VenueSlot] = column("Room by room, each in order of time; at most 10,000.")
    next_free_slot: VenueSlot | None = column(
        "The first free one from the query's start on, at most 7 days beyond its end."
    )
    computed_at: datetime = column("As of when.")


@value()
class Venue:
    """A venue as anybody sees it, without any login."""

    name: str = column("What people call it.")
    subdomain: str = column("Its address for logging in, signing up and booking.")
    time_zone: TimeZone = column("Its wall clock: an IANA zone.")
    currency_code: CurrencyCode = column("The currency of all its prices.")
    payment_settings: PaymentSettings = computed(payment_settings.payment_terms)
    rooms: Connection[VenueRoom] = connection(
        venues.rooms, inside=lambda scope, venue: venues.public(scope, venue.id), backward=False
    )
    availability: VenueAvailability | None = computed(
        venues.availability, cost=Cost(1, size=rooms_times_days)
    )


@strawberry.type
class VenueQueries:
    venue: Venue | None = query(venues.venue, requires=P.PUBLIC)
