"""Of the rules that apply to a minute, the first decides what it costs."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bookings.price_rules import LocalHours, PriceRule, Range, applicable, deciding
from domain.bookings.pricing import PriceUnit
from domain.core.ids import RoomId
from domain.core.intervals import Interval
from domain.core.money import Money
from domain.core.stretches import MINUTE, instant_of
from domain.venue.hours import Weekday

BLUE = RoomId(UUID("01940000-0000-7000-8000-000000000001"))
GREEN = RoomId(UUID("01940000-0000-7000-8000-000000000002"))
NEW_YORK = ZoneInfo("America/New_York")
WEEKDAYS = tuple(Weekday)
# With offsets of half and three quarters of an hour, and changes of the clock by half an hour.
ZONES = ("America/New_York", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe",
         "Pacific/Chatham", "Europe/Berlin")  # fmt: skip
# Around the nights on which clocks change.
NIGHTS = (
    datetime(2027, 3, 13, 12, tzinfo=UTC),
    datetime(2027, 3, 27, 12, tzinfo=UTC),
    datetime(2027, 4, 3, 6, tzinfo=UTC),
    datetime(2027, 10, 2, 6, tzinfo=UTC),
    datetime(2027, 10, 30, 12, tzinfo=UTC),
    datetime(2027, 11, 6, 12, tzinfo=UTC),
)


def rule(label: str = "Peak", **given: Any) -> PriceRule:
    return PriceRule(label, PriceUnit.HOUR, Money(6000, "USD"), **given)


def hours(starts_at: int, ends_at: int) -> LocalHours:
    return LocalHours(starts_at * 60, ends_at * 60)


def shown(rules: list[PriceRule], time: Interval, zone: ZoneInfo) -> list[tuple[int, str | None]]:
    """The minutes of each stretch, and the label of the rule that decides about it."""
    stretches = deciding(rules, time.stretch, zone)
    return [
        ((end - start) // MINUTE, each.label if each else None) for start, end, each in stretches
    ]


def test_a_stretch_ends_where_another_rule_decides() -> None:
    evening = Interval.of_minutes(datetime(2027, 3, 5, 19, tzinfo=UTC), 240)

    found = shown([rule(hours=hours(21, 24))], evening, ZoneInfo("UTC"))

    assert found == [(120, None), (120, "Peak")]


def test_hours_past_midnight_belong_to_the_day_on_which_they_start() -> None:
    friday = rule(weekdays=frozenset({Weekday.FRIDAY}), hours=hours(22, 26))
    night = Interval.of_minutes(datetime(2027, 3, 5, 21, tzinfo=UTC), 24 * 60 + 360)

    found = shown([friday], night, ZoneInfo("UTC"))

    assert found == [(60, None), (240, "Peak"), (25 * 60, None)]


def test_the_first_of_the_rules_that_apply_decides() -> None:
    late, all_day = rule("Late", hours=hours(21, 24)), rule("All day")
    evening = Interval.of_minutes(datetime(2027, 3, 5, 20, tzinfo=UTC), 120)

    assert shown([late, all_day], evening, ZoneInfo("UTC")) == [(60, "All day"), (60, "Late")]
    assert shown([all_day, late], evening, ZoneInfo("UTC")) == [(120, "All day")]


def test_both_dates_of_a_rule_are_included() -> None:
    fair = rule(first_date=date(2027, 3, 5), last_date=date(2027, 3, 6))
    days = Interval.of_minutes(datetime(2027, 3, 4, 12, tzinfo=UTC), 4 * 24 * 60)

    assert shown([fair], days, ZoneInfo("UTC")) == [(720, None), (2880, "Peak"), (2160, None)]


@pytest.mark.parametrize(
    ("night", "minutes"),
    [
        pytest.param(datetime(2027, 3, 14, 5, tzinfo=UTC), 60, id="an hour skipped"),
        pytest.param(datetime(2027, 11, 7, 4, tzinfo=UTC), 180, id="an hour repeated"),
    ],
)
def test_minutes_are_those_that_the_clock_shows(night: datetime, minutes: int) -> None:
    after_one = rule(hours=hours(1, 3))

    found = shown([after_one], Interval.of_minutes(night, 6 * 60), NEW_YORK)

    assert (minutes, "Peak") in found
    assert sum(length for length, _ in found) == 6 * 60


RULES = st.builds(
    lambda label, weekdays, starts_at, lasting, first, days: rule(
        label,
        weekdays=frozenset(weekdays),
        hours=None if lasting is None else LocalHours(starts_at, starts_at + lasting),
        first_date=first,
        last_date=first and first + timedelta(days=days),
    ),
    st.sampled_from("ABC"),
    st.sets(st.sampled_from(WEEKDAYS)),
    st.integers(0, 24 * 60 - 1),
    st.none() | st.integers(1, 24 * 60),
    st.none() | st.dates(date(2027, 3, 10), date(2027, 11, 8)),
    st.integers(0, 250),
)


@given(
    rules=st.lists(RULES, max_size=4),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    night=st.sampled_from(NIGHTS),
    shift=st.integers(0, 600),
    minutes=st.integers(1, 1500),
)
def test_each_minute_is_decided_by_its_own_wall_clock(
    rules: list[PriceRule], zone: ZoneInfo, night: datetime, shift: int, minutes: int
) -> None:
    time = Interval.of_minutes(night + timedelta(minutes=shift), minutes)

    found = deciding(rules, time.stretch, zone)

    assert (found[0][0], found[-1][1]) == time.stretch
    by_minute = [each for start, end, each in found for _ in range(start, end, MINUTE)]
    assert by_minute == [
        _first(rules, instant_of(time.stretch[0] + place * MINUTE).astimezone(zone))
        for place in range(minutes)
    ]


def _first(rules: list[PriceRule], clock: datetime) -> PriceRule | None:
    """The same by what a clock shows at a minute."""
    minute = clock.hour * 60 + clock.minute
    for each in rules:
        for day, since in ((clock.date(), minute), (clock.date() - timedelta(1), minute + 1440)):
            starts_at, ends_at = (
                (each.hours.starts_at, each.hours.ends_at) if each.hours else (0, 1440)
            )
            is_on = not each.weekdays or WEEKDAYS[day.weekday()] in each.weekdays
            is_dated = (each.first_date or day) <= day <= (each.last_date or day)
            if starts_at <= since < ends_at and is_on and is_dated:
                return each
    return None


NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("conditions", "applies"),
    [
        pytest.param({}, True, id="no condition"),
        pytest.param({"duration": Range(120, None)}, True, id="as long as the least"),
        pytest.param({"duration": Range(None, 120)}, True, id="as long as the most"),
        pytest.param({"duration": Range(121, None)}, False, id="too short"),
        pytest.param({"duration": Range(None, 119)}, False, id="too long"),
        pytest.param({"notice": Range(1440, 1440)}, True, id="exactly as far ahead"),
        pytest.param({"notice": Range(1441, None)}, False, id="too near"),
        pytest.param({"notice": Range(None, 1439)}, False, id="too far ahead"),
        pytest.param({"customer_tag": "member"}, True, id="the tag of the customer"),
        pytest.param({"customer_tag": "staff"}, False, id="another tag"),
    ],
)
def test_a_rule_applies_to_bookings_that_meet_its_conditions(
    conditions: dict[str, Any], applies: bool
) -> None:
    one = rule(**conditions)

    found = applicable([one], 120, NOW + timedelta(days=1), NOW, frozenset({"member"}))

    assert found == ((one,) if applies else ())


@pytest.mark.parametrize(
    ("conditions", "applies"),
    [
        pytest.param({}, True, id="every room"),
        pytest.param({"room_ids": frozenset({BLUE})}, True, id="this room"),
        pytest.param({"room_ids": frozenset({GREEN})}, False, id="another room"),
        pytest.param({"categories": frozenset({"court"})}, True, id="its category"),
        pytest.param({"categories": frozenset({"table"})}, False, id="another category"),
        pytest.param(
            {"room_ids": frozenset({BLUE}), "categories": frozenset({"table"})},
            False,
            id="both are needed",
        ),
    ],
)
def test_a_rule_may_be_for_some_rooms(conditions: dict[str, Any], applies: bool) -> None:
    assert rule(**conditions).is_for_room(BLUE, "court") is applies
