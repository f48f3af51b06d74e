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

IdFilterInput = input_type(
    IdFilter,
    "One id, or any of several. An id of nothing matches nothing.",
    name="IdFilter",
    eq="Exactly this one.",
    in_="One of these: at most 100.",
)
