"""Blackouts: time nobody can book."""

from datetime import datetime

import strawberry

import models
from domain.core.log_events import EventType
from permissions.roles import P
from resolvers.venue import blackouts
from schema.core.fields import Node, column, node, query, related
from schema.core.mutations import deleted_id, mutation, payload
from schema.venue.hours import UNPAGED_COST
from schema.venue.rooms import Room


@node(models.Blackout, visible=blackouts.visible_blackouts, requires=P.HOURS_READ)
class Blackout(Node):
    """A period in which nothing can be booked, such as for maintenance. It overrides the opening
    hours.
    """

    room: Room | None = related(
        "The room that is blocked, or null if the whole venue is.", requires=P.ROOMS_READ
    )
    starts_at: datetime = column("When the blackout starts.")
    ends_at: datetime = column("When the blackout ends; bookings can start at this instant.")
    reason: str | None = column(
        "Why the time is blocked, or null if no reason was given. Guests can see it."
    )


@strawberry.type
class BlackoutQueries:
    blackouts: list[Blackout] | None = query(
        blackouts.blackouts, requires=P.HOURS_READ, cost=UNPAGED_COST
    )


@payload
class CreateBlackoutPayload:
    """The result of `createBlackout`."""

    blackout: Blackout | None


@payload
class DeleteBlackoutPayload:
    """The result of `deleteBlackout`."""

    deleted_id: strawberry.ID | None = deleted_id("Blackout")


@strawberry.type
class BlackoutMutations:
    create_blackout: CreateBlackoutPayload | None = mutation(
        blackouts.create_blackout, requires=P.HOURS_WRITE, emits=[EventType.BLACKOUT_CREATED]
    )
    delete_blackout: DeleteBlackoutPayload | None = mutation(
        blackouts.delete_blackout, requires=P.HOURS_WRITE, emits=[EventType.BLACKOUT_DELETED]
    )
