"""Background jobs, which every process runs in addition to serving requests."""
