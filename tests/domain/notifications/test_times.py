"""When reminders and digests are sent, also where the clock changes."""

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.core.local_time import LocalTime
from domain.notifications.kinds import Channel
from domain.notifications.settings import QuietHours, Reminder
from domain.notifications.times import (
    after_quiet_hours,
    digest_date,
    reminder_at,
    reminder_send_at,
)
from tests.domain.strategies import at_minute

BERLIN: Final = ZoneInfo("Europe/Berlin")
NIGHT: Final = QuietHours(LocalTime(22 * 60), LocalTime(8 * 60))
DAY_BEFORE: Final = Reminder(24 * 60, Channel.EMAIL)
ZONES: Final = st.sampled_from(
    [
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Pacific/Chatham",
    ]
).map(ZoneInfo)
INSTANTS: Final = st.integers(0, 2 * 365 * 24 * 60).map(at_minute)
TIMES: Final = st.integers(0, 24 * 60 - 1).map(LocalTime)
QUIET: Final = st.builds(QuietHours, TIMES, TIMES).filter(lambda each: each.start != each.until)


def berlin(*fields: int, fold: int = 0) -> datetime:
    return datetime(*fields, fold=fold, tzinfo=BERLIN).astimezone(UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("starts_at", "local"),
    [
        # The clock is put forward on 28 March 2027 and back on 31 October.
        (berlin(2027, 3, 28, 10), "2027-03-27 09:00"),
        (berlin(2027, 10, 31, 10), "2027-10-30 11:00"),
        (berlin(2027, 6, 15, 10), "2027-06-14 10:00"),
    ],
    ids=["a day of 23 hours", "a day of 25 hours", "a usual day"],
)
def test_a_reminder_comes_24_hours_before_and_not_a_date_before(
    starts_at: datetime, local: str
) -> None:
    due = reminder_at(starts_at, DAY_BEFORE).astimezone(BERLIN)

    assert f"{due:%Y-%m-%d %H:%M}" == local


@pytest.mark.parametrize(
    ("due", "sent"),
    [
        (berlin(2027, 3, 1, 21, 59), berlin(2027, 3, 1, 21, 59)),
        (berlin(2027, 3, 1, 22, 0), berlin(2027, 3, 2, 8, 0)),
        (berlin(2027, 3, 2, 3, 0), berlin(2027, 3, 2, 8, 0)),
        (berlin(2027, 3, 2, 8, 0), berlin(2027, 3, 2, 8, 0)),
    ],
    ids=["before", "at their start", "past midnight", "at their end"],
)
def test_quiet_hours_hold_back_until_their_end(due: datetime, sent: datetime) -> None:
    assert after_quiet_hours(due, NIGHT, BERLIN) == sent


def test_a_reminder_that_waits_beyond_the_start_is_not_sent() -> None:
    early = berlin(2027, 3, 2, 7, 30)

    def sent_at(starts_at: datetime) -> datetime | None:
        due = berlin(2027, 3, 2, 5)
        return reminder_send_at(due, starts_at=starts_at, quiet=NIGHT, zone=BERLIN)

    assert sent_at(early) is None
    assert sent_at(berlin(2027, 3, 2, 8, 1)) == berlin(2027, 3, 2, 8)


def test_quiet_hours_end_with_the_later_of_a_repeated_time() -> None:
    until_half_past_two = QuietHours(LocalTime(0), LocalTime(150))

    sent = after_quiet_hours(berlin(2027, 10, 31, 1), until_half_past_two, BERLIN)

    assert sent == berlin(2027, 10, 31, 2, 30, fold=1)


@given(INSTANTS, QUIET, ZONES)
def test_what_is_sent_is_never_sent_early_nor_in_quiet_hours(
    due: datetime, quiet: QuietHours, zone: ZoneInfo
) -> None:
    sent = after_quiet_hours(due, quiet, zone)

    assert due <= sent <= due + timedelta(hours=26)
    assert after_quiet_hours(sent, quiet, zone) == sent


@given(INSTANTS, st.integers(15, 43_200), ZONES)
def test_a_reminder_is_due_so_many_seconds_before_the_start(
    starts_at: datetime, minutes: int, zone: ZoneInfo
) -> None:
    due = reminder_at(starts_at.astimezone(zone), Reminder(minutes, Channel.EMAIL))

    assert (starts_at - due).total_seconds() == minutes * 60


@given(
    INSTANTS,
    st.lists(st.integers(1, 3 * 60 * 60), min_size=30, max_size=60),
    TIMES,
    ZONES,
)
def test_each_date_has_one_digest_however_often_it_is_looked_for(
    start: datetime, pauses: list[int], time: LocalTime, zone: ZoneInfo
) -> None:
    found, since = [], start
    for seconds in pauses:
        until = since + timedelta(seconds=seconds)
        found.append(digest_date(since, until, time, zone))
        since = until
    dates = [each for each in found if each is not None]

    whole_days = (since - start) // timedelta(hours=25)
    assert dates == sorted({*dates})
    assert len(dates) >= whole_days - 1


def test_after_days_without_a_worker_only_the_last_digest_is_sent() -> None:
    since, until = berlin(2027, 3, 1, 12), berlin(2027, 3, 5, 12)

    assert digest_date(since, until, LocalTime(7 * 60), BERLIN) == date(2027, 3, 5)
    assert digest_date(since, until, LocalTime(13 * 60), BERLIN) == date(2027, 3, 4)
