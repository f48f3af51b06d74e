"""Rules of venue: rooms and opening hours."""
