"""When answers are due: open minutes, compared with a count of each minute, also over DST."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.core.intervals import Interval
from domain.core.local_time import LocalTime
from domain.support.service_hours import ServiceHours, TicketClock, deadlines, stopped
from domain.support.sla import SlaTarget, due_at, open_time
from domain.support.tickets import TicketPriority
from domain.venue.hours import HoursFacts, LocalInterval, Weekday, WeeklyHours

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
MINUTE = timedelta(minutes=1)
# Weeks with and without a change of the clock in one of the zones, in both directions.
WEEKS = (
    datetime(2027, 3, 8, tzinfo=UTC),
    datetime(2027, 3, 22, tzinfo=UTC),
    datetime(2027, 6, 7, tzinfo=UTC),
    datetime(2027, 10, 25, tzinfo=UTC),
    datetime(2027, 11, 1, tzinfo=UTC),
)
OPENED_AT_NIGHT = (LocalInterval(LocalTime(18 * 60), LocalTime(28 * 60)),)
BY_DAY = (
    LocalInterval(LocalTime(9 * 60), LocalTime(12 * 60 + 30)),
    LocalInterval(LocalTime(14 * 60), LocalTime(18 * 60)),
)
TARGET = SlaTarget(TicketPriority.NORMAL, first_reply_minutes=60, resolution_minutes=600)


def week(hours: tuple[LocalInterval, ...], *days: Weekday) -> tuple[WeeklyHours, ...]:
    return tuple(WeeklyHours(day, hours if day in days else ()) for day in Weekday)


WORKING_DAYS = week(BY_DAY, *list(Weekday)[:5])
NIGHTS = week(OPENED_AT_NIGHT, *Weekday)
BLACKOUT = Interval(datetime(2027, 3, 29, 6, tzinfo=UTC), datetime(2027, 3, 30, 12, 17, tzinfo=UTC))


@settings(max_examples=25, deadline=None)
@given(
    week_start=st.sampled_from(WEEKS),
    offset=st.integers(0, 7 * 24 * 60),
    needed=st.integers(1, 1_500),
    zone=st.sampled_from([BERLIN, NEW_YORK]),
    plan=st.sampled_from([WORKING_DAYS, NIGHTS]),
    closed=st.sampled_from([(), (BLACKOUT,)]),
)
@example(WEEKS[1], 5 * 24 * 60, 1_200, BERLIN, NIGHTS, ())
@example(WEEKS[3], 4 * 24 * 60, 2_400, BERLIN, NIGHTS, ())
def test_what_is_due_is_as_far_as_a_count_of_each_open_minute(
    week_start: datetime,
    offset: int,
    needed: int,
    zone: ZoneInfo,
    plan: tuple[WeeklyHours, ...],
    closed: tuple[Interval, ...],
) -> None:
    since = week_start + offset * MINUTE
    hours = ServiceHours(HoursFacts(plan), zone, closed)

    due = due_at(hours.since(since), since, needed * MINUTE)

    assert due is not None
    assert due == _counted(hours, since, needed)
    used = open_time(_until(hours, since, due), since, due)
    assert used == needed * MINUTE


def test_time_goes_on_where_it_stopped() -> None:
    hours = ServiceHours(HoursFacts(WORKING_DAYS), BERLIN)
    # A Friday in summer: 17:00 local time, an hour before the end of the week.
    opened = datetime(2027, 6, 11, 15, tzinfo=UTC)

    running = deadlines(TicketClock(running_since=opened), TARGET, hours)
    assert running.first_reply_due_at == datetime(2027, 6, 11, 16, tzinfo=UTC)
    # 600 minutes: 60 on Friday, 450 on Monday, 90 on Tuesday from 9:00 on.
    assert running.resolution_due_at == datetime(2027, 6, 15, 8, 30, tzinfo=UTC)
    assert running.resolution_warning_at == datetime(2027, 6, 14, 15, 30, tzinfo=UTC)

    asked = datetime(2027, 6, 14, 8, tzinfo=UTC)
    used = stopped(TicketClock(opened, running_since=opened), hours, now=asked)
    assert used == timedelta(minutes=120)
    assert deadlines(TicketClock(opened, used), TARGET, hours).resolution_due_at is None

    # A week later the rest of the time is as long as it was.
    again = datetime(2027, 6, 21, 8, tzinfo=UTC)
    resumed = deadlines(TicketClock(opened, used, again), TARGET, hours)
    assert resumed.first_reply_due_at is None
    assert resumed.resolution_due_at == datetime(2027, 6, 22, 8, 30, tzinfo=UTC)


def test_closed_dates_and_blackouts_dont_count() -> None:
    holiday: dict[date, tuple[LocalInterval, ...]] = {date(2027, 6, 14): ()}
    since = datetime(2027, 6, 11, 15, tzinfo=UTC)
    away = Interval(datetime(2027, 6, 15, 7, tzinfo=UTC), datetime(2027, 6, 15, 8, 30, tzinfo=UTC))
    hours = ServiceHours(HoursFacts(WORKING_DAYS, venue_exceptions=holiday), BERLIN, (away,))

    # 60 minutes on Friday, none on Monday, and on Tuesday from 10:30 on.
    due = due_at(hours.since(since), since, 120 * MINUTE)

    assert due == datetime(2027, 6, 15, 9, 30, tzinfo=UTC)


def test_nothing_is_due_at_a_venue_that_never_opens() -> None:
    hours = ServiceHours(HoursFacts(()), BERLIN)

    due = deadlines(TicketClock(running_since=WEEKS[0]), TARGET, hours)

    assert due.first_reply_due_at is None
    assert due.resolution_due_at is None


def _counted(hours: ServiceHours, since: datetime, needed: int) -> datetime:
    """Returns the end of the minute in which the needed number of open minutes is reached."""
    opened = _until(hours, since, since + timedelta(days=60))
    at, left = since, needed
    while left:
        if any(each.start <= at < each.end for each in opened):
            left -= 1
        else:
            opened = [each for each in opened if each.end > at]
        at += MINUTE
    return at


def _until(hours: ServiceHours, since: datetime, end: datetime) -> list[Interval]:
    found = []
    for each in hours.since(since):
        if each.start >= end:
            break
        found.append(each)
    return found
