"""Machinery that knows nothing of bookings."""
