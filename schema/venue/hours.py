"""Opening hours: the weekly plans, and the dates with other hours."""

import datetime

import strawberry

import models
from domain.core.log_events import EventType
from kit.graphql.cost import Cost
from permissions.roles import P
from resolvers.venue import hours
from schema.core.fields import Node, column, node, query, related
from schema.core.mutations import deleted_id, mutation, payload
from schema.venue.opening_hours import LocalInterval, WeeklyHours
from schema.venue.rooms import Room

UNPAGED_COST = Cost(20)
"""A list without pages costs what a page of the usual size does."""


@node(models.HoursException, visible=hours.visible_exceptions, requires=P.HOURS_READ)
class HoursException(Node):
    """Special opening hours for one date, which replace the weekly hours on that date."""

    date: datetime.date = column("The date on which the hours start.")
    intervals: list[LocalInterval] = column(
        "The opening hours in chronological order; closed all day if empty."
    )
    reason: str | None = column(
        "Why the hours differ, or null if no reason was given. Guests can see it."
    )
    room: Room | None = related(
        "The room with the special hours, or null if they apply to the whole venue.",
        requires=P.ROOMS_READ,
    )


@strawberry.type
class HoursQueries:
    hours_exceptions: list[HoursException] | None = query(
        hours.hours_exceptions, requires=P.HOURS_READ, cost=UNPAGED_COST
    )


@payload
class SetBusinessHoursPayload:
    """The result of `setBusinessHours`."""

    hours: list[WeeklyHours] = column(
        "The new weekly hours: all seven days from Monday. Empty if a room now has the venue's "
        "hours, or if the mutation was refused."
    )


@payload
class SetHoursExceptionPayload:
    """The result of `setHoursException`."""

    exception: HoursException | None


@payload
class DeleteHoursExceptionPayload:
    """The result of `deleteHoursException`."""

    deleted_id: strawberry.ID | None = deleted_id("HoursException")


@strawberry.type
class HoursMutations:
    set_business_hours: SetBusinessHoursPayload | None = mutation(
        hours.set_business_hours, requires=P.HOURS_WRITE, emits=[EventType.HOURS_CHANGED]
    )
    set_hours_exception: SetHoursExceptionPayload | None = mutation(
        hours.set_hours_exception, requires=P.HOURS_WRITE, emits=[EventType.HOURS_CHANGED]
    )
    delete_hours_exception: DeleteHoursExceptionPayload | None = mutation(
        hours.delete_hours_exception, requires=P.HOURS_WRITE, emits=[EventType.HOURS_CHANGED]
    )
