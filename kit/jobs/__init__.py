"""Background jobs: a queue in PostgreSQL, and the workers that run its jobs."""
