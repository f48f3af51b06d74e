"""The demo: venues with bookings around today."""
