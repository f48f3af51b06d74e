"""Reads and changes of bookings: times that are booked, held and free."""
