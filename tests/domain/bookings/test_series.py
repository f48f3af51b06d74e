"""A series that is cut or moved has the dates of its rule: no date more, and none less."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.bookings.recurrence import Occurrence, RecurrenceRule, occurrences
from domain.bookings.recurrence_text import parse_rule
from domain.bookings.series import continued_from, ended_before, shifted, shifted_start
from domain.core.refusals import Invalid
from tests.domain.bookings.rules_by_the_rfc import random_rules

BERLIN = ZoneInfo("Europe/Berlin")


def found(rule: RecurrenceRule, starts_at: datetime) -> list[Occurrence]:
    return occurrences(rule, starts_at, BERLIN)


def at_ten(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 10, tzinfo=BERLIN).astimezone(UTC)


def series(seed: int) -> Iterator[tuple[RecurrenceRule, date, list[Occurrence]]]:
    """Rules whose occurrences may be booked, with their first date and their occurrences."""
    for rule, first in random_rules(seed=seed, count=80):
        try:
            yield rule, first, found(rule, at_ten(first))
        except Invalid:
            continue


def test_head_and_tail_have_the_dates_of_the_rule() -> None:
    cuts = 0
    for rule, first, every in series(seed=5):
        for place in range(1, len(every), 7):
            cut = every[place].starts_at
            head, tail = ended_before(rule, every, cut), continued_from(rule, every, cut)

            assert head is not None
            assert found(head, at_ten(first)) == every[:place]
            assert found(tail, cut) == every[place:]
            cuts += 1
    assert cuts > 20


@pytest.mark.parametrize("days", [-9, -1, 1, 6, 30])
def test_shifted_rules_have_dates_so_many_days_later(days: int) -> None:
    moved = 0
    for rule, first, every in series(seed=6):
        try:
            later = shifted(rule, every, days)
        except Invalid:
            assert rule.frequency in ("MONTHLY", "YEARLY") or rule.by_month or rule.by_month_day
            continue
        dates = [each.date for each in found(later, at_ten(first + timedelta(days=days)))]

        assert dates == [each.date + timedelta(days=days) for each in every]
        moved += 1
    assert moved > 5


def test_the_last_occurrence_stays_if_the_rule_ends_at_an_instant() -> None:
    rule = parse_rule("FREQ=DAILY;UNTIL=20270304T100000Z")
    every = found(rule, datetime(2027, 3, 2, 10, tzinfo=UTC))

    assert str(shifted(rule, every, 0)) == "FREQ=DAILY;UNTIL=20270304"
    assert str(shifted(rule, every, -1)) == "FREQ=DAILY;UNTIL=20270303"


def test_a_shifted_start_keeps_the_wall_clock() -> None:
    # The clock is put forward from 02:00 to 03:00 on 28 March.
    start = datetime(2027, 3, 26, 9, tzinfo=UTC)

    assert shifted_start(start, BERLIN, days=2, to=time(2, 30)) == datetime(
        2027, 3, 28, 1, 30, tzinfo=UTC
    )
    assert shifted_start(start, BERLIN, days=3, to=time(2, 30)) == datetime(
        2027, 3, 29, 0, 30, tzinfo=UTC
    )


@pytest.mark.parametrize("text", ["FREQ=DAILY;COUNT=3", "FREQ=DAILY;UNTIL=20270304"])
def test_nothing_is_left_before_the_first(text: str) -> None:
    rule = parse_rule(text)
    every = found(rule, at_ten(date(2027, 3, 2)))

    assert ended_before(rule, every, every[0].starts_at) is None
    assert ended_before(rule, every, at_ten(date(2027, 4, 1))) == rule
