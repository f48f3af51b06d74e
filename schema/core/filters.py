"""Inputs by which lists are narrowed that stand in more than one place of the schema."""

import schema.core.enums  # noqa: F401 - described before they are used
from models.bookings.bookings import BookingFilter, BookingOrder, StatusFilter
from models.core.filters import DateTimeRange, IdFilter
from schema.core.inputs import input_type

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
    nulls=False,
    eq="Exactly this one.",
    in_="One of these: at most 100.",
)

input_type(
    StatusFilter,
    "Statuses as they count now: a hold past its time is EXPIRED. All given fields are ANDed.",
    name="StatusFilter",
    nulls=False,
    eq="Exactly this one.",
    in_="One of these.",
    not_in="None of these.",
)
input_type(
    BookingFilter,
    "All given fields are ANDed.",
    name="BookingFilter",
    overlaps="Shares some time with the range.",
    starts_at="Starts within the range.",
    updated_at="Last changed within the range.",
    room_id="Of these rooms.",
    customer_id="Of these customers. Needs `customers:read`.",
    status="With these statuses.",
    search="Somewhere in the reference, with or without its dash, or in the customer's name, "
    "whatever its case and accents, e-mail address or phone number, as far as the caller may read "
    "them. At most 100 characters.",
)
input_type(
    BookingOrder,
    "One key to sort by.",
    name="BookingOrder",
    field="What to sort by.",
    direction="Which end comes first.",
)
