"""Pure business rules: what is allowed, what it costs, which times are free."""
