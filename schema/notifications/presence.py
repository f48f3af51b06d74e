"""Live: how many others look at a day."""

import strawberry

from domain.notifications.presence import OthersCount
from permissions.roles import P
from schema.core.fields import column, computed, id_column, subscription, value
from subscriptions import presence_changes


@value(presence_changes.RoomCount)
class RoomPresence:
    """How many others look at a room on a day."""

    room_id: strawberry.ID = id_column("Room", "The id of the room.")
    others: int = column("How many others look at it, or at all rooms of the venue.")


@value(OthersCount)
class Presence:
    """How many others look at a day of the venue."""

    others: int = column("How many others look at the day: at one of the rooms, or at all rooms.")
    rooms: list[RoomPresence] = computed(presence_changes.rooms_of)


@strawberry.type
class PresenceSubscriptions:
    presence_changed: Presence = subscription(
        presence_changes.presence_changed, requires=P.AVAILABILITY_READ
    )
