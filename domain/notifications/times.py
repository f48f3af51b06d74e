"""When notifications are sent: reminders, quiet hours and digests.

Reminders are counted in seconds before the start, never in days of a wall clock: a day on which the
clock changes has 23 or 25 hours, and one's reminder comes 24 hours before.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.core.intervals import Interval
from domain.core.local_time import Edge, LocalTime, instant
from domain.notifications.settings import QuietHours, Reminder

_A_DAY = timedelta(days=1)


def reminder_at(starts_at: datetime, reminder: Reminder) -> datetime:
    """Returns the instant at which a reminder is due, before quiet hours are looked at."""
    return starts_at.astimezone(UTC) - timedelta(minutes=reminder.minutes_before)


def after_quiet_hours(at: datetime, quiet: QuietHours | None, zone: ZoneInfo) -> datetime:
    """Returns the instant itself, or the end of the quiet hours that it lies in."""
    if quiet is None:
        return at
    day = at.astimezone(zone).date()
    for first in (day - _A_DAY, day):
        hours = _quiet_on(first, quiet, zone)
        if hours.start <= at < hours.end:
            return hours.end
    return at


def reminder_send_at(
    at: datetime, *, starts_at: datetime, quiet: QuietHours | None, zone: ZoneInfo
) -> datetime | None:
    """Returns when a reminder that is due at an instant is sent; None if only after the start."""
    sent_at = after_quiet_hours(at, quiet, zone)
    return sent_at if sent_at < starts_at else None


def digest_date(since: datetime, until: datetime, time: LocalTime, zone: ZoneInfo) -> date | None:
    """Returns the last date whose digest is due after ``since`` and up to ``until``, if any.

    A time that the clock skips is that of the change; of a repeated one, it is the first.
    """
    day = until.astimezone(zone).date()
    for each in (day, day - _A_DAY):
        if since < instant(each, time, zone, edge=Edge.OPENING) <= until:
            return each
    return None


def _quiet_on(day: date, quiet: QuietHours, zone: ZoneInfo) -> Interval:
    """Returns the quiet hours that begin on a date."""
    last = day if quiet.until > quiet.start else day + _A_DAY
    start = instant(day, quiet.start, zone, edge=Edge.OPENING)
    end = instant(last, quiet.until, zone, edge=Edge.CLOSING)
    # A change of the clock may leave nothing of a short time.
    return Interval(start, max(end, start + timedelta(microseconds=1)))
