"""A series that is cut has the dates of its rule: no date more, and none less."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from domain.bookings.recurrence import Occurrence, RecurrenceRule, occurrences
from domain.bookings.recurrence_text import parse_rule
from domain.bookings.series import ended_before
from domain.core.refusals import Invalid
from tests.domain.bookings.rules_by_the_rfc import random_rules

BERLIN = ZoneInfo("Europe/Berlin")


def found(rule: RecurrenceRule, starts_at: datetime) -> list[Occurrence]:
    return occurrences(rule, starts_at, BERLIN)


def at_ten(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 10, tzinfo=BERLIN).astimezone(UTC)


def test_the_rule_of_the_head_has_all_dates_before_the_cut() -> None:
    cuts = 0
    for rule, first in random_rules(seed=5, count=60):
        try:
            every = found(rule, at_ten(first))
        except Invalid:
            continue
        for place in range(1, len(every), 7):
            ended = ended_before(rule, every, every[place].starts_at)

            assert ended is not None
            assert found(ended, at_ten(first)) == every[:place]
            cuts += 1
    assert cuts > 20


@pytest.mark.parametrize("text", ["FREQ=DAILY;COUNT=3", "FREQ=DAILY;UNTIL=20270304"])
def test_nothing_is_left_before_the_first(text: str) -> None:
    rule = parse_rule(text)
    every = found(rule, at_ten(date(2027, 3, 2)))

    assert ended_before(rule, every, every[0].starts_at) is None
    assert ended_before(rule, every, at_ten(date(2027, 4, 1))) == rule
