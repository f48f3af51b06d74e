"""Authentication, secrets, encryption and rate limits."""
