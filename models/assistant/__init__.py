"""Tables and statements of the assistant."""
