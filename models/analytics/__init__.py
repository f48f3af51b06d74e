"""Tables and statements of analytics."""
