"""The API of the assistant: suggested times, and requests in natural language."""

from typing import Final

from schema.assistant.booking_requests import BookingRequestQueries, VenueBookingRequests
from schema.assistant.suggestions import SuggestionQueries, VenueSuggestions
from schema.core.areas import Area

AREA: Final = Area(
    queries=(SuggestionQueries, BookingRequestQueries),
    extensions=(VenueSuggestions, VenueBookingRequests),
)
