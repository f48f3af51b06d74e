"""Use cases of customers: records, tags and merges."""
