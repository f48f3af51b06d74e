"""Which bookings overlap at a space that they share."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from uuid import UUID

from domain.bookings.refusals import Busy


@dataclass(frozen=True, slots=True)
class SpaceTime:
    """The time that a booking takes of some spaces.

    The booking and the hold of its move have the same occupant, and may overlap.
    """

    busy: Busy
    occupant_id: UUID
    spaces: Sequence[UUID]


def overlapping(times: Iterable[SpaceTime]) -> list[Busy]:
    """Returns the times of which another takes a part at one of their spaces, by their starts."""
    found: dict[UUID, Busy] = {}
    of_space: defaultdict[UUID, list[SpaceTime]] = defaultdict(list)
    for each in sorted(times, key=attrgetter("busy.occupied.start", "busy.booking_id")):
        for space in each.spaces:
            still = [
                one for one in of_space[space] if one.busy.occupied.overlaps(each.busy.occupied)
            ]
            for other in still:
                if other.occupant_id != each.occupant_id:
                    found |= {one.busy.booking_id: one.busy for one in (other, each)}
            of_space[space] = [*still, each]
    return sorted(found.values(), key=attrgetter("occupied.start", "booking_id"))
