"""Reads and changes of payments: money for bookings."""
