"""Tables and statements of venue: rooms and opening hours."""
