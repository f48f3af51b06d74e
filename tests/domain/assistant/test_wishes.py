"""How far a start lies from the dates and hours that somebody wishes for."""

from datetime import date, datetime

import pytest

from domain.assistant.wishes import Distance, Habits, PreferredHours, Wishes, wish_refusals
from domain.core.ids import RoomId
from domain.core.local_time import LocalTime
from domain.core.money import Money
from kit.ids import new_id

FRIDAY = date(2027, 3, 5)
EVENING = PreferredHours(LocalTime(19 * 60), LocalTime(21 * 60))
NIGHT = PreferredHours(LocalTime(22 * 60), LocalTime(26 * 60))


def wishes(hours: PreferredHours | None = None, days: int = 0, minutes: int = 60) -> Wishes:
    return Wishes(FRIDAY, FRIDAY, hours, flexible_days=days, flexible_minutes=minutes)


@pytest.mark.parametrize(
    ("wished", "start", "expected"),
    [
        (wishes(), "2027-03-05T09:00", Distance(0, 0)),
        (wishes(), "2027-03-06T00:00", None),
        (wishes(EVENING), "2027-03-05T21:00", Distance(0, 0)),
        (wishes(EVENING), "2027-03-05T18:30", Distance(0, -30)),
        (wishes(EVENING), "2027-03-05T22:00", Distance(0, 60)),
        (wishes(EVENING), "2027-03-05T22:01", None),
        (wishes(EVENING, days=1), "2027-03-04T19:00", Distance(1, 0)),
        (wishes(EVENING, days=1), "2027-03-07T19:00", None),
        (wishes(NIGHT), "2027-03-06T01:30", Distance(0, 0)),
        (wishes(NIGHT), "2027-03-06T02:45", Distance(0, 45)),
        (wishes(NIGHT), "2027-03-05T01:30", None),
        (wishes(NIGHT, days=1), "2027-03-05T01:30", Distance(1, 0)),
    ],
)
def test_a_start_lies_days_and_minutes_from_what_is_wished(
    wished: Wishes, start: str, expected: Distance | None
) -> None:
    assert wished.distance(datetime.fromisoformat(start)) == expected


def test_habits_are_rooms_and_times_of_day_around_midnight_too() -> None:
    room, other = RoomId(new_id()), RoomId(new_id())
    habits = Habits([room, room, other], [23 * 60 + 40, 30, 12 * 60])

    assert habits.in_room(room) == 2
    assert habits.around(10) == 2
    assert habits.closeness(12 * 60 + 60) == 0.5


def test_wishes_that_make_no_sense_are_refused_at_their_fields() -> None:
    wished = Wishes(
        FRIDAY,
        date(2027, 3, 4),
        PreferredHours(LocalTime(60), LocalTime(0)),
        flexible_days=15,
        flexible_minutes=-1,
        budget=Money(100, "USD"),
    )

    refused = [each.path for each in wish_refusals(wished, first=11, currency_code="EUR")]

    assert refused == [
        ("first",),
        ("flexible_days",),
        ("flexible_minutes",),
        ("last_date",),
        ("preferred_hours", "until"),
        ("budget",),
    ]


def test_more_than_a_month_is_refused() -> None:
    wished = Wishes(FRIDAY, date(2027, 3, 24), flexible_days=6)

    refused = [str(each) for each in wish_refusals(wished, first=3, currency_code="EUR")]

    assert refused == ["At most 31 dates are searched, flexible days included."]
