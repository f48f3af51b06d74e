"""Tables and statements of audit: the log of changes."""
