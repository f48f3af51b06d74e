"""The API of venue: rooms and opening hours."""
