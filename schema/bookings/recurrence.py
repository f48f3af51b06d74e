"""Recurring bookings: what a rule would book, before it is booked."""

from datetime import datetime

import strawberry

from domain.bookings.slots import SlotState
from domain.core.local_time import RRule
from kit.graphql.cost import Cost
from permissions.roles import P
from resolvers.bookings import recurrence
from schema.bookings.availability import SlotReason
from schema.bookings.bookings import LocalPeriod
from schema.core.fields import column, query, value


@value(recurrence.OccurrencePreview)
class OccurrencePreview:
    """An occurrence of a recurring booking that isn't booked yet."""

    starts_at: datetime = column("When the occurrence starts.")
    ends_at: datetime = column("When the occurrence ends.")
    local: LocalPeriod = column("The start and end in the venue's local time.")
    moved: bool = column(
        "Whether the clock skips the local time on this date, so that the occurrence starts later "
        "by the gap."
    )
    state: SlotState | None = column("Whether it can be booked now, or null without a room.")
    reasons: list[SlotReason] = column(
        "Why it can't be booked; empty if it can, or without a room."
    )


@value(recurrence.RecurrencePreview)
class RecurrencePreview:
    """The occurrences of a recurrence rule, and what conflicts with them."""

    rrule: RRule = column("The rule in its normal form.")
    occurrences: list[OccurrencePreview] = column("The occurrences by start: at most 366.")
    conflict_count: int | None = column(
        "How many of the occurrences can't be booked, or null without a room."
    )


@strawberry.type
class RecurrenceQueries:
    preview_recurrence: RecurrencePreview | None = query(
        recurrence.preview_recurrence, requires=P.AVAILABILITY_READ, cost=Cost(20)
    )
