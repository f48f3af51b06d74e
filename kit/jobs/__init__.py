"""Due work: a queue in PostgreSQL and the workers that empty it."""
