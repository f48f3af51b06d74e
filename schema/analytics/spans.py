"""Which dates and rooms figures are about."""

from domain.analytics import spans
from models.analytics import filters
from schema.core.enums import describe
from schema.core.inputs import input_type

describe(
    spans.Comparison,
    "The earlier dates that figures are compared with.",
    PREVIOUS_PERIOD="As many dates, directly before the span.",
    PREVIOUS_YEAR="The same dates a year earlier; 28 February instead of the 29th.",
)
DateSpan = input_type(
    spans.DateSpan,
    "Dates of the venue: `from` is in, `until` is not. At most 800 days.",
    name="DateSpan",
    from_="The first date, included.",
    until="The end of the span, excluded: 1 to 800 days after `from`.",
)
AnalyticsFilter = input_type(
    filters.AnalyticsFilter,
    "Restricts figures to some rooms. All conditions have to be met.",
    name="AnalyticsFilter",
    room_ids="The rooms to count: at most 250. All by default.",
    categories="The categories of rooms to count: at most 100. All by default.",
)
