"""The public page of a venue: its rooms, when they are open, what they cost, what is free."""

from datetime import datetime

import strawberry

from domain.bookings.slots import SlotState
from domain.core.local_time import TimeZone
from domain.core.money import CurrencyCode
from domain.venue.sharing import Sharing
from integrations.human_proof import protocol
from kit.graphql.cost import Cost
from models.venue import sql_fields
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
    "The kind of challenge that keeps bots away.",
    PROOF_OF_WORK="A short computation in the browser, with the ALTCHA widget.",
    TURNSTILE="Cloudflare Turnstile.",
    HCAPTCHA="The hCaptcha widget.",
    RECAPTCHA="The Google reCAPTCHA widget.",
)


@value()
class VenueRoom:
    """The public data of a room."""

    id: strawberry.ID = id_column("Room", "The id of the room, to search for slots and to book.")
    name: str = column("The name of the room.")
    description: str | None = column("A description of the room, or null.")
    category: str | None = column("A category by which rooms are grouped, or null.")
    capacity: int = column("The maximum number of people.")
    color: str | None = column("The color of the room in calendars, as '#RRGGBB', or null.")
    hourly_rate: Money | None = column("The price of one hour, or null if the room has no price.")
    sharing: Sharing = column(
        "Whether the room is booked as a whole or by its seats.", sql=sql_fields.sharing
    )
    seats: int | None = column(
        "The number of seats that can be booked at the same time, or null if the room is booked "
        "as a whole."
    )
    opening_hours: list[OpeningDay] = computed(
        public_venue.opening_hours, cost=Cost(0, size=lambda given: -(-given["days"] // 7))
    )


@value()
class VenueSlot:
    """The public data of a slot: a room at a certain time."""

    room: VenueRoom = column("The room of the slot.")
    starts_at: datetime = column("When the slot starts.")
    ends_at: datetime = column("When the slot ends.")
    state: SlotState = column("Whether the slot can be booked.")
    price: Money | None = column("The price of the slot, or null if the room has no price.")
    remaining_seats: int | None = column(
        "The size of the largest party for which the slot is free, or null if the room is booked "
        "as a whole."
    )


@value()
class VenueAvailability:
    """The slots that a query found."""

    slots: list[VenueSlot] = column(
        "The slots, grouped by room and sorted by start: at most 10,000."
    )
    next_free_slot: VenueSlot | None = column(
        "The first free slot from the start of the query's period to 7 days after its "
        "end, or null if there is none."
    )
    computed_at: datetime = column("The instant for which the result is valid.")


@value(protocol.Challenge)
class GuestChallenge:
    """A challenge that the guest's browser solves, to keep bots away."""

    kind: protocol.ProofKind = column("The kind of the challenge.")
    challenge: str | None = column(
        "For PROOF_OF_WORK, the JSON for version 2 of the ALTCHA widget; otherwise null."
    )
    site_key: str | None = column(
        "For other kinds, the site key for the provider's widget; null for PROOF_OF_WORK."
    )
    expires_at: datetime | None = column(
        "When the challenge expires, or null if only the provider knows."
    )


@value()
class Venue:
    """The public data of a venue, which can be read without logging in."""

    name: str = column("The name of the venue.")
    subdomain: str = column("The unique name of the venue, to log in, sign up and book with.")
    time_zone: TimeZone = column("The time zone of the venue.")
    currency_code: CurrencyCode = column("The currency of all prices of the venue.")
    allows_guest_booking: bool = column("Whether people can book without an account.")
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
