"""The filter of analytics, which all its figures share."""

from dataclasses import dataclass

from domain.core.ids import RoomId


@dataclass(frozen=True, slots=True)
class AnalyticsFilter:
    """Only rooms that meet all given conditions count; None is no condition."""

    room_ids: tuple[RoomId, ...] | None = None
    categories: tuple[str, ...] | None = None
