"""When answers are due: minutes that count in the venue's opening hours alone.

Everything is a pure function of open intervals, which are disjoint and in order, in UTC.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.core.intervals import Interval, merge
from domain.core.refusals import Invalid, Path, Refusal
from domain.support.tickets import TicketPriority

WARN_AT_PERCENT: Final = 80
"""How much of the time is used up when the managers are told."""
MAX_MINUTES: Final = 30 * 24 * 60
MIN_MINUTES: Final = 5


@dataclass(frozen=True, slots=True)
class SlaTarget:
    """How many open minutes the team has for the first reply, and until a ticket is solved."""

    priority: TicketPriority
    first_reply_minutes: int
    resolution_minutes: int


DEFAULT_TARGETS: Final = (
    SlaTarget(TicketPriority.LOW, 16 * 60, 80 * 60),
    SlaTarget(TicketPriority.NORMAL, 8 * 60, 40 * 60),
    SlaTarget(TicketPriority.HIGH, 2 * 60, 16 * 60),
    SlaTarget(TicketPriority.URGENT, 30, 4 * 60),
)
_BY_PRIORITY: Final[Mapping[TicketPriority, SlaTarget]] = {
    each.priority: each for each in DEFAULT_TARGETS
}


def target_for(targets: Iterable[SlaTarget], priority: TicketPriority) -> SlaTarget:
    """Returns the target of a priority; the product's where the venue has none."""
    chosen = {each.priority: each for each in targets}
    return chosen.get(priority, _BY_PRIORITY[priority])


def target_refusals(targets: Sequence[SlaTarget], *, path: Path) -> Iterator[Refusal]:
    """Yields the reasons to refuse a venue's targets."""
    for number, each in enumerate(targets):
        if each.priority in [other.priority for other in targets[:number]]:
            yield Invalid("This priority is listed twice.", path=(*path, number, "priority"))
        for name in ("first_reply_minutes", "resolution_minutes"):
            if not MIN_MINUTES <= getattr(each, name) <= MAX_MINUTES:
                problem = f"Give {MIN_MINUTES} to {MAX_MINUTES:,} minutes."
                yield Invalid(problem, path=(*path, number, name))
        if each.first_reply_minutes > each.resolution_minutes:
            problem = "A ticket can't be due to be solved before its first reply."
            yield Invalid(problem, path=(*path, number, "resolution_minutes"))


def without(opened: Iterable[Interval], closed: Iterable[Interval]) -> list[Interval]:
    """Returns the open time that isn't in any of the closed intervals."""
    kept = list(opened)
    for gap in merge(closed):
        kept = [part for each in kept for part in _around(each, gap)]
    return kept


def open_time(opened: Iterable[Interval], start: datetime, end: datetime) -> timedelta:
    """Returns how much of the time between two instants is open; none if they are reversed."""
    shares = (min(each.end, end) - max(each.start, start) for each in opened)
    return sum((share for share in shares if share > timedelta()), timedelta())


def due_at(opened: Iterable[Interval], since: datetime, needed: timedelta) -> datetime | None:
    """Returns the instant at which so much open time has passed; None if there is less.

    Without any need that is ``since`` itself.
    """
    if needed <= timedelta():
        return since
    left = needed
    for each in opened:
        start = max(each.start, since)
        if start >= each.end:
            continue
        if each.end - start >= left:
            return start + left
        left -= each.end - start
    return None


def warning(needed: timedelta) -> timedelta:
    """Returns how much of the needed time has passed when the managers are told."""
    return needed * WARN_AT_PERCENT / 100


def _around(whole: Interval, gap: Interval) -> Iterator[Interval]:
    if not whole.overlaps(gap):
        yield whole
        return
    if whole.start < gap.start:
        yield Interval(whole.start, gap.start)
    if gap.end < whole.end:
        yield Interval(gap.end, whole.end)
