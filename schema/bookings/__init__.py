"""The API of bookings: times that are booked, held and free."""
