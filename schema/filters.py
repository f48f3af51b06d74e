"""Inputs by which lists are narrowed, whatever they list."""

from models.filters import DateTimeRange, IdFilter
from schema.inputs import input_type

DateTimeRangeInput = input_type(
    DateTimeRange,
    "Half-open: gte <= x < lt.",
    name="DateTimeRange",
    gte="From this instant on.",
    lt="Before this instant.",
)
