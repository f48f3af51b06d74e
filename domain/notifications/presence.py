"""Presence: who looks at which rooms of a day, over several processes."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple
from uuid import UUID

MAX_ROOMS: Final = 200
"""Whoever looks at more rooms of a day counts as looking at all of them."""

Rooms = frozenset[UUID] | None
"""Some rooms; None for all rooms of the venue."""

_NOWHERE: Final[frozenset[UUID]] = frozenset()


class Day(NamedTuple):
    """A day of a venue."""

    tenant_id: UUID
    date: date


class Sighting(NamedTuple):
    """What a viewer looks at in a process: no rooms if they no longer look."""

    day: Day
    viewer: str
    rooms: Rooms


@dataclass(frozen=True, slots=True)
class OthersCount:
    """How many others look at a day, and at each of its rooms at which somebody looks."""

    others: int
    rooms: Mapping[UUID, int]


@dataclass(slots=True)
class _Seen:
    rooms: Rooms
    until: float


@dataclass(slots=True)
class PresenceBoard:
    """Counts the viewers of this process, and of others from which it has heard lately.

    What another process says of a viewer counts for ``ttl_seconds``, so that the viewers of one
    that has died are gone after that. Times are those of a monotonic clock.
    """

    ttl_seconds: float
    _own: defaultdict[Day, dict[str, Counter[Rooms]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    _heard: defaultdict[Day, dict[tuple[str, str], _Seen]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def enter(self, day: Day, viewer: str, rooms: Rooms) -> Sighting:
        """Counts a viewer of this process, once for each time that they enter."""
        self._own[day].setdefault(viewer, Counter())[rooms] += 1
        return self._sighting(day, viewer)

    def leave(self, day: Day, viewer: str, rooms: Rooms) -> Sighting:
        """Takes back one ``enter``."""
        looks = self._own[day][viewer]
        looks[rooms] -= 1
        if not looks[rooms]:
            del looks[rooms]
        if not looks:
            del self._own[day][viewer]
        if not self._own[day]:
            del self._own[day]
        return self._sighting(day, viewer)

    def sightings(self) -> list[Sighting]:
        """Returns all viewers of this process, which other processes are to hear of again."""
        return [self._sighting(day, viewer) for day, own in self._own.items() for viewer in own]

    def hear(self, process: str, sighting: Sighting, *, now: float) -> bool:
        """Notes what another process says; returns whether that changes what is counted."""
        heard, key = self._heard[sighting.day], (process, sighting.viewer)
        before = heard.get(key)
        was = before.rooms if before is not None and before.until > now else _NOWHERE
        if sighting.rooms == _NOWHERE:
            heard.pop(key, None)
        else:
            heard[key] = _Seen(sighting.rooms, now + self.ttl_seconds)
        if not heard:
            del self._heard[sighting.day]
        return was != sighting.rooms

    def expire(self, now: float) -> set[Day]:
        """Forgets those of whom nothing was heard lately, and returns the days they looked at."""
        changed = set()
        for day, heard in [*self._heard.items()]:
            for key in [key for key, seen in heard.items() if seen.until <= now]:
                del heard[key]
                changed.add(day)
            if not heard:
                del self._heard[day]
        return changed

    def others(self, day: Day, viewer: str, rooms: Rooms) -> OthersCount:
        """Counts those who look at a day besides a viewer: at some of its rooms, or at any."""
        looking = self._looking(day, apart_from=viewer)
        named = _named(looking.values()) if rooms is None else rooms
        if rooms is not None:
            looking = {
                name: at for name, at in looking.items() if at is None or not at.isdisjoint(rooms)
            }
        counted = {
            room: sum(at is None or room in at for at in looking.values()) for room in sorted(named)
        }
        return OthersCount(len(looking), {room: count for room, count in counted.items() if count})

    def _looking(self, day: Day, *, apart_from: str) -> dict[str, Rooms]:
        """Returns at which rooms each other viewer looks, in all processes together."""
        looking: dict[str, Rooms] = {}
        for viewer, rooms in self._seen(day):
            if viewer != apart_from:
                looking[viewer] = _union(looking.get(viewer, _NOWHERE), rooms)
        return looking

    def _seen(self, day: Day) -> Iterator[tuple[str, Rooms]]:
        for viewer in self._own.get(day, {}):
            yield viewer, self._sighting(day, viewer).rooms
        for (_, viewer), seen in self._heard.get(day, {}).items():
            yield viewer, seen.rooms

    def _sighting(self, day: Day, viewer: str) -> Sighting:
        rooms: Rooms = _NOWHERE
        for each in self._own.get(day, {}).get(viewer, ()):
            rooms = _union(rooms, each)
        return Sighting(day, viewer, rooms)


def _union(first: Rooms, second: Rooms) -> Rooms:
    if first is None or second is None or len(first | second) > MAX_ROOMS:
        return None
    return first | second


def _named(looks: Collection[Rooms]) -> frozenset[UUID]:
    return _NOWHERE.union(*(rooms for rooms in looks if rooms is not None))
