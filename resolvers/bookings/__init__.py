"""Use cases of bookings: availability, holds, bookings and guests."""
