"""The size of a party, by which prices of each person change."""

from domain.bookings.pricing import PriceUnit
from models.bookings.bookings import Booking
from models.bookings.stored_prices import price_columns


def set_party_size(booking: Booking, party_size: int) -> None:
    """Sets the number of people, and with it the price: at that which each was to pay."""
    booking.party_size = party_size
    if party_size < 1 or not _is_by_person(booking):
        return
    price = booking.breakdown
    assert price is not None, "it has lines"
    for name, value in price_columns(price.for_party(party_size)).items():
        setattr(booking, name, value)


def _is_by_person(booking: Booking) -> bool:
    lines = booking.price_lines or ()
    return any(line.get("unit") == PriceUnit.PERSON.value for line in lines)
