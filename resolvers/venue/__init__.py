"""Reads and changes of venue: rooms and opening hours."""
