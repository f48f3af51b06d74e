"""Series of bookings: what repeats, and which part of it a change is about."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from domain.bookings.recurrence import Frequency, Occurrence, RecurrenceRule, WeekdayNumber
from domain.core.local_time import RRule
from domain.core.refusals import Invalid


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


def continued_from(
    rule: RecurrenceRule, found: Sequence[Occurrence], cut: datetime
) -> RecurrenceRule:
    """Returns a rule for the occurrences from an instant on, if it starts at the first of them.

    ``found`` are all occurrences of the rule, also on excluded dates.
    """
    if rule.count is None:
        return rule
    return replace(rule, count=sum(each.starts_at >= cut for each in found))


def shifted(rule: RecurrenceRule, found: Sequence[Occurrence], days: int) -> RecurrenceRule:
    """Returns a rule for the dates of another, so many days later, at whatever local time.

    ``found`` are the occurrences of the rule, whose last it includes. Raises Invalid for a rule of
    months: the dates that lie days after those of one follow none.
    """
    if rule.until is not None:
        # An instant would exclude the last occurrence, if its time is later now.
        rule = replace(rule, until=found[-1].date + timedelta(days=days))
    if days == 0:
        return rule
    is_of_weeks = rule.frequency in (Frequency.DAILY, Frequency.WEEKLY)
    if not is_of_weeks or rule.by_month or rule.by_month_day:
        problem = (
            "A series that repeats by months can't be moved to other dates as a whole: keep the "
            "date and change its time, or cancel the rest and book a new series."
        )
        raise Invalid(problem, path=("start",))
    by_day = (WeekdayNumber((each.weekday + days) % 7) for each in rule.by_day)
    # Where weeks are counted or have places, they begin as many days later.
    counts_weeks = rule.frequency is Frequency.WEEKLY and (rule.interval > 1 or rule.by_position)
    week_start = (rule.week_start + days) % 7 if counts_weeks else rule.week_start
    return replace(rule, by_day=tuple(by_day), week_start=week_start)


def shifted_start(starts_at: datetime, zone: ZoneInfo, *, days: int, to: time) -> datetime:
    """Returns the instant so many local days after another, at a local time.

    A time that the clock skips moves forward by the gap; of a repeated one, it is the first.
    """
    day = starts_at.astimezone(zone).date() + timedelta(days=days)
    return datetime.combine(day, to.replace(fold=0), tzinfo=zone).astimezone(UTC)
