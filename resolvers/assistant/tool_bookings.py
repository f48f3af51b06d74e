"""The tool that reads bookings: a customer's own, or those that the team looks for."""

from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import Field

from domain.assistant.citations import Source
from domain.core.intervals import Interval
from domain.core.text import MAX_SEARCH_LENGTH, SearchText
from kit.postgres.keyset_pagination import Window, windowed
from kit.scope import Scope
from models.bookings.bookings import Booking
from models.bookings.filters import BookingFilter
from models.core.filters import DateTimeRange
from permissions.policy import may, only_own
from permissions.reads import check_reads
from permissions.roles import P
from resolvers.assistant.tool_times import DateText, dates, local, money
from resolvers.assistant.tools import Caller, Parameters, Result, ToolSpec
from resolvers.bookings import booking_access
from resolvers.bookings.reading import bookings_now

MAX_SHOWN: Final = 20
_AHEAD: Final = timedelta(days=365)
SearchFor = Annotated[
    str,
    Field(
        description="A reference, or part of a customer's name.",
        min_length=1,
        max_length=MAX_SEARCH_LENGTH,
    ),
]


class MyBookings(Parameters):
    date_from: DateText | None
    date_until: DateText | None
    search: SearchFor | None


async def my_bookings(caller: Caller, given: MyBookings) -> Result:
    async with caller.reading() as scope:
        if given.date_from is not None:
            time = dates(given.date_from, given.date_until, caller.zone)
        else:
            time = Interval(scope.now(), scope.now() + _AHEAD)
        wanted = BookingFilter(
            # A reference is looked for among all bookings.
            overlaps=None
            if given.search and given.date_from is None
            else DateTimeRange(time.start, time.end),
            search=None if given.search is None else SearchText(given.search),
        )
        check_reads(scope.actor, {"filter": wanted})
        listing = bookings_now(scope, filter=wanted)
        rows = await (listing.load or scope.all)(windowed(listing, Window(first=MAX_SHOWN)))
        shown = [await shown_booking(scope, each, caller) for each in rows[:MAX_SHOWN]]
    return Result(
        {"bookings": [booking for booking, _ in shown], "more": len(rows) > MAX_SHOWN},
        [source for _, source in shown],
    )


async def shown_booking(
    scope: Scope, booking: Booking, caller: Caller
) -> tuple[dict[str, Any], Source]:
    """Returns a booking for a model, without notes and contact data, and as a source."""
    room = await scope.loaders.related(booking, "room")
    start = local(booking.starts_at, caller.zone)
    shown: dict[str, Any] = {
        "id": f"booking:{booking.reference}",
        "reference": booking.reference,
        "status": booking_access.status(scope, booking).value,
        "room": room.name,
        "room_id": str(booking.room_id),
        "start": start,
        "end": local(booking.ends_at, caller.zone),
        "party_size": booking.party_size,
        "price": money(booking.price) if may(scope.actor, P.PRICES_READ) else None,
    }
    if booking.customer_id is not None and not only_own(scope.actor, P.BOOKINGS_READ):
        customer = await scope.loaders.related(booking, "customer")
        if customer is not None and may(scope.actor, P.CUSTOMERS_READ, customer):
            shown["customer"] = customer.name
    label = f"{booking.reference}, {start.replace('T', ' ')}"
    return shown, Source(shown["id"], label, ("Booking", str(booking.id)))


BOOKING_TOOLS: Final = (
    ToolSpec(
        "my_bookings",
        "Lists bookings in the order of their starts: those of the person who asks, or, for the "
        "venue's team, of all customers. By default the coming ones. `search` finds a reference, "
        "or customers by name.",
        MyBookings,
        my_bookings,
        requires=P.BOOKINGS_READ,
        points=20,
    ),
)
