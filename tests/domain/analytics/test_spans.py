"""Spans of dates, and the earlier ones that they are compared with."""

from datetime import date

import pytest

from domain.analytics.spans import Comparison, DateSpan, compared_with, span_problem

MARCH = DateSpan(date(2027, 3, 1), date(2027, 4, 1))


def test_a_span_has_its_first_date_and_not_its_last() -> None:
    assert MARCH.days == 31
    assert MARCH.dates()[0] == date(2027, 3, 1)
    assert MARCH.dates()[-1] == date(2027, 3, 31)
    assert date(2027, 3, 1) in MARCH
    assert date(2027, 4, 1) not in MARCH


@pytest.mark.parametrize(
    ("from_", "until", "problem"),
    [
        (date(2027, 3, 1), date(2027, 3, 2), None),
        (date(2027, 3, 1), date(2029, 5, 9), None),
        (date(2027, 3, 1), date(2029, 5, 10), "`until` must be 1 to 800 days after `from`."),
        (date(2027, 3, 1), date(2027, 3, 1), "`until` must be 1 to 800 days after `from`."),
        (date(2027, 3, 2), date(2027, 3, 1), "`until` must be 1 to 800 days after `from`."),
        (
            date(1970, 12, 31),
            date(1971, 1, 2),
            "The years of `from` and `until` must be 1971 to 2199.",
        ),
    ],
)
def test_what_is_wrong_with_a_span(from_: date, until: date, problem: str | None) -> None:
    assert span_problem(DateSpan(from_, until)) == problem


@pytest.mark.parametrize(
    ("span", "comparison", "earlier"),
    [
        (MARCH, Comparison.PREVIOUS_PERIOD, DateSpan(date(2027, 1, 29), date(2027, 3, 1))),
        (MARCH, Comparison.PREVIOUS_YEAR, DateSpan(date(2026, 3, 1), date(2026, 4, 1))),
        (
            DateSpan(date(2028, 1, 1), date(2029, 1, 1)),
            Comparison.PREVIOUS_YEAR,
            DateSpan(date(2027, 1, 1), date(2028, 1, 1)),
        ),
        (
            DateSpan(date(2028, 2, 29), date(2028, 3, 1)),
            Comparison.PREVIOUS_YEAR,
            DateSpan(date(2027, 2, 28), date(2027, 3, 1)),
        ),
        (
            DateSpan(date(2028, 2, 28), date(2028, 2, 29)),
            Comparison.PREVIOUS_YEAR,
            DateSpan(date(2027, 2, 28), date(2027, 3, 1)),
        ),
    ],
)
def test_the_earlier_span(span: DateSpan, comparison: Comparison, earlier: DateSpan) -> None:
    assert compared_with(span, comparison) == earlier
