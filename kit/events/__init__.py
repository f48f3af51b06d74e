"""Event streams from the log of changes."""
