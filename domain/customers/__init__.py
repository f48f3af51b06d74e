"""Rules of customers: their fields, tags and merges."""
