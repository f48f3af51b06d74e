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
    """A date with other hours, in place of those it would have."""

    date: datetime.date = column("The date on which the hours start.")
    intervals: list[LocalInterval] = column("In order; closed when empty.")
    reason: str | None = column("For guests too.")
    room: Room | None = related("The room it is for; null: the whole venue.", requires=P.ROOMS_READ)


@strawberry.type
class HoursQueries:
    hours_exceptions: list[HoursException] | None = query(
        hours.hours_exceptions, requires=P.HOURS_READ, cost=UNPAGED_COST
    )


@payload
class SetBusinessHoursPayload:
    """The week as it now is: all seven days from Monday; none for a room without its own."""

    hours: list[WeeklyHours]


@payload
class SetHoursExceptionPayload:
    """The date with its other hours."""

    exception: HoursException | None


@payload
class DeleteHoursExceptionPayload:
    """The exception that was deleted; its date has its usual hours again."""

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
