"""What visitors of a venue's public page do, counted by date: no names, no addresses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Final

from domain.analytics.metrics import ratio
from domain.core.refusals import Invalid, Refusal

MAX_EVENTS: Final = 100
"""The most events of one request."""
MAX_ID_CHARACTERS: Final = 64


class VisitorAction(StrEnum):
    """What a visitor did; the value is stored."""

    VIEWED = "VIEWED"
    SEARCHED = "SEARCHED"
    HELD = "HELD"
    BOOKED = "BOOKED"


@dataclass(frozen=True, slots=True)
class TrackedEvent:
    """An event of a visitor; ``id`` is the client's, and the same if the event is sent again."""

    id: str
    action: VisitorAction

    @property
    def key(self) -> bytes:
        """What is stored of the id: a hash, because a client may put anything into it."""
        return sha256(self.id.encode()).digest()[:16]


@dataclass(frozen=True, slots=True)
class FunnelDay:
    """What visitors did on a date of the venue."""

    date: date
    viewed: int = 0
    searched: int = 0
    held: int = 0
    booked: int = 0

    @property
    def conversion(self) -> float | None:
        """The share of views that led to a booking, to 4 digits; None without a view."""
        return ratio(self.booked, self.viewed)


def event_refusals(events: Sequence[TrackedEvent]) -> list[Refusal]:
    """Returns the refusals of the events of one request."""
    if not 1 <= len(events) <= MAX_EVENTS:
        return [Invalid(f"Send 1 to {MAX_EVENTS} events.", path=("events",))]
    return [
        Invalid(f"An id has 1 to {MAX_ID_CHARACTERS} characters.", path=("events", place, "id"))
        for place, event in enumerate(events)
        if not 1 <= len(event.id) <= MAX_ID_CHARACTERS
    ]


def without_repeats(events: Sequence[TrackedEvent]) -> Mapping[bytes, VisitorAction]:
    """Returns the action of each event by its key, in the order of keys, each event once."""
    first: dict[bytes, VisitorAction] = {}
    for event in events:
        first.setdefault(event.key, event.action)
    return dict(sorted(first.items()))
