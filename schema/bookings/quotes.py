"""Quotes: what a booking would cost."""

import strawberry

from permissions.roles import P
from resolvers.bookings import quotes
from schema.bookings.prices import PriceBreakdown
from schema.core.fields import column, query, value
from schema.core.inputs import input_type
from schema.core.money import Money

input_type(
    quotes.QuoteRequest,
    "A booking whose price to work out.",
    name="QuoteInput",
    nulls=False,
    room_id="The room to book.",
    also_room_ids="Further rooms to book together with it.",
    start="When the booking starts.",
    duration_minutes="The duration of the booking in minutes: 1 to 44,700.",
    party_size="The number of people.",
    customer_id="The customer to book for, whose tags may decide about the price. Requires "
    "`customers:read`; customers only get their own prices.",
    coupon_code="The code of a coupon that is to lower the price.",
)


@value(quotes.Quote)
class Quote:
    """What a booking would cost if it was made now."""

    price: PriceBreakdown | None = column(
        "The price, line by line, or null if the room has no price."
    )
    due_now: Money | None = column(
        "What the caller has to pay in advance for the booking, or null if nothing."
    )


@strawberry.type
class QuoteQueries:
    quote: Quote | None = query(quotes.quote, requires=P.PRICES_READ)
