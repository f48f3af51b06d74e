"""Use cases of the venue: rooms, opening hours and blackouts."""
