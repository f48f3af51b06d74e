"""Demo data: venues with bookings around today."""
