"""The seam between rooms and later areas: the changes that run their handlers."""

from dataclasses import dataclass
from typing import Literal

from domain.core.log_events import EventType, Snapshot
from models.venue.rooms import Room


@dataclass(frozen=True, slots=True)
class RoomChange:
    """A change of a room under the lock of the calendar; ``before`` is its earlier state."""

    type: Literal[EventType.ROOM_UPDATED]
    room: Room
    before: Snapshot
