"""Tables and statements of payments: money for bookings."""
