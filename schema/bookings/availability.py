"""What is free, and why the rest is not."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final

import strawberry

from domain.bookings.refusals import Busy, Reason
from domain.bookings.slots import SlotState
from domain.core.local_time import LocalStart, Start
from kit.events.event_cursors import EventCursor
from kit.graphql.cost import DEFAULT_PAGE_SIZE, Cost
from permissions.roles import P
from resolvers.bookings import availability as answers
from resolvers.bookings import availability_changes
from resolvers.bookings.slot_pages import RoomSlot
from schema.core.enums import Code, describe
from schema.core.fields import column, id_column, query, value
from schema.core.inputs import input_type
from schema.core.money import Money
from schema.core.scalars import JSON
from schema.venue.rooms import Room

describe(
    SlotState,
    "Whether a slot can be booked.",
    FREE="The slot is free: booking it now succeeds.",
    BUSY="Other bookings occupy the time or too many seats, or are closer than the buffers allow.",
    BLOCKED="The opening hours, a blackout or a booking rule of the venue exclude the time.",
)
input_type(
    LocalStart,
    "A start in the venue's local time.",
    name="LocalStartInput",
    date="The local date.",
    time="The local time.",
    fold="If the local time occurs twice because the clock is put back, which one is meant: 0 "
    "for the first, 1 for the second. Required only then.",
)
input_type(
    Start,
    "A start, either as an instant or in the venue's local time.",
    name="StartInput",
    one_of=True,
    at="The start as an instant.",
    local="The start in the venue's local time.",
)
input_type(
    answers.AvailabilityQuery,
    "A search for slots that start within a period.",
    name="AvailabilityQuery",
    room_ids="The rooms to search: at most 100. All rooms in use by default.",
    from_="The start of the period, included.",
    to="The end of the period, excluded: at most 31 days after `from`.",
    duration_minutes="The duration of a slot in minutes: 1 to 44,700, which is 31 days and an "
    "hour.",
    party_size="The number of people.",
    include_unavailable="Whether to include slots within opening hours that are not free.",
    exclude_booking_id="A booking to ignore, for example because it is to be moved.",
)


@value(Busy)
class BusyInterval:
    """A period in which a room is occupied. It does not reveal by whom."""

    room_id: strawberry.ID = id_column("Room", "The id of the occupied room.")
    starts_at: datetime = column("When the period starts.")
    ends_at: datetime = column("When the period ends.")


@value(Reason)
class SlotReason:
    """A reason why a slot is not free. All reasons are listed, not only the first."""

    code: Code = column("The kind of reason, for programs.")
    message: str = column("The reason in English, for a person.")
    rule: JSON | None = column(
        "The values of the rule that excludes the slot, as a JSON object, or null."
    )
    frees_at: datetime | None = column(
        "From when the slot's time would be allowed if this were "
        "the only reason, or null if never or unknown."
    )


@value(RoomSlot)
class Slot:
    """A room at a certain time."""

    room: Room = column("The room of the slot.")
    starts_at: datetime = column("When the slot starts.")
    ends_at: datetime = column("When the slot ends.")
    state: SlotState = column("Whether the slot can be booked.")
    price: Money | None = column(
        "The price of the slot, or null if the room has no price.", requires=P.PRICES_READ
    )
    remaining_seats: int | None = column(
        "The size of the largest party for which the slot is free, or null if the room is booked "
        "as a whole."
    )
    reasons: list[SlotReason] = column("Why the slot is not free; empty if it is free.")


@value(availability_changes.SlotKey)
class SlotKey:
    """The key of a slot: a room and a start."""

    room_id: strawberry.ID = id_column("Room", "The id of the room.")
    starts_at: datetime = column("When the slot starts.")


@value(answers.Availability)
class Availability:
    """The slots that a query found."""

    slots: list[Slot] = column("The slots, grouped by room and sorted by start: at most 10,000.")
    next_free_slot: Slot | None = column(
        "The first free slot from the start of the query's period to 7 days after its "
        "end, or null if there is none."
    )
    computed_at: datetime = column("The instant for which the result is valid.")
    cursor: EventCursor = column(
        "Pass it as `after` to `availabilityChanged` to receive all later changes."
    )


MINUTES_A_DAY: Final = 24 * 60


def rooms_times_days(given: Mapping[str, Any]) -> int:
    """Returns the size of an availability query: its days times its rooms."""
    search = given["query"]
    days: int = ceil((search["to"] - search["from"]) / timedelta(days=1))
    rooms = search.get("roomIds")
    return days * (DEFAULT_PAGE_SIZE if rooms is None else len(rooms))


@strawberry.type
class AvailabilityQueries:
    availability: Availability | None = query(
        answers.availability,
        requires=P.AVAILABILITY_READ,
        cost=Cost(1, size=rooms_times_days),
    )
    explain_slot: Slot | None = query(
        answers.explain_slot,
        requires=P.AVAILABILITY_READ,
        cost=Cost(5, size=lambda given: given["durationMinutes"] // MINUTES_A_DAY),
    )
