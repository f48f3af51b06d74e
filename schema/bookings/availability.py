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
from schema.core.enums import Code, describe
from schema.core.fields import column, id_column, query, value
from schema.core.inputs import input_type
from schema.core.money import Money
from schema.core.scalars import JSON
from schema.venue.rooms import Room

describe(
    SlotState,
    "Whether a slot can be booked.",
    FREE="A booking sent next succeeds.",
    BUSY="Another booking has the time, or lies closer than the buffers allow.",
    BLOCKED="A rule of the venue refuses the time.",
)
input_type(
    LocalStart,
    "A time on the venue's wall clock.",
    name="LocalStartInput",
    date="The date there.",
    time="The time there.",
    fold="Which of a repeated hour; required only then: 0 first, 1 second.",
)
input_type(
    Start,
    "An instant, or a wall-clock time of the venue; exactly one.",
    name="StartInput",
    one_of=True,
    at="An instant.",
    local="A time on the venue's wall clock.",
)
input_type(
    answers.AvailabilityQuery,
    "What is looked for: slots that start within a time.",
    name="AvailabilityQuery",
    room_ids="In these rooms, at most 100; absent: in all that are in use.",
    from_="From this instant on.",
    to="Before this instant; at most 31 days later.",
    duration_minutes="How long it is to be: 1 to 44,700, which is 31 days and an hour.",
    party_size="For how many people.",
    include_unavailable="Whether slots within opening hours that are not free are listed too.",
    exclude_booking_id="As if this booking did not exist: to move it.",
)


@value(Busy)
class BusyInterval:
    """Time that is taken; never by whom."""

    room_id: strawberry.ID = id_column("Room", "In which room.")
    starts_at: datetime = column("When it starts.")
    ends_at: datetime = column("When it ends.")


@value(Reason)
class SlotReason:
    """Why a slot is not free. Every failed rule is listed, not only the first."""

    code: Code = column("Which rule.")
    message: str = column("For a person, in English.")
    rule: JSON | None = column("The rule's own numbers.")
    frees_at: datetime | None = column("When this rule alone would let go.")


@value(answers.RoomSlot)
class Slot:
    """A room at a time."""

    room: Room = column("The room.")
    starts_at: datetime = column("When it starts.")
    ends_at: datetime = column("When it ends.")
    state: SlotState = column("Whether it can be booked.")
    price: Money | None = column("What it costs; null without a price.", requires=P.PRICES_READ)
    reasons: list[SlotReason] = column("Every rule that refuses it; empty when it is free.")


@value(availability_changes.SlotKey)
class SlotKey:
    """Which slot: of a room there is at most one at a start."""

    room_id: strawberry.ID = id_column("Room", "In which room.")
    starts_at: datetime = column("When it starts.")


@value(answers.Availability)
class Availability:
    """The answer to a query, as of one moment."""

    slots: list[Slot] = column("Room by room, each in order of time; at most 10,000.")
    next_free_slot: Slot | None = column(
        "The first free one from the query's start on, at most 7 days beyond its end."
    )
    computed_at: datetime = column("As of when.")
    cursor: EventCursor = column("Follow the changes after it and miss none.")


MINUTES_A_DAY: Final = 24 * 60


def rooms_times_days(given: Mapping[str, Any]) -> int:
    """How much there is to look at: the size of a query of availability."""
    asked = given["query"]
    days: int = ceil((asked["to"] - asked["from"]) / timedelta(days=1))
    rooms = asked.get("roomIds")
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
