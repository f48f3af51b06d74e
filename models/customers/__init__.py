"""Tables and statements of customers."""
