"""The dates and instants of a recurrence rule."""

from datetime import MAXYEAR, UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrule, rrulestr

from domain.bookings import recurrence
from domain.bookings.recurrence import (
    Frequency,
    RecurrenceRule,
    occurrences,
    require_gaps,
    rule_dates,
)
from domain.bookings.recurrence_text import parse_rule
from domain.core.intervals import Interval
from domain.core.refusals import Invalid
from tests.domain.bookings.rules_by_the_rfc import dates_by_the_rfc, random_rules

NEW_YORK = ZoneInfo("America/New_York")
ODD_ZONES = ("Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns", "Africa/Casablanca")


def starts(text: str, first: str, zone: str = "America/New_York", **given: object) -> list[str]:
    """Returns the local starts of a series whose first start is given so, too."""
    tz = ZoneInfo(zone)
    at = datetime.fromisoformat(first).replace(tzinfo=tz).astimezone(UTC)
    found = occurrences(parse_rule(text), at, tz, **given)  # type: ignore[arg-type]
    return [each.starts_at.astimezone(tz).isoformat(timespec="minutes") for each in found]


# ------------------------------------------------------------------------------------ wall clocks


def test_the_wall_clock_is_kept_when_the_clock_changes() -> None:
    assert starts("FREQ=WEEKLY;COUNT=3", "2027-03-07T19:00") == [
        "2027-03-07T19:00-05:00",
        "2027-03-14T19:00-04:00",
        "2027-03-21T19:00-04:00",
    ]


def test_a_skipped_time_moves_forward_by_the_gap_and_later_ones_do_not() -> None:
    first = datetime(2027, 3, 13, 2, 30, tzinfo=NEW_YORK).astimezone(UTC)

    found = occurrences(parse_rule("FREQ=DAILY;COUNT=3"), first, NEW_YORK)

    assert [each.starts_at for each in found] == [
        datetime(2027, 3, 13, 7, 30, tzinfo=UTC),
        datetime(2027, 3, 14, 7, 30, tzinfo=UTC),
        datetime(2027, 3, 15, 6, 30, tzinfo=UTC),
    ]
    assert [each.moved for each in found] == [False, True, False]


def test_of_a_repeated_time_the_first_is_taken_unless_the_series_starts_in_the_second() -> None:
    assert starts("FREQ=DAILY;COUNT=2", "2027-11-06T01:30")[1] == "2027-11-07T01:30-04:00"

    second = datetime(2027, 11, 7, 1, 30, tzinfo=NEW_YORK, fold=1).astimezone(UTC)
    found = occurrences(parse_rule("FREQ=YEARLY;BYDAY=1SU;BYMONTH=11;COUNT=2"), second, NEW_YORK)
    assert [each.starts_at for each in found] == [
        datetime(2027, 11, 7, 6, 30, tzinfo=UTC),
        datetime(2028, 11, 5, 5, 30, tzinfo=UTC),
    ]


@pytest.mark.parametrize("zone", [*ODD_ZONES, "America/Santiago"])
def test_every_occurrence_shows_the_same_wall_clock_or_has_moved(zone: str) -> None:
    tz = ZoneInfo(zone)
    for clock in (0, 30, 2 * 60 + 15, 23 * 60 + 45):
        wall = datetime.fromisoformat("2026-12-01") + timedelta(minutes=clock)
        first = wall.replace(tzinfo=tz).astimezone(UTC)

        found = occurrences(parse_rule("FREQ=DAILY;COUNT=366"), first, tz)

        for number, each in enumerate(found):
            shown = each.starts_at.astimezone(tz).replace(tzinfo=None)
            expected = wall + timedelta(days=number)
            assert each.date == expected.date()
            assert each.moved == (shown != expected)
            assert timedelta(0) <= shown - expected <= timedelta(hours=2)


# ------------------------------------------------------------------------------------------- ends


def test_until_is_a_date_that_is_included_or_an_instant() -> None:
    assert len(starts("FREQ=DAILY;UNTIL=20270303", "2027-03-01T19:00")) == 3
    assert len(starts("FREQ=DAILY;UNTIL=20270304T000000Z", "2027-03-01T19:00")) == 3
    assert len(starts("FREQ=DAILY;UNTIL=20270303T235959Z", "2027-03-01T19:00")) == 2


def test_excluded_dates_count_and_are_left_out() -> None:
    found = starts(
        "FREQ=WEEKLY;COUNT=3", "2027-03-01T19:00", except_dates=frozenset({date(2027, 3, 8)})
    )

    assert [each[:10] for each in found] == ["2027-03-01", "2027-03-15"]


@pytest.mark.parametrize(
    ("text", "first", "problem"),
    [
        ("FREQ=WEEKLY;BYDAY=TU;COUNT=2", "2027-03-01T19:00", "doesn't include the first date"),
        ("FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2;COUNT=1", "2027-03-31T19:00", "first date"),
        ("FREQ=DAILY;UNTIL=20290302", "2027-03-01T19:00", "at most 24 months"),
        ("FREQ=DAILY;UNTIL=20290304T120000Z", "2027-03-01T19:00", "at most 24 months"),
        ("FREQ=YEARLY;COUNT=4", "2027-03-01T19:00", "at most 24 months"),
        ("FREQ=DAILY;UNTIL=20280301", "2027-03-01T19:00", "has 367 occurrences"),
        ("FREQ=DAILY;UNTIL=20270228", "2027-03-01T19:00", "before the first"),
    ],
)
def test_a_series_outside_its_limits_is_refused(text: str, first: str, problem: str) -> None:
    with pytest.raises(Invalid, match=problem) as refused:
        starts(text, first)
    assert refused.value.path == ("rrule",)


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO;COUNT=1",
        "FREQ=WEEKLY;BYDAY=TU;BYSETPOS=2;COUNT=1",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=1",
        "FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29;BYDAY=TU;COUNT=2",
    ],
)
def test_dateutil_searches_rare_dates_in_the_last_centuries_alone(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = []

    def recording(frequency: Any, dtstart: datetime, **rule: Any) -> rrule:
        searched.append(dtstart.year)
        return rrule(frequency, dtstart=dtstart, **rule)

    monkeypatch.setattr(recurrence, "rrule", recording)
    with pytest.raises(Invalid):
        starts(text, "2028-02-29T19:00")  # A Tuesday.

    assert min(searched) > MAXYEAR - 410


def test_series_at_their_limits() -> None:
    assert len(starts("FREQ=DAILY;UNTIL=20280229", "2027-03-01T19:00")) == 366
    assert len(starts("FREQ=MONTHLY;COUNT=25", "2027-03-01T19:00")) == 25
    assert len(starts("FREQ=MONTHLY;UNTIL=20290301", "2027-03-01T19:00")) == 25


def test_occurrences_keep_the_gaps_that_the_rooms_buffers_need() -> None:
    start = datetime(2027, 3, 1, 19, tzinfo=UTC)
    nights = [Interval.of_minutes(start + timedelta(days=n), 23 * 60) for n in range(3)]

    require_gaps(nights, minutes=60)

    with pytest.raises(Invalid, match="overlap") as refused:
        require_gaps(nights, minutes=61)
    assert refused.value.path == ("duration_minutes",)


@pytest.mark.parametrize(
    ("dates", "problem"),
    [
        ({date(2027, 3, 2)}, "no occurrence on 2027-03-02"),
        ({date(2027, 3, 1), date(2027, 3, 8)}, "All occurrences are excluded"),
    ],
)
def test_dates_that_cannot_be_excluded(dates: set[date], problem: str) -> None:
    with pytest.raises(Invalid, match=problem) as refused:
        starts("FREQ=WEEKLY;COUNT=2", "2027-03-01T19:00", except_dates=dates)
    assert refused.value.path == ("except_dates",)


# ----------------------------------------------------------------------------------- the RFC's text


@pytest.mark.parametrize(
    ("text", "first", "dates"),
    [
        # A weekday beside a numbered one: both, not those that are both.
        ("FREQ=MONTHLY;BYDAY=MO,2TU;COUNT=4", "2027-03-01", "03-01 03-08 03-09 03-15"),
        # BYSETPOS counts in the whole week, although the series starts in its middle.
        ("FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=2;COUNT=2", "2027-03-03", "03-03 03-10"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=2", "2027-03-31", "03-31 04-30"),
        ("FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR;COUNT=1", "2027-08-13", "08-13"),
        ("FREQ=MONTHLY;BYMONTHDAY=1,15,-1;BYSETPOS=-1,1;COUNT=2", "2027-03-01", "03-01 03-31"),
        ("FREQ=MONTHLY;COUNT=3", "2027-03-31", "03-31 05-31 07-31"),
        ("FREQ=YEARLY;COUNT=1", "2028-02-29", "02-29"),
        # Weeks from Monday and from Sunday: the example of the RFC.
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;COUNT=4", "2027-08-03", "08-03 08-08 08-17 08-22"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;COUNT=3;WKST=SU", "2027-08-03", "08-03 08-15 08-17"),
        ("FREQ=YEARLY;BYDAY=20MO;COUNT=2", "2027-05-17", "05-17 05-15"),
        ("FREQ=YEARLY;BYMONTHDAY=27;COUNT=3", "2027-03-27", "03-27 04-27 05-27"),
        ("FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=17;BYMONTH=2,3;COUNT=2", "2027-03-17", "03-17 03-17"),
    ],
)  # fmt: skip
def test_dates_by_the_text_of_the_rfc(text: str, first: str, dates: str) -> None:
    found = starts(text, f"{first}T19:00")

    assert [each[5:10] for each in found] == dates.split()


def test_random_rules_have_the_dates_of_the_rfc_and_of_dateutil() -> None:
    compare_random_rules(seed=1, count=150)


@pytest.mark.soak
def test_2000_random_rules_have_the_dates_of_the_rfc_and_of_dateutil() -> None:
    compare_random_rules(seed=2, count=2000)


def compare_random_rules(*, seed: int, count: int) -> None:
    compared = 0
    for rule, first in random_rules(seed, count):
        found = list(rule_dates(rule, first, through=first + timedelta(days=733)))

        assert found == dates_by_the_rfc(rule, first, days=734), (str(rule), first)
        if not dateutil_differs(rule):
            endless = str(rule).replace(f";COUNT={rule.count}", ";UNTIL=20331231")
            plain = rrulestr(endless, dtstart=datetime.combine(first, datetime.min.time()))
            assert [each.date() for each in plain][: len(found)] == found, (str(rule), first)
            compared += 1
    assert compared > count * 0.7


def dateutil_differs(rule: RecurrenceRule) -> bool:
    """Returns whether dateutil reads such a rule otherwise than the RFC; see the table above."""
    mixed = len({each.ordinal is None for each in rule.by_day}) == 2
    return mixed or (rule.frequency is Frequency.WEEKLY and bool(rule.by_position))


# --------------------------------------------------------------------------------------- the text


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=DAILY;COUNT=1",
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=20270301;BYDAY=MO,WE;WKST=SU",
        "FREQ=MONTHLY;UNTIL=20270301T120000Z;BYDAY=-1FR,2TU",
        "FREQ=YEARLY;COUNT=366;BYMONTHDAY=-31,1;BYMONTH=1,12;BYSETPOS=-366,366",
    ],
)
def test_a_rule_is_printed_as_it_is_parsed(text: str) -> None:
    assert str(parse_rule(text)) == text


def test_what_does_not_matter_is_tidied() -> None:
    text = "rrule:wkst=mo;freq=weekly;interval=1;count=5;byday=WE,we,+MO"
    with pytest.raises(Invalid):
        parse_rule(text)
    assert str(parse_rule(text.replace(",+MO", ",MO"))) == "FREQ=WEEKLY;COUNT=5;BYDAY=WE,MO"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "'' isn't a part of a rule"),
        ("FREQ=WEEKLY", "either COUNT or UNTIL"),
        ("FREQ=WEEKLY;COUNT=2;UNTIL=20270301", "either COUNT or UNTIL"),
        ("FREQ=HOURLY;COUNT=2", "FREQ is DAILY"),
        ("COUNT=2", "FREQ is DAILY"),
        ("FREQ=WEEKLY;COUNT=2;BYWEEKNO=3", "BYWEEKNO isn't supported"),
        ("FREQ=WEEKLY;COUNT=2;COUNT=3", "COUNT occurs twice"),
        ("FREQ=WEEKLY;COUNT", "'COUNT' isn't a part"),
        ("FREQ=WEEKLY;COUNT=0", "COUNT lies between 1 and 366"),
        ("FREQ=WEEKLY;COUNT=367", "COUNT lies between 1 and 366"),
        ("FREQ=WEEKLY;COUNT=9999999999999", "COUNT lies between 1 and 366"),
        ("FREQ=WEEKLY;COUNT=²", "COUNT lies between 1 and 366"),
        ("FREQ=WEEKLY;COUNT=2;INTERVAL=0", "INTERVAL lies between 1 and 999"),
        ("FREQ=WEEKLY;UNTIL=20270301T190000", "UNTIL is a date"),
        ("FREQ=WEEKLY;UNTIL=20270230", "UNTIL is a date"),
        ("FREQ=WEEKLY;COUNT=2;BYDAY=2TU", "Numbered weekdays need"),
        ("FREQ=MONTHLY;COUNT=2;BYDAY=0TU", "A weekday's number lies"),
        ("FREQ=MONTHLY;COUNT=2;BYDAY=TUE", "BYDAY holds weekdays"),
        ("FREQ=MONTHLY;COUNT=2;BYMONTHDAY=32", "BYMONTHDAY holds numbers"),
        ("FREQ=MONTHLY;COUNT=2;BYMONTHDAY=0", "BYMONTHDAY holds numbers"),
        ("FREQ=MONTHLY;COUNT=2;BYMONTH=-1", "BYMONTH holds numbers"),
        ("FREQ=WEEKLY;COUNT=2;BYMONTHDAY=1", "BYMONTHDAY isn't allowed in a WEEKLY"),
        ("FREQ=WEEKLY;COUNT=2;BYSETPOS=1", "BYSETPOS needs"),
        ("FREQ=WEEKLY;COUNT=2;WKST=1", "WKST is a weekday"),
    ],
)
def test_rules_that_are_refused(text: str, problem: str) -> None:
    with pytest.raises(Invalid, match=problem) as refused:
        parse_rule(text, path=("recurrence", "rrule"))
    assert refused.value.path == ("recurrence", "rrule")
