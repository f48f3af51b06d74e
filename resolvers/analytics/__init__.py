"""Use cases of analytics: figures of a venue's bookings."""
