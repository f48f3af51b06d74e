"""Rules of payments: money for bookings."""
