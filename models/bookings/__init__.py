"""Tables and statements of bookings: times that are booked, held and free."""
