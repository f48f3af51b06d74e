"""Quarters of the calendar, by which figures of customers are kept."""

from datetime import date

import pytest

from domain.analytics.periods import quarter_of, quarters_of
from domain.analytics.spans import DateSpan

WINTER = DateSpan(date(2027, 1, 1), date(2027, 4, 1))
AUTUMN = DateSpan(date(2027, 10, 1), date(2028, 1, 1))


@pytest.mark.parametrize(
    ("day", "quarter"),
    [
        (date(2027, 1, 1), WINTER),
        (date(2027, 2, 28), WINTER),
        (date(2027, 3, 31), WINTER),
        (date(2027, 12, 31), AUTUMN),
        (date(2028, 2, 29), DateSpan(date(2028, 1, 1), date(2028, 4, 1))),
    ],
)
def test_each_date_has_a_quarter(day: date, quarter: DateSpan) -> None:
    assert quarter_of(day) == quarter


def test_the_quarters_of_dates_are_in_order() -> None:
    dates = [date(2027, 11, 3), date(2027, 3, 1), date(2027, 10, 1), date(2027, 1, 31)]

    assert quarters_of(dates) == [WINTER, AUTUMN]
