"""The public page of a venue: its rooms, when they are open, what they cost, what is free."""

from datetime import datetime

import strawberry

from domain.bookings.slots import SlotState
from domain.core.local_time import TimeZone
from domain.core.money import CurrencyCode
from integrations.human_proof import protocol
from kit.graphql.cost import Cost
from permissions.roles import P
from resolvers.bookings import public_venue
from schema.bookings.availability import rooms_times_days
from schema.core.connections import Connection, connection
from schema.core.enums import describe
from schema.core.fields import column, computed, id_column, query, value
from schema.core.money import Money
from schema.venue.opening_hours import OpeningDay

describe(
    protocol.ProofKind,
    "How a guest proves that a person is there.",
    PROOF_OF_WORK="The browser computes for a moment, with the ALTCHA widget.",
    TURNSTILE="The widget of Cloudflare Turnstile.",
    HCAPTCHA="The widget of hCaptcha.",
    RECAPTCHA="The widget of Google reCAPTCHA.",
)


@value()
class VenueRoom:
    """A room as anybody sees it."""

    id: strawberry.ID = id_column("Room", "For asking and booking.")
    name: str = column("What people call it.")
    description: str | None = column("For people who choose a room.")
    category: str | None = column("Groups rooms of a kind.")
    capacity: int = column("How many people it holds.")
    color: str | None = column("For calendars: '#RRGGBB'.")
    hourly_rate: Money | None = column("What an hour costs; null without a price.")
    opening_hours: list[OpeningDay] = computed(
        public_venue.opening_hours, cost=Cost(0, size=lambda given: -(-given["days"] // 7))
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


@value(protocol.Challenge)
class GuestChallenge:
    """What a guest's browser solves, to show that a person is there."""

    kind: protocol.ProofKind = column("How it is solved.")
    challenge: str | None = column(
        "For PROOF_OF_WORK: JSON for the ALTCHA widget, version 2; null for the others."
    )
    site_key: str | None = column("What the provider's widget is set up with; null for others.")
    expires_at: datetime | None = column(
        "When a solution is refused for being late; null where the provider knows."
    )


@value()
class Venue:
    """A venue as anybody sees it, without any login."""

    name: str = column("What people call it.")
    subdomain: str = column("Its address for logging in, signing up and booking.")
    time_zone: TimeZone = column("Its wall clock: an IANA zone.")
    currency_code: CurrencyCode = column("The currency of all its prices.")
    allows_guest_booking: bool = column("Whether times can be held and booked without an account.")
    guest_challenge: GuestChallenge | None = computed(public_venue.guest_challenge)
    rooms: Connection[VenueRoom] = connection(
        public_venue.rooms, inside=lambda scope, venue: public_venue.public(scope, venue.id)
    )
    availability: VenueAvailability | None = computed(
        public_venue.availability, cost=Cost(1, size=rooms_times_days)
    )


@strawberry.type
class VenueQueries:
    venue: Venue | None = query(public_venue.venue, requires=P.PUBLIC)
