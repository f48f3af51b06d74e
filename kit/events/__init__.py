"""The log of changes as live streams."""
