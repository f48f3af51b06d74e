"""The dates of recurrence rules, as calendars on ical.js see them."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from domain.bookings.recurrence import Frequency, RecurrenceRule, rule_dates
from tests.domain.bookings.rules_by_the_rfc import random_rules
from tests.protocol.node_kit import Kit


async def test_random_rules_have_the_dates_of_ical_js(kit: Kit, tmp_path: Path) -> None:
    await compare(kit, tmp_path, seed=3, count=150)


@pytest.mark.soak
async def test_2000_random_rules_have_the_dates_of_ical_js(kit: Kit, tmp_path: Path) -> None:
    await compare(kit, tmp_path, seed=4, count=2000)


async def compare(kit: Kit, tmp_path: Path, *, seed: int, count: int) -> None:
    rules = [each for each in random_rules(seed, count) if not ical_js_differs(each[0])]
    wanted = [first_dates(rule, first) for rule, first in rules]
    given = [
        {"rule": ending(rule), "first": str(first), "count": len(dates)}
        for (rule, first), dates in zip(rules, wanted, strict=True)
    ]
    asked = tmp_path / "rules.json"
    asked.write_text(json.dumps(given))

    async with kit.running("recurrence.mjs", str(asked)) as lines:
        for (rule, first), dates in zip(rules, wanted, strict=True):
            assert await lines.next() == dates, (str(rule), first)
    assert len(rules) > count / 2


def first_dates(rule: RecurrenceRule, first: date) -> list[str]:
    """Its first dates, at most 20, within 24 months."""
    dates = rule_dates(rule, first, through=first + timedelta(days=730))
    return [str(each) for each in dates][:20]


def ending(rule: RecurrenceRule) -> str:
    """Returns the rule with an end far away, for other implementations."""
    return str(rule).replace(f"COUNT={rule.count}", "UNTIL=20330101")


def ical_js_differs(rule: RecurrenceRule) -> bool:
    """Returns whether ical.js 2.2 reads such a rule otherwise than the RFC, or not at all."""
    yearly = rule.frequency is Frequency.YEARLY
    monthly = rule.frequency is Frequency.MONTHLY
    return bool(
        # It loses dates, or the rule's end, where days of the month are combined with others.
        (rule.by_month_day and (not monthly or rule.by_day or rule.by_position))
        # It takes whichever month of BYMONTH comes next, whatever the interval, and one twice.
        or (monthly and rule.by_month)
        # It numbers the weekdays of a month, not of the year, and positions within a month.
        or (yearly and (rule.by_day or rule.by_position))
        # It knows positions only in months, and loses them where a numbered weekday is missing.
        or (rule.by_position and (not monthly or any(each.ordinal for each in rule.by_day)))
    )
