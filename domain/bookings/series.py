"""Series of bookings: what repeats, and which part of it a change is about."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from domain.bookings.recurrence import Occurrence, RecurrenceRule
from domain.core.local_time import RRule


class ConflictPolicy(StrEnum):
    """What happens to a series of which some occurrences can't be booked."""

    FAIL_ALL = "FAIL_ALL"
    SKIP_CONFLICTS = "SKIP_CONFLICTS"


class SeriesScope(StrEnum):
    """Which bookings of a series a change is about, seen from one of them."""

    THIS = "THIS"
    THIS_AND_FOLLOWING = "THIS_AND_FOLLOWING"
    ALL = "ALL"


@dataclass(frozen=True, slots=True)
class Recurrence:
    """How a booking repeats; ``except_dates`` are local dates of the rule to leave out."""

    rrule: RRule
    except_dates: tuple[date, ...] = ()
    conflict_policy: ConflictPolicy = ConflictPolicy.FAIL_ALL


def ended_before(
    rule: RecurrenceRule, found: Sequence[Occurrence], cut: datetime
) -> RecurrenceRule | None:
    """Returns a rule that ends before an instant; None if it has no occurrence before.

    ``found`` are all occurrences of the rule, also on excluded dates.
    """
    kept = [each for each in found if each.starts_at < cut]
    if not kept:
        return None
    if rule.count is not None:
        return replace(rule, count=len(kept))
    return replace(rule, until=kept[-1].date)
