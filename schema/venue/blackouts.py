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
    """Time nobody can book: maintenance, a private party. Beats opening hours."""

    room: Room | None = related("The room it blocks; null: the whole venue.", requires=P.ROOMS_READ)
    starts_at: datetime = column("The first blocked moment.")
    ends_at: datetime = column("The first moment that is free again.")
    reason: str | None = column("For guests too.")


@strawberry.type
class BlackoutQueries:
    blackouts: list[Blackout] | None = query(
        blackouts.blackouts, requires=P.HOURS_READ, cost=UNPAGED_COST
    )


@payload
class CreateBlackoutPayload:
    """The blocked time."""

    blackout: Blackout | None


@payload
class DeleteBlackoutPayload:
    """The blackout that was deleted; its time can be booked again."""

    deleted_id: strawberry.ID | None = deleted_id("Blackout")


@strawberry.type
class BlackoutMutations:
    create_blackout: CreateBlackoutPayload | None = mutation(
        blackouts.create_blackout, requires=P.HOURS_WRITE, emits=[EventType.BLACKOUT_CREATED]
    )
    delete_blackout: DeleteBlackoutPayload | None = mutation(
        blackouts.delete_blackout, requires=P.HOURS_WRITE, emits=[EventType.BLACKOUT_DELETED]
    )
