"""Rules without a framework: what is allowed, what it costs, what is free."""
