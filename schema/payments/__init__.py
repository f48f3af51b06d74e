"""The API of payments: money for bookings."""
