"""Series of bookings: what repeats, and what happens where an occurrence can't be booked."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from domain.core.local_time import RRule


class ConflictPolicy(StrEnum):
    """What happens to a series of which some occurrences can't be booked."""

    FAIL_ALL = "FAIL_ALL"
    SKIP_CONFLICTS = "SKIP_CONFLICTS"


@dataclass(frozen=True, slots=True)
class Recurrence:
    """How a booking repeats; ``except_dates`` are local dates of the rule to leave out."""

    rrule: RRule
    except_dates: tuple[date, ...] = ()
    conflict_policy: ConflictPolicy = ConflictPolicy.FAIL_ALL
