"""Quotas: their periods on the venue's calendar, and what a booking may still use of them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bookings.quotas import (
    LOOK_AHEAD,
    Exceeded,
    Quota,
    QuotaMeasure,
    QuotaPeriod,
    counted_span,
    exceeded,
    period_around,
    quota_refusals,
)
from domain.core.intervals import Interval
from domain.core.refusals import Code

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [BERLIN, ZoneInfo("America/St_Johns"), ZoneInfo("Asia/Kathmandu"), ZoneInfo("Asia/Beirut")]
DAILY = Quota(QuotaMeasure.BOOKINGS, QuotaPeriod.DAY, 1, None)
WEEKLY = Quota(QuotaMeasure.BOOKINGS, QuotaPeriod.WEEK, 2, None)
MINUTES = Quota(QuotaMeasure.MINUTES, QuotaPeriod.MONTH, 180, None)


def at(day: int, hour: int = 10, *, minutes: int = 60, month: int = 3) -> Interval:
    return Interval.of_minutes(datetime(2027, month, day, hour, tzinfo=UTC), minutes)


def over(quota: Quota, booked: list[Interval], wanted: Interval) -> Exceeded | None:
    return next(exceeded([quota], booked, wanted, BERLIN), None)


@pytest.mark.parametrize(
    ("period", "start", "end", "hours"),
    [
        # The clock is put forward on Sunday 28 March 2027.
        (QuotaPeriod.DAY, "2027-03-27T23:00", "2027-03-28T22:00", 23),
        (QuotaPeriod.WEEK, "2027-03-21T23:00", "2027-03-28T22:00", 7 * 24 - 1),
        (QuotaPeriod.MONTH, "2027-02-28T23:00", "2027-03-31T22:00", 31 * 24 - 1),
    ],
    ids=["day", "week", "month"],
)
def test_a_period_is_one_of_the_venues_calendar(
    period: QuotaPeriod, start: str, end: str, hours: int
) -> None:
    found = period_around(datetime(2027, 3, 28, 12, tzinfo=UTC), period, BERLIN)

    assert found.start == datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert found.end == datetime.fromisoformat(end).replace(tzinfo=UTC)
    assert found.minutes == hours * 60


@given(
    minutes=st.integers(0, 2 * 366 * 24 * 60),
    period=st.sampled_from(QuotaPeriod),
    zone=st.sampled_from(ZONES),
)
def test_periods_touch_and_contain_what_they_are_around(
    minutes: int, period: QuotaPeriod, zone: ZoneInfo
) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)

    found = period_around(at, period, zone)

    assert found.start <= at < found.end
    assert period_around(found.end, period, zone).start == found.end
    assert period_around(found.end - timedelta(seconds=1), period, zone) == found


def test_a_booking_counts_where_it_starts_by_the_venues_clock() -> None:
    # 23:30 of Monday in UTC is Tuesday in Berlin.
    late = Interval.of_minutes(datetime(2027, 3, 1, 23, 30, tzinfo=UTC), 60)

    assert over(DAILY, [late], at(1)) is None
    assert over(DAILY, [late], at(2)) is not None


def test_the_next_period_with_room_is_told() -> None:
    booked = [at(1), at(3), at(9), at(10)]

    found = over(WEEKLY, booked, at(5))

    assert found is not None
    assert (found.used, found.frees_at) == (2, datetime(2027, 3, 14, 23, tzinfo=UTC))
    assert found.message == (
        "At most 2 bookings a week for one customer, and 2 are used: cancel a booking first, or "
        "choose a time from 00:00 on Monday 15 March 2027."
    )


def test_no_period_is_told_where_the_following_are_full() -> None:
    booked = [at(day) for week in (1, 8, 15, 22) for day in (week, week + 1)]

    found = over(WEEKLY, booked, at(5))

    assert found is not None and found.frees_at is None


def test_minutes_are_added_up() -> None:
    assert over(MINUTES, [at(1, minutes=120)], at(9, minutes=60)) is None
    assert over(MINUTES, [at(1, minutes=120)], at(9, minutes=61)) is not None


def test_no_period_allows_what_is_longer_than_the_quota() -> None:
    found = over(MINUTES, [], at(9, minutes=181))

    assert found is not None
    assert (found.used, found.frees_at) == (0, None)
    assert found.message.endswith("choose a shorter time.")


def test_a_quota_of_a_tag_is_for_customers_with_it() -> None:
    quota = Quota(QuotaMeasure.BOOKINGS, QuotaPeriod.DAY, 1, "student")

    assert quota.applies_to(["regular", "student"])
    assert not quota.applies_to(["regular"])
    assert DAILY.applies_to([])


@given(
    days=st.lists(st.integers(0, 60), max_size=30),
    limit=st.integers(1, 4),
    wanted=st.integers(0, 30),
    period=st.sampled_from(QuotaPeriod),
    zone=st.sampled_from(ZONES),
)
def test_what_frees_is_the_first_time_that_is_allowed(
    days: list[int], limit: int, wanted: int, period: QuotaPeriod, zone: ZoneInfo
) -> None:
    first = datetime(2027, 3, 1, 9, tzinfo=UTC)
    times = [Interval.of_minutes(first + timedelta(days=day), 60) for day in [*days, wanted]]
    quota = Quota(QuotaMeasure.BOOKINGS, period, limit, None)
    *booked, time = times
    span = counted_span([quota], [time], zone)
    assert span is not None
    seen = [each for each in booked if span.start <= each.start < span.end]

    found = next(exceeded([quota], booked, time, zone), None)

    # What is read of a customer's bookings decides as all of them would.
    assert next(exceeded([quota], seen, time, zone), None) == found
    if found is None or found.frees_at is None:
        return
    moved = Interval.of_minutes(found.frees_at, 60)
    assert not list(exceeded([quota], booked, moved, zone))
    before = Interval.of_minutes(found.frees_at - timedelta(seconds=1), 60)
    assert list(exceeded([quota], booked, before, zone))
    assert moved.start < span.end and LOOK_AHEAD == 3


@pytest.mark.parametrize(
    ("quota", "path"),
    [
        (Quota(QuotaMeasure.BOOKINGS, QuotaPeriod.DAY, 0, None), "limit"),
        (Quota(QuotaMeasure.BOOKINGS, QuotaPeriod.DAY, -1, None), "limit"),
        (Quota(QuotaMeasure.BOOKINGS, QuotaPeriod.DAY, 1001, None), "limit"),
        (Quota(QuotaMeasure.MINUTES, QuotaPeriod.DAY, 44_701, None), "limit"),
        (Quota(QuotaMeasure.OPEN_HOLDS, None, 101, None), "limit"),
        (Quota(QuotaMeasure.OPEN_HOLDS, QuotaPeriod.DAY, 1, None), "period"),
        (Quota(QuotaMeasure.MINUTES, None, 1, None), "period"),
    ],
    ids=["zero", "negative", "bookings", "minutes", "holds", "holds a day", "no period"],
)
def test_a_quota_out_of_bounds_is_refused(quota: Quota, path: str) -> None:
    (refused,) = quota_refusals(quota)

    assert refused.path == (path,)
    assert refused.code in {Code.INVALID, Code.REQUIRED}
