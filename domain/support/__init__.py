"""Support: tickets and articles."""
