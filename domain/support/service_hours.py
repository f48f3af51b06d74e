"""The time in which a venue's team answers: its opening hours without blackouts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from domain.core.intervals import Interval
from domain.support.sla import SlaTarget, due_at, open_time, warning, without
from domain.venue.hours import HoursFacts

LOOKED_AHEAD: Final = timedelta(days=400)
"""What isn't due by then, as of a venue that never opens, has no due time."""
_STEP: Final = timedelta(days=20)


@dataclass(frozen=True, slots=True)
class ServiceHours:
    """When a venue is open: its own hours, but not in the ``closed`` intervals."""

    facts: HoursFacts
    zone: ZoneInfo
    closed: tuple[Interval, ...] = ()

    def since(self, start: datetime) -> Iterator[Interval]:
        """Yields the open intervals from an instant on, in order, as far as they are needed."""
        until = start + LOOKED_AHEAD
        while start < until:
            window = Interval(start, start + _STEP)
            opened = [
                Interval(max(each.start, window.start), min(each.end, window.end))
                for each in self.facts.open_intervals(window, self.zone)
            ]
            yield from without(opened, self.closed)
            start = window.end


@dataclass(frozen=True, slots=True)
class TicketClock:
    """What has passed of a ticket's time.

    ``used`` is the open time before ``running_since``, from which the clock runs; it stands still
    where that is None: while the customer is to answer, and once the ticket is solved.
    """

    first_replied_at: datetime | None = None
    used: timedelta = timedelta()
    running_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deadlines:
    """When a ticket's first reply and its solution are due, and when the managers are told.

    None where it has been done, the clock stands still, or the venue never opens for so long.
    """

    first_reply_due_at: datetime | None = None
    first_reply_warning_at: datetime | None = None
    resolution_due_at: datetime | None = None
    resolution_warning_at: datetime | None = None


def deadlines(clock: TicketClock, target: SlaTarget, hours: ServiceHours) -> Deadlines:
    """Returns what is due when, by the hours as they are known now."""
    if clock.running_since is None:
        return Deadlines()
    passed = hours, clock.running_since, clock.used
    replied = clock.first_replied_at is not None
    reply = (None, None) if replied else _due(*passed, target.first_reply_minutes)
    return Deadlines(*reply, *_due(*passed, target.resolution_minutes))


def stopped(clock: TicketClock, hours: ServiceHours, *, now: datetime) -> timedelta:
    """Returns the open time that is used up if the clock is stopped now."""
    if clock.running_since is None:
        return clock.used
    return clock.used + open_time(_until(hours, clock.running_since, now), clock.running_since, now)


def _due(
    hours: ServiceHours, since: datetime, used: timedelta, minutes: int
) -> tuple[datetime | None, datetime | None]:
    needed = timedelta(minutes=minutes)
    return (
        due_at(hours.since(since), since, needed - used),
        due_at(hours.since(since), since, warning(needed) - used),
    )


def _until(hours: ServiceHours, since: datetime, end: datetime) -> Iterator[Interval]:
    for each in hours.since(since):
        if each.start >= end:
            return
        yield each
