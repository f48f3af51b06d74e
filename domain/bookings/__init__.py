"""Rules of bookings: availability, lifecycle, prices and guests' limits."""
